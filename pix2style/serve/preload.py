"""What the process loads from which workers are forked. Importing this module does it; workers then share the memory.

No session of ONNX Runtime is opened here: its threads would not exist in the forked processes.
"""

from __future__ import annotations

import gc

import numpy as np

import pix2style.serve.worker  # noqa: F401 (loads all that a worker needs)
from pix2style.images import decode_images, encode_jpeg
from pix2style.system.workers import ignore_stop_signals

ignore_stop_signals()  # workers can be replaced until the front process has ended, which ends this one, too
# Pillow imports its decoders when the first picture is opened.
decode_images(encode_jpeg(np.zeros((8, 8, 3), np.uint8)), name="a black picture")
gc.collect()
gc.freeze()  # else the first collection in a worker would write to, and so copy, nearly all memory that is shared
