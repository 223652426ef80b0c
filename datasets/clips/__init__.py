"""Samples and their frames, and the picture that a clip becomes."""
