"""Reports of runs, pair sets and evaluations: one HTML file each, which needs no network and no other file."""
