"""Load, by being imported, what all workers need into the process from which they are forked, so that they share it.

No session of ONNX Runtime is opened here, because its threads would not exist in the forked processes.
"""

from __future__ import annotations

import gc

import numpy as np

import pix2style.serve.worker  # noqa: F401 (loads all that a worker needs)
from pix2style.images import decode_images, encode_jpeg
from pix2style.system.workers import ignore_stop_signals

# Workers can then be replaced until the front process ends; its end ends this process, too.
ignore_stop_signals()
# Pillow imports its decoders when the first picture is opened.
decode_images(encode_jpeg(np.zeros((8, 8, 3), np.uint8)), name="a black picture")
gc.collect()
# Otherwise the first garbage collection in a worker would write to nearly all shared memory, and so copy it.
gc.freeze()
