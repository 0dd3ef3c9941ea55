"""Networks, with flat arguments and no configuration inside; photos and pictures are float32 NCHW in [-1, 1]."""
