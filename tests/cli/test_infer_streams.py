"""`infer` reads from pipes and lists, and writes to pipes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pix2style import load_stylizer
from pix2style.cli import main
from pix2style.cli.infer_io_options import SearchOptions
from pix2style.cli.standard_streams import check_can_take_image, stream_or_path
from pix2style.errors import ConfigError, DataError, ImageError
from pix2style.images import Image8, decode_picture, encode_jpeg, encode_png, read_origin, read_picture
from pix2style.progress import set_quiet
from pix2style.runtime.file_list import read_file_list
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.output_paths import plan_outputs
from pix2style.runtime.stylize_data import stylize_data

TO_STREAM = ("-", "-o", "-")
_HEADER = b"IHDR" + 2 * (60_000).to_bytes(4, "big") + b"\x08\2\0\0\0"
_PIXELS = b"IDAT" + zlib.compress(bytes(100))
BOMB = b"\x89PNG\r\n\x1a\n" + b"".join(
    (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") for chunk in (_HEADER, _PIXELS)
)
"""A small file that would need ten gigabytes."""


@dataclass(frozen=True)
class Done:
    code: int
    out: bytes
    err: str


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def infer(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Done]:
    """`infer(*arguments, data=b"...")`: the command with these bytes on its standard input."""

    def call(*arguments: object, data: bytes | None = b"", terminal: bool = False) -> Done:
        stream = None if data is None else (_Terminal if terminal else io.TextIOWrapper)(io.BytesIO(data))
        monkeypatch.setattr("sys.stdin", stream)
        monkeypatch.setattr("sys.argv", ["pix2style", "infer", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        set_quiet(False)  # as in a new process
        printed = capfdbinary.readouterr()
        return Done(int(left.value.code or 0), printed.out, printed.err.decode())

    return call


@pytest.fixture
def photo(photos: Callable[..., list[Image8]]) -> Image8:
    return photos(1, 25, 33)[0]


def as_bytes(image: Image8 | Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, kind, **options)
    return stream.getvalue()


# --- one image through a pipe -----------------------------------------------------------------------------------


def test_the_image_and_nothing_else(
    infer: Callable[..., Done],
    red_filter: Path,
    red_negative: Callable[[Image8], Image8],
    photo: Image8,
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = infer(red_filter, *TO_STREAM, data=encode_png(photo))
    assert (done.code, done.err) == (0, "")
    assert np.array_equal(decode_picture(done.out, name="out").rgb, red_negative(photo))
    (tmp_path / "photo.png").write_bytes(encode_png(photo))
    assert infer(red_filter, "photo.png", "-o", "-").out == done.out
    infer(red_filter, "-", "-o", "out.png", data=encode_png(photo))
    assert (tmp_path / "out.png").read_bytes() == done.out
    (tmp_path / "stream.png").write_bytes(done.out)
    assert read_origin(tmp_path / "stream.png") == read_origin(tmp_path / "out.png") is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "photo.png", "stream.png"]


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("JPEG", {}, b"\xff\xd8\xff"),
        ("WEBP", {}, b"RIFF"),
        ("TIFF", {}, b"II*\0"),
        ("BMP", {}, b"BM"),
        ("PPM", {}, b"P6"),
        ("GIF", {}, b"\x89PNG"),
        ("PNG", {"suffix": ".jpg"}, b"\xff\xd8\xff"),
        ("JPEG", {"lossless": True}, b"\x89PNG"),
        ("JPEG", {"lossless": True, "suffix": ".webp"}, b"RIFF"),
    ],
)
def test_formats(red_filter: Path, photo: Image8, *, kind: str, options: dict[str, Any], expected: bytes) -> None:
    files = FileSettings(lossless=options.get("lossless", False))
    made = stylize_data(
        load_stylizer(red_filter), as_bytes(photo, kind), name="a photo", suffix=options.get("suffix"), files=files
    )
    assert made.data.startswith(expected)
    assert made.notes == ()


def test_transparency_animations_and_notes(infer: Callable[..., Done], red_filter: Path, photo: Image8) -> None:
    transparent = Image.fromarray(np.dstack([photo, photo[..., 0]]))
    done = infer(red_filter, *TO_STREAM, "--format", "jpg", data=as_bytes(transparent, "PNG"))
    assert done.out.startswith(b"\x89PNG")
    assert done.err == "note: standard input: is written as PNG, because .jpg has no transparency\n"
    done = infer(red_filter, *TO_STREAM, "--mask", "alpha", data=as_bytes(photo, "PNG"))
    assert done.err == "note: standard input: has no transparency for the mask: all of it is stylized\n"
    frames = [Image.fromarray(np.roll(photo, shift, 1)) for shift in range(3)]
    done = infer(red_filter, *TO_STREAM, data=as_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    with Image.open(io.BytesIO(done.out)) as animation:
        assert (animation.format, getattr(animation, "n_frames", 1)) == ("PNG", 3)
    assert infer(red_filter, *TO_STREAM, "-q", data=as_bytes(photo, "PNG")).err == ""


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (b"", 3, "standard input: is empty: pipe an image into it"),
        (b"no picture", 3, "standard input: not a picture in a known format"),
        (b"\xff\xd8\xff", 3, "standard input: "),
        (BOMB, 3, "standard input: has 3600000000 pixels, more than"),
        (None, 2, "-: standard input is closed"),
    ],
)
def test_bad_input(infer: Callable[..., Done], red_filter: Path, data: bytes, code: int, message: str) -> None:
    done = infer(red_filter, *TO_STREAM, data=data)
    assert (done.code, done.out) == (code, b"")
    assert done.err.startswith("pix2style: ")
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_cut_off_images(red_filter: Path, photo: Image8) -> None:
    for data in (encode_jpeg(photo)[:-60], encode_png(photo)[:-60]):
        with pytest.raises(ImageError, match=r"^a photo: "):
            stylize_data(load_stylizer(red_filter), data, name="a photo")


def test_input_without_an_end(
    infer: Callable[..., Done], red_filter: Path, monkeypatch: pytest.MonkeyPatch, photo: Image8
) -> None:
    monkeypatch.setattr("pix2style.cli.standard_streams._MOST_INPUT_BYTES", 1000)
    done = infer(red_filter, *TO_STREAM, data=encode_png(photo))
    assert (done.code, done.out) == (3, b"")
    assert "standard input: is no image: it has more than" in done.err


def test_terminals(
    infer: Callable[..., Done], red_filter: Path, photo: Image8, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = infer(red_filter, *TO_STREAM, data=b"x", terminal=True)
    assert done.code == 2
    assert "-: standard input is a terminal: pipe an image into it, for example by < photo.jpg" in done.err
    monkeypatch.setattr("sys.stdout", _Terminal(io.BytesIO()))
    done = infer(red_filter, *TO_STREAM, data=encode_png(photo))
    assert (done.code, done.out) == (2, b"")
    assert "-o -: standard output is a terminal: redirect it, for example by > stylized.png" in done.err


def test_a_closed_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, "w", encoding="utf-8") as null:  # as `open_missing_streams` leaves it
        monkeypatch.setattr("sys.stdout", null)
        with pytest.raises(ConfigError, match="-o -: standard output is closed: redirect it to a file"):
            check_can_take_image()


def test_an_output_that_exists(infer: Callable[..., Done], red_filter: Path, photo: Image8, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = infer(red_filter, "-", "-o", out, data=encode_png(photo))
    assert first.out.startswith(f"{out}: 1 photo stylized".encode())
    assert [path.name for path in out.iterdir()] == ["stdin.png"]
    again = infer(red_filter, "-", "-o", out, "--json", data=encode_png(photo))
    assert json.loads(again.out)["skipped"] == [str(out / "stdin.png")]
    other = infer(red_filter, "-", "-o", out, data=encode_png(255 - photo))
    assert other.code == 3
    assert "was made of another photo" in other.err
    assert infer(red_filter, "-", "-o", out, "--overwrite", data=encode_png(255 - photo)).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-", "a.png", "-o", "out"), "-: standard input is a single image: name no other inputs beside it"),
        (("a.png", "b.png", "-o", "-"), "-o -: standard output takes a single image"),
        (("a.png", "-o", "-", "--json"), "--json: standard output takes the image"),
        (("-", "-o", "-", "--start", "3"), "--start: for clips only, and the input is a photo"),
        (("-o", "out"), "INPUTS: name photos or clips, - for standard input, or a list with --files-from"),
        (("a.png", "-o", "out", "-0"), "--null: is about --files-from"),
        (("a.png", "-o", "out", "--lossless", "--quality", "90"), "--quality 90: --lossless has no quality"),
        (("a.png", "-o", "out", "--lossless", "--format", "jpg"), "--format jpg: JPEG always loses something"),
        (("a.png", "-o", "out.jpg", "--format", "png"), "--format png: out.jpg is the name of another format"),
        (("-", "-o", "out.jpg", "--format", "png"), "--format png: out.jpg is the name of another format"),
        (("-", "-o", "out.jpg", "--lossless"), "--lossless: the format '.jpg' is not written without loss"),
        (("a.png", "-o", "out", "--threads", "0"), "--threads 0: give a whole number from 1 to 1024"),
        (("a.png", "-o", "out", "--device", "gpu"), "--device gpu: is no device: give one of cpu"),
    ],
)
def test_wrong_combinations(
    infer: Callable[..., Done],
    red_filter: Path,
    photo: Image8,
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(encode_png(photo))
    done = infer(red_filter, *arguments, data=encode_png(photo))
    assert (done.code, done.out) == (2, b"")
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_nothing_is_lost_in_a_named_file(photo: Image8, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode_png(photo))
    with pytest.raises(ConfigError, match=r"--lossless: the format '\.jpg' is not written without loss"):
        plan_outputs([tmp_path / "a.png"], tmp_path / "b.jpg", suffix=".png", files=FileSettings(lossless=True))


def test_wrong_uses_of_the_streams() -> None:
    with pytest.raises(ConfigError, match="standard input is a single image"):
        SearchOptions(files_from=Path("x")).check([Path("-")], Path("out"))
    for inputs, files_from in (([], Path("x")), ([Path()], None)):
        with pytest.raises(ConfigError, match="-o -: standard output takes a single image"):
            SearchOptions(files_from=files_from).check(inputs, Path("-"))
    with pytest.raises(ConfigError, match=r"^--lossless: the format '\.jpg' is not written without loss"):
        plan_outputs([Path("a.png")], Path("out.jpg"), files=FileSettings(lossless=True))


def test_clips_need_a_file(infer: Callable[..., Done], red_filter: Path, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x20ftypisom")
    done = infer(red_filter, tmp_path / "clip.mp4", "-o", "-")
    assert (done.code, done.out) == (2, b"")
    assert "clip.mp4 is a clip, which needs a file" in done.err


def test_what_a_dash_means() -> None:
    assert stream_or_path("-") == Path("-")
    assert stream_or_path("./-") == Path.cwd() / "-"
    assert stream_or_path("a/-") == Path("a/-")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_a_closed_pipe(red_filter: Path, photos: Callable[..., list[Image8]], tmp_path: Path) -> None:
    (tmp_path / "photo.bmp").write_bytes(as_bytes(photos(1, 400, 600)[0], "BMP"))  # more than a pipe holds
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "pix2style", "infer", red_filter, *TO_STREAM]
    with (tmp_path / "photo.bmp").open("rb") as photo:
        done = subprocess.run(command, stdin=photo, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.returncode == 3
    assert done.stderr == b"pix2style: standard output: was closed before the whole image was written\n"


# --- lists of files ---------------------------------------------------------------------------------------------


@pytest.fixture
def album(tmp_path: Path, photos: Callable[..., list[Image8]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with photos in two folders."""
    for name, photo in zip(("a.png", "x/a.png", "x/y/b.png", "x/ü 1.png"), photos(4, 12, 16), strict=True):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(encode_png(photo))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("source", ["list.txt", "-"])
def test_a_list_keeps_relative_paths(
    infer: Callable[..., Done], red_filter: Path, album: Path, source: str, red_negative: Callable[[Image8], Image8]
) -> None:
    entries = "\ufeffx/ü 1.png\r\n\r\nx/y\r\n./a.png\r\nx/none.png\r\na.png\r\n".encode()
    (album / "list.txt").write_bytes(entries)
    done = infer(red_filter, "--files-from", source, "-o", "out", data=entries)
    assert done.code == 1
    assert names_in(album / "out") == ["a.png", "x/y/b.png", "x/ü 1.png"]
    assert done.err == "failed: x/none.png: no such file or folder\n"
    assert b"3 photos stylized" in done.out
    assert b"1 failed" in done.out
    assert np.array_equal(
        read_picture(album / "out/x/y/b.png").rgb, red_negative(read_picture(album / "x/y/b.png").rgb)
    )


def test_lists_with_nul_and_odd_names(infer: Callable[..., Done], red_filter: Path, album: Path) -> None:
    odd = album / "line\nbreak.png"
    odd.write_bytes((album / "a.png").read_bytes())
    outside = album.parent / f"{album.name}-outside.png"
    outside.write_bytes((album / "a.png").read_bytes())
    entries = f"line\nbreak.png\0../{outside.name}\0{album}/x/a.png".encode()
    done = infer(red_filter, "--files-from", "-", "-0", "-o", "out", "a.png", data=entries)
    assert done.code == 0, done.err
    assert names_in(album / "out") == sorted(["line\nbreak.png", outside.name, f"{album.name}/a.png", "x/a.png"])


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (b"a.png\0x/a.png", "the list: entry 1 has a NUL in it: add --null"),
        ("a.png\n".encode("utf-16"), "the list: is in UTF-16: save the list as UTF-8"),
        (b"x" * 200_000, "the list: holds an entry of more than 65536 bytes: it is no list of files"),
    ],
)
def test_bad_lists(entries: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_file_list(io.BytesIO(entries), "the list")


def test_lists_without_photos(infer: Callable[..., Done], red_filter: Path, album: Path) -> None:
    done = infer(red_filter, "--files-from", "-", "-o", "out", data=b"\n\n")
    assert (done.code, "no photos or clips in the list of files" in done.err) == (3, True)
    done = infer(red_filter, "--files-from", "-", "-o", "out", data=b"none.png\n")
    assert (done.code, done.err) == (1, "failed: none.png: no such file or folder\n")
    assert not (album / "out").exists()


def test_lists_that_cannot_be_read(infer: Callable[..., Done], red_filter: Path, album: Path) -> None:
    done = infer(red_filter, "--files-from", "none.txt", "-o", "out")
    assert (done.code, done.err) == (3, "pix2style: --files-from none.txt: cannot be read: No such file or directory\n")
    done = infer(red_filter, "--files-from", "-", "-o", "out", data=b"a.png", terminal=True)
    assert done.code == 0
    assert "note: type the names of photos, one on each line, and end with Ctrl-D" in done.err
    done = infer(red_filter, "--files-from", "-", "-o", "out.png", data=b"a.png")
    assert "out.png: names one image file, but there may be several inputs" in done.err


def test_only_what_lies_directly_in_a_folder(infer: Callable[..., Done], red_filter: Path, album: Path) -> None:
    done = infer(red_filter, "x", "-o", "out", "--no-recursive")
    assert (done.code, names_in(album / "out")) == (0, ["a.png", "ü 1.png"])
    assert b"left out: 1 subfolder" in done.out
    assert names_in(album / "x") == ["a.png", "y/b.png", "ü 1.png"]
    infer(red_filter, "x", "-o", "deep", "--recursive")
    assert names_in(album / "deep") == ["a.png", "y/b.png", "ü 1.png"]


def test_one_thread_gives_the_same_files(infer: Callable[..., Done], red_filter: Path, album: Path) -> None:
    infer(red_filter, "x", "-o", "one", "--threads", "1")
    infer(red_filter, "x", "-o", "two", "--threads", "2")
    assert names_in(album / "one") == names_in(album / "two") == ["a.png", "y/b.png", "ü 1.png"]
    assert all(
        (album / "one" / name).read_bytes() == (album / "two" / name).read_bytes() for name in names_in(album / "one")
    )


def test_lossless_files(infer: Callable[..., Done], red_filter: Path, album: Path, photo: Image8) -> None:
    (album / "in").mkdir()
    for kind, name in (("JPEG", "a.jpg"), ("AVIF", "b.avif"), ("WEBP", "c.webp"), ("TIFF", "d.tif")):
        (album / "in" / name).write_bytes(as_bytes(photo, kind))
    assert infer(red_filter, "in", "-o", "out", "--lossless").code == 0
    assert names_in(album / "out") == ["a.png", "b.png", "c.webp", "d.tif"]
    for name in ("a.jpg", "b.avif", "c.webp", "d.tif"):
        before = read_picture(album / "in" / name).rgb
        [after] = [read_picture(path).rgb for path in (album / "out").glob(f"{name[0]}.*")]
        assert np.array_equal(after, np.dstack([255 - before[..., 0], before[..., 1:]]))
    done = infer(red_filter, "in", "-o", "out")  # other settings for the WebP file
    assert (done.code, "was made by another filter or with other settings" in done.err) == (3, True)


def test_metadata_of_files(infer: Callable[..., Done], red_filter: Path, album: Path, photo: Image8) -> None:
    exif = Image.Exif()
    exif[0x013B], exif[0x010E] = "Ann Example", "Home street 5"
    (album / "a.jpg").write_bytes(as_bytes(photo, "JPEG", exif=exif.tobytes()))
    for keep, kept in (("none", 0), ("safe", 1), ("all", 2)):
        done = infer(red_filter, "a.jpg", "-o", keep, "--keep-metadata", keep)
        assert done.code == 0, done.err
        data = (album / keep / "a.jpg").read_bytes()
        assert (b"Ann Example" in data) + (b"Home street 5" in data) == kept
    assert infer(red_filter, "a.jpg", "-o", "none", "--keep-metadata", "safe").code == 3
    assert infer(red_filter, "a.jpg", "-o", "x", "--keep-metadata", "some").code == 2
