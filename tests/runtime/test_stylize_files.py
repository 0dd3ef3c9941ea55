"""Stylizing files and folders: no photo is lost or overwritten, and outputs have the right names and content."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import DataError
from pix2style.images import Image8, Picture, read_picture, write_picture
from pix2style.runtime import stylize_files as stylize_files_module
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.stylize_files import stylize_files
from pix2style.stylizer import Stylizer, StylizerIdentity

Photos = Callable[..., list[Image8]]
ExpectedOutput = Callable[[Image8], Image8]

Save = Callable[..., Path]


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# --- every photo gets its output ---------------------------------------------------------------------------


def test_every_photo_of_many(
    stylizer: OnnxStylizer, photos: Photos, red_negative: ExpectedOutput, save: Save, tmp_path: Path
) -> None:
    """All photos are processed, at their own size."""
    photo_of = {f"{i:03d}.png": photo for i, photo in enumerate(photos(67, 12, 17))}
    for name, photo in photo_of.items():
        save(tmp_path / "in" / name, photo)
    report = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    assert files(tmp_path / "out") == sorted(photo_of)
    assert len(report.written) == 67
    assert report.failures == report.skipped == []
    for name, photo in photo_of.items():
        assert np.array_equal(read_picture(tmp_path / "out" / name).rgb, red_negative(photo))


def test_folders_keep_their_structure(stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path) -> None:
    for name in ("a.png", "x/b.png", "x/y/a.png"):
        save(tmp_path / "one" / name, photo)
    save(tmp_path / "two" / "z" / "c.png", photo)
    save(tmp_path / "d.png", photo)
    stylize_files(stylizer, [tmp_path / "one", tmp_path / "two", tmp_path / "d.png"], tmp_path / "out")
    assert files(tmp_path / "out") == ["a.png", "d.png", "x/b.png", "x/y/a.png", "z/c.png"]


def test_one_file_to_one_file(
    stylizer: OnnxStylizer, photo: Image8, red_negative: ExpectedOutput, save: Save, tmp_path: Path
) -> None:
    source = save(tmp_path / "a.bmp", photo)
    report = stylize_files(stylizer, [source], tmp_path / "new" / "b.png")
    assert report.written == [tmp_path / "new" / "b.png"]
    assert np.array_equal(read_picture(tmp_path / "new" / "b.png").rgb, red_negative(photo))


def test_one_file_to_a_folder(stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path) -> None:
    stylize_files(stylizer, [save(tmp_path / "a.png", photo)], tmp_path / "v1.2")
    assert files(tmp_path / "v1.2") == ["a.png"]


def test_hidden_files_and_other_files_are_no_photos(
    stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    for name in ("a.png", ".hidden.png", ".cache/b.png"):
        save(folder / name, photo)
    (folder / "notes.txt").write_text("not a photo")
    report = stylize_files(stylizer, [folder], tmp_path / "out")
    assert files(tmp_path / "out") == ["a.png"]
    assert report.failures == []


# --- photos with the same name -------------------------------------------------------------------------------------


def test_same_stem_different_suffix(
    stylizer: OnnxStylizer, photos: Photos, red_negative: ExpectedOutput, save: Save, tmp_path: Path
) -> None:
    first, second, third = photos(3, 20, 20)
    save(tmp_path / "in" / "a.png", first)
    save(tmp_path / "in" / "a.bmp", second)
    save(tmp_path / "in" / "a.tiff", third)
    stylize_files(stylizer, [tmp_path / "in"], tmp_path / "same")
    assert files(tmp_path / "same") == ["a.bmp", "a.png", "a.tiff"]
    stylize_files(stylizer, [tmp_path / "in"], tmp_path / "png", suffix=".png")
    assert files(tmp_path / "png") == ["a.bmp.png", "a.png", "a.tiff.png"]
    for name, photo in (("a.png", first), ("a.bmp.png", second), ("a.tiff.png", third)):
        assert np.array_equal(read_picture(tmp_path / "png" / name).rgb, red_negative(photo))


def test_same_name_in_two_folders(
    stylizer: OnnxStylizer, photos: Photos, red_negative: ExpectedOutput, save: Save, tmp_path: Path
) -> None:
    first, second = photos(2, 20, 20)
    save(tmp_path / "mon" / "a.png", first)
    save(tmp_path / "tue" / "a.png", second)
    stylize_files(stylizer, [tmp_path / "mon", tmp_path / "tue"], tmp_path / "out")
    assert files(tmp_path / "out") == ["mon/a.png", "tue/a.png"]
    assert np.array_equal(read_picture(tmp_path / "out" / "tue" / "a.png").rgb, red_negative(second))


def test_outputs_that_would_collide_get_folders_that_tell_them_apart(
    stylizer: OnnxStylizer, photos: Photos, red_negative: ExpectedOutput, save: Save, tmp_path: Path
) -> None:
    first, second = photos(2, 20, 20)
    save(tmp_path / "x/mon/a.png", first)
    save(tmp_path / "y/mon/a.png", second)
    report = stylize_files(stylizer, [tmp_path / "x/mon", tmp_path / "y/mon"], tmp_path / "out")
    assert files(tmp_path / "out") == ["x/mon/a.png", "y/mon/a.png"]
    assert report.renamed == []
    for name, photo in (("x", first), ("y", second)):
        assert np.array_equal(read_picture(tmp_path / "out" / name / "mon" / "a.png").rgb, red_negative(photo))


def test_named_twice_is_done_once(stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path) -> None:
    source = save(tmp_path / "in" / "a.png", photo)
    again = tmp_path / "in" / ".." / "in"
    report = stylize_files(stylizer, [tmp_path / "in", source, again], tmp_path / "out")
    assert len(report.written) == 1


# --- no photo is overwritten --------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", ["in", "in/../in", "in/a.png", "link"])
def test_photos_are_never_overwritten(
    stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path, out: str
) -> None:
    source = save(tmp_path / "in" / "a.png", photo)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    before = source.read_bytes()
    for inputs in ([source], [tmp_path / "in"]):
        with pytest.raises(DataError, match=r"would be overwritten|names one image file"):
            stylize_files(stylizer, inputs, tmp_path / out, overwrite=True)
    assert source.read_bytes() == before


def test_results_inside_the_photos_folder_are_not_photos(
    stylizer: OnnxStylizer, photo: Image8, red_negative: ExpectedOutput, save: Save, tmp_path: Path
) -> None:
    save(tmp_path / "a.png", photo)
    for _ in range(2):
        report = stylize_files(stylizer, [tmp_path], tmp_path / "out", overwrite=True)
        assert [path.name for path in report.written] == ["a.png"]
    assert files(tmp_path) == ["a.png", "out/a.png"]
    assert np.array_equal(read_picture(tmp_path / "out" / "a.png").rgb, red_negative(photo))


def test_second_call_continues(stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        save(tmp_path / "in" / name, photo)
    stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    unchanged_mtime = (tmp_path / "out" / "a.png").stat().st_mtime_ns
    (tmp_path / "out" / "b.png").unlink()
    progress: list[tuple[int, int]] = []
    report = stylize_files(
        stylizer, [tmp_path / "in"], tmp_path / "out", on_progress=lambda *counts: progress.append(counts)
    )
    assert [path.name for path in report.written] == ["b.png"]
    assert [path.name for path in report.skipped] == ["a.png", "c.png"]
    assert progress == [(2, 3), (3, 3)]
    assert (tmp_path / "out" / "a.png").stat().st_mtime_ns == unchanged_mtime
    again = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out", overwrite=True)
    assert (len(again.written), again.skipped) == (3, [])
    assert (tmp_path / "out" / "a.png").stat().st_mtime_ns > unchanged_mtime


def test_a_file_where_the_output_folder_should_be(
    stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path
) -> None:
    save(tmp_path / "in" / "a.png", photo)
    (tmp_path / "out").write_text("mine")
    with pytest.raises(DataError, match="is a file, but must be a folder"):
        stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_several_photos_to_one_file(stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path) -> None:
    sources = [save(tmp_path / name, photo) for name in ("a.png", "b.png")]
    with pytest.raises(DataError, match="names one image file"):
        stylize_files(stylizer, sources, tmp_path / "out.png")


def test_a_format_that_cannot_be_written(stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot write the format '\.gif'"):
        stylize_files(stylizer, [save(tmp_path / "a.png", photo)], tmp_path / "out.gif")


def test_no_photos(stylizer: OnnxStylizer, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("")
    with pytest.raises(DataError, match=r"no images in .*in: looked for .*\.jpg"):
        stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    with pytest.raises(DataError, match=r"missing: no such file or folder"):
        stylize_files(stylizer, [tmp_path / "missing"], tmp_path / "out")


# --- failures ---------------------------------------------------------------------------------------------------


def test_unreadable_files_are_reported_and_the_others_are_done(
    stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    for name in ("a.jpg", "m.png", "z.jpg"):
        save(folder / name, photo)
    whole = (folder / "a.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("hello")
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    report = stylize_files(stylizer, [folder], tmp_path / "out")
    assert files(tmp_path / "out") == ["a.jpg", "m.png", "z.jpg"]
    reasons = {failed.path.name: failed.reason for failed in report.failures}
    assert set(reasons) == {"cut.jpg", "empty.png", "text.jpg", "gone.jpg"}
    assert reasons["empty.png"] == "the file is empty"
    assert "cut off" in reasons["cut.jpg"]
    assert "not a picture" in reasons["text.jpg"]
    assert "No such file" in reasons["gone.jpg"]


def test_an_output_that_cannot_be_written_is_a_failure(
    stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path
) -> None:
    save(tmp_path / "in" / "x" / "a.png", photo)
    save(tmp_path / "in" / "b.png", photo)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").write_text("in the way of a folder")
    report = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    assert [path.name for path in report.written] == ["b.png"]
    [failed] = report.failures
    assert failed.path.name == "a.png"
    assert failed.reason.startswith(f"{tmp_path / 'out' / 'x' / 'a.png'}: cannot be written")


class Interrupted(Stylizer):
    """Returns two photos; at the third one the user presses Ctrl-C."""

    def __init__(self) -> None:
        self.calls = 0

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("interrupted", "0" * 64)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        self.calls += 1
        if self.calls == 3:
            raise KeyboardInterrupt
        return list(images)


def test_interruption_keeps_finished_outputs(photo: Image8, save: Save, tmp_path: Path) -> None:
    for i in range(8):
        save(tmp_path / "in" / f"{i}.png", photo)
    with pytest.raises(KeyboardInterrupt):
        stylize_files(Interrupted(), [tmp_path / "in"], tmp_path / "out")
    assert files(tmp_path / "out") == ["0.png", "1.png"]
    assert np.array_equal(read_picture(tmp_path / "out" / "1.png").rgb, photo)


class Slow(Stylizer):
    """Deletes the folder of the photos during the first one, so that only photos that were read ahead remain.

    Args:
        folder: Folder of the photos.
        is_read_ahead: Set when as many photos have been read as may be.
    """

    def __init__(self, folder: Path, is_read_ahead: threading.Event) -> None:
        self.folder, self.is_read_ahead = folder, is_read_ahead

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("slow", "0" * 64)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        if self.folder.exists():
            assert self.is_read_ahead.wait(100), "reading does not continue while a photo is stylized"
            time.sleep(0.2)  # time for reading more, which must not happen
            shutil.rmtree(self.folder)
        return list(images)


def test_few_photos_are_read_ahead(photo: Image8, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_read_ahead, was_read, read = threading.Event(), list[Path](), stylize_files_module.read_image_file

    def read_and_count(path: Path) -> bytes:
        data = read(path)
        was_read.append(path)
        if len(was_read) == 3:
            is_read_ahead.set()
        return data

    monkeypatch.setattr(stylize_files_module, "read_image_file", read_and_count)
    for i in range(30):
        save(tmp_path / "in" / f"{i:02d}.png", photo)
    report = stylize_files(Slow(tmp_path / "in", is_read_ahead), [tmp_path / "in"], tmp_path / "out")
    # The first photo and two that were read ahead. More than one shows that reading continued in the meantime.
    assert len(report.written) == 3
    assert len(report.failures) == 27


def test_works_with_any_stylizer(photo: Image8, tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", Picture(photo))
    report = stylize_files(Interrupted(), [tmp_path / "a.png"], tmp_path / "out")
    assert len(report.written) == 1
    assert report.ms_per_picture is not None
    assert 0 <= report.stylize_seconds <= report.seconds
