"""The loop that trains a network on given batches."""
