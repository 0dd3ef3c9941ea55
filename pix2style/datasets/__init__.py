"""Folders of photos and paintings: fetched, looked through, and described by a card."""
