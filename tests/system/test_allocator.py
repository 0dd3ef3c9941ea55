from __future__ import annotations

import resource
import subprocess
import sys

import pytest

_FAULTS = """
import resource, sys, torch
from pix2style.system.allocator import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit(3)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(number) for number in (16_000_000, 8_388_608, 4_194_304, 300_000)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
for _ in range(9):
    last = faults()
print(last)
"""
_BYTES = 4 * (16_000_000 + 8_388_608 + 4_194_304 + 300_000)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc has the setting")
def test_freed_memory_is_used_again_without_page_faults() -> None:
    """With the setting, the system does not have to fill pages with zeros for memory that a step allocates again."""
    page_faults = {}
    for way in ("keep", "plain"):
        done = subprocess.run([sys.executable, "-c", _FAULTS, way], capture_output=True, text=True, check=False)
        if done.returncode == 3:
            pytest.skip("no glibc")
        page_faults[way] = int(done.stdout)
    pages = _BYTES // resource.getpagesize()
    assert page_faults["plain"] > pages // 4
    assert page_faults["keep"] < pages // 20
