"""A pair set becomes a run."""
