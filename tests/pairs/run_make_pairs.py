"""Make a pair set in a process that tests kill: python run_make_pairs.py CONTENT OUT LOG DELAY_S [LIMIT_BYTES]."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from tint import TintTeacher

from pix2style.config.pairs import PairsConfig
from pix2style.errors import Pix2StyleError
from pix2style.pairs.build.make_pairs import make_pairs

content, out, log = (Path(one) for one in sys.argv[1:4])
if len(sys.argv) > 5:
    # Files cannot grow beyond this size; for a program this looks like a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[5]), resource.RLIM_INFINITY))
teacher = TintTeacher(log=log, before_photo=lambda: time.sleep(float(sys.argv[4])), batch_sensitive=True)
try:
    make_pairs(PairsConfig(content=(content,), size=32, pairs_per_shard=10, batch=4), teacher, out)
except Pix2StyleError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
