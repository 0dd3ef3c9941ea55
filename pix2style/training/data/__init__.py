"""From pair sets to batches of tensors."""
