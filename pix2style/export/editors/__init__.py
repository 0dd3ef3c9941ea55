"""Filters in the form in which programs for editing images take them."""
