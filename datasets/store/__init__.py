"""Prepared data sets: how they are made, kept and read."""
