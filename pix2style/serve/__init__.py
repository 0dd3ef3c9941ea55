"""Filters on a server: HTTP requests in one process, and pictures in worker processes behind it."""
