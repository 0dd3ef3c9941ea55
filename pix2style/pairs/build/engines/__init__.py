"""Make shards in this process or on a Ray cluster."""
