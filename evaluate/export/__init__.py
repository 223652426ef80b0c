"""The command emonas-export."""
