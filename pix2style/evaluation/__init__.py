"""Stylizers in numbers: how near they come to the teacher, to the style, and what they cost."""
