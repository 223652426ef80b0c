"""What the readers of databases share."""
