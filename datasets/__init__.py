"""Databases as their owners distribute them, prepared arrays and protocols."""
