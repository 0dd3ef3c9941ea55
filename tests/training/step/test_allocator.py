from __future__ import annotations

import resource
import subprocess
import sys

import pytest

_FAULTS = """
import resource, sys, torch
from pix2style.training.step.allocator import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit(3)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    pictures = [torch.ones(number) for number in (16_000_000, 8_388_608, 4_194_304, 300_000)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
for _ in range(9):
    last = faults()
print(last)
"""
_BYTES = 4 * (16_000_000 + 8_388_608 + 4_194_304 + 300_000)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_memory_that_is_freed_is_kept() -> None:
    """A step's memory comes back without a page being filled with zeros."""
    found = {}
    for way in ("keep", "plain"):
        done = subprocess.run([sys.executable, "-c", _FAULTS, way], capture_output=True, text=True, check=False)
        if done.returncode == 3:
            pytest.skip("no glibc")
        found[way] = int(done.stdout)
    pages = _BYTES // resource.getpagesize()
    assert found["plain"] > pages // 4
    assert found["keep"] < pages // 20
