"""Pictures of cells, alphas and confusion matrices."""
