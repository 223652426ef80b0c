"""The command emonas-explain."""
