"""Checks of finished pair sets: damage, misalignment, duplicates."""
