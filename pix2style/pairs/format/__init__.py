"""Define the files of a pair set, and write and read them."""
