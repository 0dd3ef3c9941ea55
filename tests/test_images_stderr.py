"""What libtiff writes to stderr is caught, and never at the cost of the picture, of other files or of a fork."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import TiffImagePlugin

from pix2style.images import decode_picture, read_picture, stderr_text, tiff
from pix2style.images.stderr_text import caught_stderr

from pictures import encoded, ramps  # isort: skip

TIFF = re.compile("TIFF: ")


def no_folder(*_args: object, **_options: object) -> None:
    raise FileNotFoundError(2, "No usable temporary directory found")


def test_a_tiff_is_read_without_a_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.tif").write_bytes(encoded(ramps(), "TIFF", compression="tiff_lzw"))
    monkeypatch.setattr(tempfile, "TemporaryFile", no_folder)
    assert np.array_equal(read_picture(tmp_path / "a.tif").rgb, ramps())
    with caught_stderr(TIFF) as lines:
        os.write(2, b"TIFF: not caught\n")
    assert lines == []
    assert capfd.readouterr().err == "TIFF: not caught\n"


def test_a_reader_of_stderr_may_be_gone() -> None:
    code = """
import os, re, sys
from pix2style.images.stderr_text import caught_stderr
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 2)
with caught_stderr(re.compile("TIFF: ")) as lines:
    os.write(2, b"TIFF: caught\\nof another thread\\n")
print(lines, flush=True)
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "['TIFF: caught']\n"


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize("closed", ["2>&-", "<&- 2>&-", "<&- >/dev/null 2>&-"])
@pytest.mark.parametrize("first", ["", "other = open('other', 'w+');"])
def test_other_files_are_safe_if_stderr_is_closed(tmp_path: Path, closed: str, first: str) -> None:
    """The next file that is opened gets the number 2, unless that was given away before."""
    (tmp_path / "a.tif").write_bytes(encoded(ramps(), "TIFF", compression="tiff_lzw"))
    code = f"""
{first}
import os, re
from pathlib import Path
from pix2style.images import read_picture
from pix2style.images.stderr_text import caught_stderr
other = {"other" if first else "open('other', 'w+')"}
assert bool({bool(first)}) == (other.fileno() == 2) or {closed != "2>&-"}
read_picture(Path("a.tif"))
with caught_stderr(re.compile("TIFF: ")):
    other.write("mine")
    other.flush()
    if other.fileno() != 2:
        os.write(2, b"TIFF: lost")
read_picture(Path("a.tif"))
other.write(" and mine")
other.close()
Path("done").write_text("yes")
"""
    (tmp_path / "code.py").write_text(code)
    subprocess.run(["sh", "-c", f'exec "$0" code.py {closed}', sys.executable], cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / "done").read_text() == "yes"
    assert (tmp_path / "other").read_text() == "mine and mine"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_reads_its_first_tiff_though_another_thread_read_one_at_the_fork(tmp_path: Path) -> None:
    data = encoded(ramps(), "TIFF", compression="tiff_lzw")
    caught, forked = threading.Event(), threading.Event()

    def read() -> None:
        with tiff._SWITCH, caught_stderr(TIFF):
            TiffImagePlugin.READ_LIBTIFF = True
            caught.set()
            forked.wait(60)
            TiffImagePlugin.READ_LIBTIFF = False

    original = os.fstat(2)
    thread = threading.Thread(target=read)
    thread.start()
    caught.wait(60)
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends a child that hangs
        stderr = os.fstat(2)
        is_restored = (stderr.st_dev, stderr.st_ino) == (original.st_dev, original.st_ino)
        is_free = not tiff._SWITCH.locked() and not TiffImagePlugin.READ_LIBTIFF
        is_read = np.array_equal(decode_picture(data, name="x").rgb, ramps())
        os._exit(0 if is_restored and is_free and is_read and stderr_text._CATCHER.original is None else 3)
    forked.set()
    assert os.waitpid(child, 0)[1] == 0
    thread.join()
    assert os.fstat(2).st_ino == original.st_ino
    assert not tiff._SWITCH.locked()
