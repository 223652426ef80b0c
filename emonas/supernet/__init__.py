"""The supernet in its fast form."""
