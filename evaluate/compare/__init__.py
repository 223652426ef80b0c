"""The command emonas-compare."""
