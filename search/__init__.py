"""Strategies that find cells, and the loop that runs them."""
