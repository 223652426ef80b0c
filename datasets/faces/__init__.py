"""Faces: how they are found and cut out."""
