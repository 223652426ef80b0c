"""A trained network and its file."""
