"""What the commands and their Python functions take: types with ranges, and options by keyword. Light to import."""
