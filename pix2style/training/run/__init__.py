"""A training run from start to finish: loop, validation, checkpoints, resuming."""
