"""Metrics, intervals and results.json: what the commands share."""
