"""Video clips: read, stylize and write them, with their sound and their frame times. Needs the extra `video` (PyAV)."""
