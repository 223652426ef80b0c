"""Drawn faces, and the sets that consist of them."""
