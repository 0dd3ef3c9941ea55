"""A run becomes a verified filter file."""
