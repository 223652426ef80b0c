"""Batches of prepared pictures, and how they are augmented."""
