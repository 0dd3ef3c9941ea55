"""Uploads are bounded, have names that are no paths, and are deleted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.errors import DataError
from pix2style.page_server.refusals import NotHereError, TooLargeError
from pix2style.studio.jobs import Job, Jobs
from pix2style.studio.limits import StudioLimits
from pix2style.studio.studio import Studio, remove_abandoned
from pix2style.studio.uploads import Upload, Uploads


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.jpg", "passwd.jpg"),
        ("/etc/shadow.PNG", "shadow.PNG"),
        ("C:\\Users\\a\\b.jpg", "b.jpg"),
        ("file:///etc/passwd.jpg", "passwd.jpg"),
        ("a\x1b[31m\n.jpg", "a\\x1b[31m\\n.jpg"),
        ("x" * 400 + ".jpg", "x" * 116 + ".jpg"),
        ("Löwe 🦁.webp", "Löwe 🦁.webp"),
    ],
)
def test_a_name_is_only_shown_and_never_part_of_a_path(studio: Studio, name: str, shown: str) -> None:
    with studio.uploads.begin("photo", name) as receiver:
        upload = receiver.complete()
    assert upload.name == shown
    assert upload.path.resolve().is_relative_to(studio.folder.resolve())
    assert upload.path.name == f"photo{Path(shown).suffix.lower()}"


@pytest.mark.parametrize("name", ["", "photo", "a.exe", "a.html", ".jpg", "a.mp4", "http://127.0.0.1/a"])
def test_what_is_no_picture_by_its_name_is_refused(studio: Studio, name: str) -> None:
    with pytest.raises(DataError, match=r"is not a photo by its name: use a file of a kind such as JPEG"):
        studio.uploads.begin("photo", name)


def test_an_upload_with_too_many_bytes_leaves_nothing(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, StudioLimits(photo_bytes=10))
    with uploads.begin("photo", "a.jpg") as receiver:
        receiver.write(b"12345")
        with pytest.raises(TooLargeError, match=r"^a\.jpg: has more than"):
            receiver.write(b"678901")
    assert list(tmp_path.iterdir()) == []
    assert uploads.all() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a file that is always full")
@pytest.mark.parametrize("size", [10, 100_000])
def test_a_full_disk_leaves_nothing_and_takes_no_allowance(size: int, tmp_path: Path) -> None:
    """Small writes stay in a buffer, and fail when the file is closed."""
    uploads = Uploads(tmp_path, StudioLimits(photo_bytes=size, total_bytes=size))

    def upload() -> None:
        with uploads.begin("photo", "a.jpg") as receiver:
            receiver._stream.close()
            receiver._stream = open("/dev/full", "wb")  # noqa: SIM115 (the receiver closes it)
            receiver.write(bytes(size))
            receiver.complete()

    for _ in range(3):
        with pytest.raises(DataError, match=r"^a\.jpg: cannot be stored: No space left on device"):
            upload()
        assert list(tmp_path.iterdir()) == []
        assert uploads.all() == []


def test_uploads_that_arrive_at_once_are_bounded_together(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, StudioLimits(photo_bytes=10, total_bytes=15))
    with uploads.begin("photo", "a.jpg") as first, uploads.begin("photo", "b.jpg") as second:
        first.write(b"1234567890")
        with pytest.raises(TooLargeError, match=r"^b\.jpg: too many files arrive at once: add it again when"):
            second.write(b"123456")
    with uploads.begin("photo", "b.jpg") as second:
        second.write(b"123456")
        second.complete()
    assert [upload.name for upload in uploads.all()] == ["b.jpg"]


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, StudioLimits())
    with contextlib.suppress(ConnectionError), uploads.begin("clip", "a.mp4") as receiver:
        receiver.write(b"12345")
        raise ConnectionError
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_are_deleted_where_all_together_are_too_large(tmp_path: Path) -> None:
    removed: list[str] = []
    uploads = Uploads(tmp_path, StudioLimits(total_bytes=25), removed.append)

    def add(used_s: float) -> Upload:
        with uploads.begin("photo", "a.jpg") as receiver:
            receiver.write(bytes(10))
            receiver.upload.used_s = used_s
            return receiver.complete()

    oldest, middle, newest = add(1e9), add(2e9), add(3e9)
    assert [upload.id for upload in uploads.all()] == [middle.id, newest.id]
    assert removed == [oldest.id]
    assert not oldest.folder.exists()


def test_what_nobody_uses_is_deleted(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, StudioLimits(unused_s=60))
    with uploads.begin("photo", "a.jpg") as receiver:
        upload = receiver.complete()
    uploads.remove_unused()
    assert upload.path.exists()
    upload.used_s -= 61
    uploads.remove_unused()
    assert list(tmp_path.iterdir()) == []


def test_ids_are_of_one_kind_and_gone_after_the_end(
    studio: Studio, add: Callable[..., Upload], photo_file: Path
) -> None:
    upload = add(photo_file)
    for wrong in ("", "../x", upload.id + "x", str(upload.path)):
        with pytest.raises(NotHereError, match="this photo is no longer here"):
            studio.uploads.get(wrong, "photo")
    with pytest.raises(NotHereError):
        studio.uploads.get(upload.id, "clip")
    studio.close()
    assert not studio.folder.exists()


def test_what_a_killed_studio_has_left_is_deleted(studio: Studio, tmp_path: Path) -> None:
    left, new = tmp_path / "pix2style-studio-left", tmp_path / "pix2style-studio-new"
    for folder in (left, new, tmp_path / "another"):
        folder.mkdir()
        (folder / "photo.jpg").touch()
        os.utime(folder, (1e9, 1e9))
    os.utime(new)
    remove_abandoned(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["another", "pix2style-studio-new"]
    os.utime(studio.folder, (1e9, 1e9))
    remove_abandoned(studio.folder.parent)
    assert studio.folder.exists()


def test_works_that_have_ended_are_deleted_except_for_the_newest(tmp_path: Path) -> None:
    class Done(Job):
        kind = "test"

        def _work(self) -> None:
            (self.folder / "file").touch()

    jobs, made = Jobs(), []
    for number in range(9):
        (folder := tmp_path / str(number)).mkdir()
        made.append(jobs.start(Done(folder)))
        made[-1]._thread.join()
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept[-6:] == ["3", "4", "5", "6", "7", "8"]
    assert len(kept) <= 7  # the last one may have ended before the oldest ones were looked for
    with pytest.raises(NotHereError):
        jobs.get(made[0].id)
