"""Making a pair set: photos in, painted pairs out."""
