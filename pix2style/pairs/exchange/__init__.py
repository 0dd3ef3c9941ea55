"""Pair sets to and from other people's layouts: two folders, side-by-side pictures, parquet."""
