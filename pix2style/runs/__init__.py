"""Read run folders: their layout, and the trained generator in them."""
