"""Stylizers in numbers."""
