"""Teachers: stylizers that need no training, and make the targets from which a generator learns."""
