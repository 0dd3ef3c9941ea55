"""A program that stylizes a clip, and that something happens to at a certain frame: kill, interrupt, full or nothing.

Run: python run_stylize_clip.py CLIP OUT FRAME kill|interrupt|full|nothing
"""

from __future__ import annotations

import os
import resource
import signal
import sys

from negative_stylizer import Negative

from pix2style.errors import Pix2StyleError
from pix2style.video import stylize_clip

CLIP, OUT, FRAME, EVENT = sys.argv[1:]


def happen() -> None:
    if EVENT == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if EVENT == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
    if EVENT == "full":  # no file may grow beyond what the record needs
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, resource.RLIM_INFINITY))


signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    report = stylize_clip(Negative((int(FRAME), happen)), CLIP, OUT, segment_frames=12)
except Pix2StyleError as error:
    sys.exit(str(error))
print(report.resumed_frames)
