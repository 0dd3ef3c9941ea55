"""Pair sets: photos and what a teacher made of them, in tar shards with an index and a manifest."""
