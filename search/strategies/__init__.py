"""A file for each strategy, and the registry that finds them by name."""
