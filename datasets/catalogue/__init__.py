"""What data sets there are, what is known of each, and what was found in a source."""
