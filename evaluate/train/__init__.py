"""The command emonas-train."""
