"""The operations of the search space: their table, and the modules that compute them."""
