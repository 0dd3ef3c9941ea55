"""Make a pair set: stylize photos with teachers and store the pairs in shards."""
