"""The command emonas-profile."""
