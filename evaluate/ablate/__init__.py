"""The command emonas-ablate."""
