"""Free sample photos that quickstart trains on; photos/ and LICENSES.md."""
