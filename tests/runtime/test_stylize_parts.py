"""Parts of a call, as batch systems start them, write together what one call writes, and report it once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2style.errors import ConfigError, DataError
from pix2style.files import MACHINE_DIGITS
from pix2style.images import Image8
from pix2style.path_list import PathList
from pix2style.runtime import leftovers
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.files_report import FilesReport
from pix2style.runtime.leftovers import working_in
from pix2style.runtime.stylize_files import stylize_files
from pix2style.slices import Slice
from pix2style.stylizer import Stylizer, StylizerIdentity
from pix2style.system.locks import is_alone, open_lock


class Negative(Stylizer):
    """Makes negatives. As a program, it is killed in the middle of the photo whose number it is given."""

    def __init__(self, photos: int = -1) -> None:
        self._left = photos

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("negative", "0" * 64)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        self._left -= 1
        if self._left == 0:
            os._exit(9)
        return [255 - image for image in images]


def save(path: Path, image: Image8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture
def inputs(photos: Callable[..., list[Image8]], tmp_path: Path) -> list[Path]:
    """Two folders whose names collide, with a damaged photo, hidden and other files; and an empty folder."""
    names = ["a/img/1.png", "a/img/1.gif", "a/img/sub/2.jpg", "a/img/sub/deep/3.png", "a/img/4.bmp", "b/img/1.png"]
    for name, photo in zip([*names, "b/img/2.png"], photos(7, 16, 20), strict=True):
        save(tmp_path / name, photo)
    (tmp_path / "a/img/5.jpg").write_bytes(b"no picture")
    (tmp_path / "a/img/.hidden.jpg").write_bytes(b"")
    (tmp_path / "b/img/notes.txt").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    return [tmp_path / "a/img", tmp_path / "b/img", tmp_path / "empty"]


def part(number: int, count: int, **settings: object) -> FileSettings:
    return FileSettings(part=Slice(number, count), **settings)  # type: ignore[arg-type]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def facts(reports: Sequence[FilesReport], out: Path) -> dict[str, Counter[str]]:
    """What reports say, without the name of OUT."""
    return {
        name: Counter(str(item).replace(str(out), "OUT") for report in reports for item in getattr(report, name))
        for name in ("written", "skipped", "failures", "notes", "left_out", "renamed")
    }


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_parts_write_and_report_together_what_one_call_does(inputs: list[Path], tmp_path: Path, count: int) -> None:
    listed = [tmp_path / "absent.png", inputs[0] / "4.bmp"]
    whole = stylize_files(Negative(), inputs, tmp_path / "whole", files=FileSettings(listed=listed))
    order = np.random.default_rng(count).permutation(count) + 1
    reports = [
        stylize_files(Negative(), inputs, tmp_path / "parts", files=part(int(number), count, listed=listed))
        for number in order
    ]
    assert tree(tmp_path / "parts") == tree(tmp_path / "whole")
    assert len(whole.written) == 7
    assert facts(reports, tmp_path / "parts") == facts([whole], tmp_path / "whole")
    assert [(report.shard, report.inputs) for report in reports] == [(f"{number}/{count}", 8) for number in order]
    assert (whole.shard, whole.inputs) == (None, 8)
    sizes = [len(report.written) + len(report.failures) for report in reports]
    common = len(whole.failures) - 1  # of the missing entry and the empty folder, which the first part lists
    sizes[list(order).index(1)] -= common
    assert max(sizes) - min(sizes) <= 1
    again = [stylize_files(Negative(), inputs, tmp_path / "parts", files=part(n, count)) for n in range(1, count + 1)]
    assert sum(len(report.written) for report in again) == 0
    assert sum(len(report.skipped) for report in again) == 7


def test_parts_at_once(inputs: list[Path], tmp_path: Path) -> None:
    stylize_files(Negative(), inputs, tmp_path / "whole")
    ready, failed = threading.Barrier(8), []

    def work(number: int) -> None:
        ready.wait()
        report = stylize_files(Negative(), inputs, tmp_path / "new" / "parts", files=part(number, 4))
        failed.extend(report.failures)

    threads = [threading.Thread(target=work, args=(1 + i % 4,)) for i in range(8)]  # each part twice
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tree(tmp_path / "new" / "parts") == tree(tmp_path / "whole")
    assert {failure.path.name for failure in failed} == {"5.jpg", "empty"}


_KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_stylize_parts import Negative, part, stylize_files
stylize_files(Negative(2), [Path(x) for x in sys.argv[2:]], Path(sys.argv[1]), files=part(1, 2))
"""


def test_a_part_that_was_killed_is_repeated(inputs: list[Path], tmp_path: Path) -> None:
    stylize_files(Negative(), inputs, tmp_path / "whole")
    script = _KILLED.format(tests=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "parts"), *map(str, inputs)], check=False)
    assert done.returncode == 9
    for number in (2, 1):
        stylize_files(Negative(), inputs, tmp_path / "parts", files=part(number, 2))
    assert tree(tmp_path / "parts") == tree(tmp_path / "whole")


def test_what_killed_parts_left_is_removed_when_nobody_works_there(inputs: list[Path], tmp_path: Path) -> None:
    left, other = (f".{name}.png.{MACHINE_DIGITS}0123456789ab.partial" for name in ("1", "other"))
    out = tmp_path / "out"
    stylize_files(Negative(), [inputs[1]], out)
    for name in (left, other):
        (out / name).touch()
    with working_in(out, PathList()):  # as another part that is at work
        os.utime(out / left, (0, 0))  # perhaps on frames of an animation, which are written at the end
        stylize_files(Negative(), [inputs[1]], out, files=part(3, 3))
        assert (out / left).exists()
    stylize_files(Negative(), [inputs[1]], out, files=part(3, 3))
    assert sorted(path.name for path in out.iterdir()) == [other, "1.png", "2.png"]  # other files are not its own


def test_what_another_machine_began_is_not_removed_at_once(inputs: list[Path], tmp_path: Path) -> None:
    """On most network file systems, locks of folders are those of one machine."""
    digits = "0000" if MACHINE_DIGITS != "0000" else "1111"
    begun = tmp_path / "out" / f".1.png.{digits}0123456789ab.partial"
    stylize_files(Negative(), [inputs[1]], tmp_path / "out")
    begun.touch()
    stylize_files(Negative(), [inputs[1]], tmp_path / "out")
    assert begun.exists()
    os.utime(begun, (0, 0))
    stylize_files(Negative(), [inputs[1]], tmp_path / "out")
    assert not begun.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks of folders")
def test_a_part_that_begins_waits_for_one_that_removes_leftovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removing = open_lock(tmp_path)
    assert is_alone(removing)
    monkeypatch.setattr(leftovers.time, "sleep", lambda _seconds: os.close(removing))
    with working_in(tmp_path, PathList()):
        other = open_lock(tmp_path)
        assert is_alone(other) is False
        os.close(other)
    monkeypatch.undo()
    removing = open_lock(tmp_path)
    assert is_alone(removing)
    monkeypatch.setattr(leftovers, "_TRIALS", 1)
    with working_in(tmp_path, PathList()):  # as in the folder of a run that is being trained
        pass
    os.close(removing)


def test_only_outputs_of_the_part_are_checked(inputs: list[Path], tmp_path: Path) -> None:
    class Other(Negative):
        @property
        def identity(self) -> StylizerIdentity:
            return StylizerIdentity("other", "1" * 64)

    stylize_files(Other(), inputs[:1], tmp_path / "out", files=part(1, 2))
    assert stylize_files(Negative(), inputs[:1], tmp_path / "out", files=part(2, 2)).written
    with pytest.raises(DataError, match="was made by another filter"):
        stylize_files(Negative(), inputs[:1], tmp_path / "out", files=part(1, 2))


def test_errors_of_the_whole_call_end_every_part(inputs: list[Path], tmp_path: Path) -> None:
    for number in (1, 2):
        with pytest.raises(DataError, match="would be overwritten"):
            stylize_files(Negative(), inputs[:1], inputs[0].parent / "img", files=part(number, 2))
        with pytest.raises(DataError, match="no images in"):
            stylize_files(Negative(), inputs[2:], tmp_path / "out", files=part(number, 2))
        with pytest.raises(ConfigError, match=rf"--shard {number}/2: .*one\.png is the output of a single input"):
            stylize_files(Negative(), [inputs[0] / "1.png"], tmp_path / "one.png", files=part(number, 2))


def test_an_empty_part_makes_nothing(inputs: list[Path], tmp_path: Path) -> None:
    report = stylize_files(Negative(), [inputs[1]], tmp_path / "out", files=part(3, 3))
    assert (report.handled, report.inputs, list(tmp_path.glob("out"))) == (0, 2, [])
