"""Load training batches from pair sets or photos: open, decode, crop, degrade, convert to tensors."""
