"""The command emonas-predict."""
