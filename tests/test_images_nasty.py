"""Files that are meant to go wrong: pipes, devices, limits and closed folders."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from pix2style.errors import DataError, ImageError
from pix2style.images import encode_png, find_images, has_alpha, read_file, read_picture

from pictures import png_header  # isort: skip


@pytest.mark.timeout(20)
def test_a_pipe_named_like_a_photo_does_not_hang(tmp_path: Path) -> None:
    pipe = tmp_path / "x.jpg"
    os.mkfifo(pipe)
    with pytest.raises(ImageError, match=r"x\.jpg: not a regular file"):
        read_picture(pipe)
    assert not has_alpha(pipe)
    (tmp_path / "link.jpg").symlink_to(pipe)
    with pytest.raises(ImageError, match="not a regular file"):
        read_picture(tmp_path / "link.jpg")


@pytest.mark.timeout(20)
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device")
def test_a_device_is_not_read() -> None:
    with pytest.raises(OSError, match="not a regular file"):
        read_file(Path("/dev/zero"))


@pytest.mark.timeout(60)
def test_infer_lists_a_pipe_and_goes_on(red_filter: Path, tmp_path: Path, photos: Callable[..., list[Any]]) -> None:
    from pix2style.runtime.onnx_stylizer import OnnxStylizer
    from pix2style.runtime.stylize_files import stylize_files

    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe.jpg")
    (tmp_path / "in" / "photo.png").write_bytes(encode_png(photos(1)[0]))
    report = stylize_files(OnnxStylizer(red_filter), [tmp_path / "in"], tmp_path / "out")
    assert [path.name for path in report.written] == ["photo.png"]
    assert [(failed.path.name, failed.reason) for failed in report.failures] == [("pipe.jpg", "not a regular file")]


@pytest.mark.parametrize(
    ("width", "height", "reason"),
    [
        (9_460, 9_460, "damaged or cut off"),  # 89.5 million: where Pillow begins to warn
        (17_800, 10_000, "damaged or cut off"),  # the limit itself
        (17_801, 10_000, "17801x10000 is more than 178000000 pixels"),
        (20_000, 20_000, "more than 178000000 pixels"),  # where Pillow refuses by itself
    ],
)
def test_one_limit_of_pixels_an_error_above_it_and_silence_below(
    tmp_path: Path, width: int, height: int, reason: str
) -> None:
    """In a process of its own, as pytest has filters for warnings of its own."""
    (tmp_path / "big.png").write_bytes(png_header(width, height))
    code = "import sys; from pathlib import Path; from pix2style.images import read_picture; "
    code += "read_picture(Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "big.png"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Warning" not in done.stderr
    assert reason in done.stderr.splitlines()[-1]


def test_loops_of_links(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to("b.jpg")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "up").symlink_to("..")
    found = find_images([tmp_path])
    assert [one.relative for one in found] == ["a.jpg", "b.jpg"]
    with pytest.raises(ImageError, match="Too many levels of symbolic links"):
        read_picture(found[0].path)
    with pytest.raises(DataError, match=r"a\.jpg: no such file or folder"):
        find_images([tmp_path / "a.jpg"])


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="File name too long"):
        find_images([tmp_path / ("x" * 256 + ".jpg")])


# --- what may not be read ---------------------------------------------------------------------------------------


def _report(function: Callable[[Path], Any], folder: Path, into: Any) -> None:
    if os.getuid() == 0:  # who may read everything
        os.setgid(65534)
        os.setuid(65534)
    try:
        into.send(function(folder))
    except DataError as error:
        into.send(str(error))


def as_ordinary_user(function: Callable[[Path], Any], folder: Path) -> Any:
    """What `function(folder)` gives, or its DataError's text, in a process that permissions apply to."""
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(function, folder, sender))
    process.start()
    sender.close()
    outcome = receiver.recv()
    process.join()
    return outcome


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that other users can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "closed").mkdir()
        (folder / "closed" / "a.png").write_bytes(b"")
        (folder / "b.png").write_bytes(b"")
        (folder / "closed").chmod(0)
        (folder / "b.png").chmod(0)
        yield folder
        (folder / "closed").chmod(0o700)


def names(folder: Path) -> list[str]:
    return [found.relative for found in find_images([folder])]


def reasons(folder: Path) -> list[str]:
    said = []
    for found in find_images([folder]):
        try:
            read_picture(found.path)
        except ImageError as error:
            said.append(error.reason)
    return said


def test_what_is_closed_is_found_and_says_why_it_cannot_be_read(shared_folder: Path) -> None:
    assert as_ordinary_user(names, shared_folder) == ["b.png", "closed"]
    assert as_ordinary_user(reasons, shared_folder) == ["Permission denied", "Permission denied"]


def inside_closed(folder: Path) -> list[str]:
    return names(folder / "closed")


def behind_closed(folder: Path) -> list[str]:
    return names(folder / "closed" / "deeper")


def test_an_input_that_is_closed_is_an_error(shared_folder: Path) -> None:
    closed = shared_folder / "closed"
    assert as_ordinary_user(inside_closed, shared_folder) == f"{closed}: cannot be opened: Permission denied"
    assert as_ordinary_user(behind_closed, shared_folder) == f"{closed / 'deeper'}: Permission denied"
