"""Checkpoints: writing, keeping, resuming from and starting from them."""
