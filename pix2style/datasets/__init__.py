"""Download datasets of photos and style images, scan them, and describe them in a dataset card."""
