"""Where painting runs: in this process, or on a Ray cluster."""
