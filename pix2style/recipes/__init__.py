"""Work that joins several stages, such as quickstart."""
