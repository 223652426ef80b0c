"""A file for each database, and the registry that finds them by name."""
