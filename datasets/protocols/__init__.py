"""Who is tested against whom."""
