"""Import and export pair sets: two folders, side-by-side images and parquet files."""
