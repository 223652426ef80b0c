"""What a found cell is worth: training, protocols, metrics, results."""
