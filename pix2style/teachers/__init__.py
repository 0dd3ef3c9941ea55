"""Who paints: stylizers that need no training."""
