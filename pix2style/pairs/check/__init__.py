"""Check pair sets: damaged files, misaligned and duplicate pairs, and what a set contains."""
