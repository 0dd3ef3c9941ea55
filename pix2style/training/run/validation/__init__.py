"""Validation on held-out photos during training: metrics, image grids and early stopping."""
