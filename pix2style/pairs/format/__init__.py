"""The files of a pair set: their types, and how they are written and read."""
