"""Photos of a place are listed folder by folder, and their outputs are called as `infer` calls them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.cluster.output_name import TargetNames
from pix2style.cluster.photo_batches import ListedPhoto, PhotoBatch, list_batches, with_rivals
from pix2style.cluster.place import open_place
from pix2style.errors import DataError
from pix2style.images import Picture, search_images, write_picture
from pix2style.runtime import alike_names
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.output_paths import plan_outputs


def listed(batches: list[PhotoBatch]) -> list[str]:
    return [photo.name for batch in batches for photo in batch.photos]


def left_out(batches: list[PhotoBatch]) -> dict[str, int]:
    return {reason: count for batch in batches for reason, count in batch.left_out.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = ["b.jpg", "a.png", "deep/er/c.tif", "deep/x.mp4", ".hidden.png", ".git/a.png", "notes.txt", "raw.cr2"]
    for name in names:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "photos"


def test_the_same_photos_as_infer_finds(folder: Path) -> None:
    (folder / "linked").symlink_to(folder / "deep")
    place = open_place(str(folder))
    batches = list(list_batches(place, 2))
    found = search_images([folder])
    assert sorted(listed(batches)) == [image.relative for image in found.images]
    assert [len(batch.photos) for batch in batches] == [2, 2]
    reasons = [item.reason for item in found.left_out]
    assert left_out(batches) == {reason: reasons.count(reason) for reason in reasons}
    assert sorted(listed(list(list_batches(place, 9, recursive=False)))) == ["a.png", "b.jpg", "raw.cr2"]


def test_results_inside_of_the_source_are_left_out(folder: Path) -> None:
    source, target = open_place(str(folder)), open_place(str(folder / "deep" / "er"))
    batches = list(list_batches(source, 9, results=target.path_within(source)))
    assert listed(batches) == ["a.png", "b.jpg", "raw.cr2"]
    assert left_out(batches)["earlier result"] == 1


def test_a_batch_survives_being_sent() -> None:
    batch = PhotoBatch([ListedPhoto("\udce4/ä.jpg", ("\udce4/ä.jpg", "x"))], {"video": 2})
    assert PhotoBatch.from_json(batch.to_json()) == batch
    assert batch.to_json().isascii()


def test_most_photos_have_no_rivals() -> None:
    names = ["2024.01.01.jpg", "2024.01.02.jpg", "a.gif", "a.gif.png", "a.gif.png.tga", "a.PNG", "b.png"]
    rivals = {photo.name: photo.rivals for photo in with_rivals("x/", names)}
    family = ("x/a.PNG", "x/a.gif", "x/a.gif.png", "x/a.gif.png.tga")
    assert rivals == {f"x/{name}": family if name.startswith("a.") else () for name in names}


@pytest.mark.parametrize("suffix", [None, ".jpg", ".png"])
@pytest.mark.parametrize("seed", range(4))
def test_outputs_are_called_as_infer_calls_them(
    seed: int, suffix: str | None, tmp_path: Path, photos: Callable[..., list]
) -> None:
    chance = random.Random(seed)
    [rgb] = photos(1, 8, 8)
    parts = ["a", "A", "b", "a.gif", "a.2", "a-2"]
    ends = [".gif", ".png", ".jpg", ".PNG", ".tga", ".gif.png", ""]
    for name in {chance.choice(parts) + chance.choice(ends) for _ in range(14)} - {"a", "A", "b", "a-2", "a.2"}:
        path = tmp_path / "photos" / name
        path.parent.mkdir(exist_ok=True)
        alpha = None if chance.random() < 0.5 else rgb[..., 0]
        write_picture(tmp_path / "made.png", Picture(rgb, alpha))
        (tmp_path / "made.png").rename(path)
    files, source, target = FileSettings(), open_place(str(tmp_path / "photos")), open_place(str(tmp_path / "out"))
    plan = plan_outputs([tmp_path / "photos"], tmp_path / "out", suffix=suffix, files=files)
    renamed = {job.source for job in plan.renamed}
    names = TargetNames(source, target, suffix, files)
    batches = list(list_batches(source, 50))
    by_name = {photo.name: photo for batch in batches for photo in batch.photos}
    assert len(by_name) == len(plan.jobs)
    for job in plan.jobs:
        photo = by_name[job.source.name]
        if job.source in renamed:
            with pytest.raises(DataError, match="rename one of them"):
                names.name(photo, job.source.read_bytes)
        else:
            assert names.name(photo, job.source.read_bytes) == job.target.name


def test_folders_that_the_target_takes_for_one(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "Deep").mkdir(exist_ok=True)
    (folder / "Deep" / "y.png").touch()
    if len(list(folder.glob("[dD]eep"))) == 1:
        pytest.skip("this file system takes both folders for one")
    source, target = open_place(str(folder)), open_place(str(tmp_path / "out"))
    names = TargetNames(source, target, None, FileSettings())
    photos = {photo.name: photo for batch in list_batches(source, 9) for photo in batch.photos}
    assert names.name(photos["deep/er/c.tif"], bytes) == "deep/er/c.tif"
    monkeypatch.setattr(alike_names, "_ask", lambda group, _texts, _out: [group])
    assert names.name(photos["Deep/y.png"], bytes) == "Deep/y.png"
    with pytest.raises(DataError, match="the folders Deep and deep would be the same folder in the target"):
        names.name(photos["deep/er/c.tif"], bytes)


@pytest.mark.parametrize("name", ["a/../../b.jpg", "/etc/b.jpg", "a//b.jpg", "./b.jpg"])
def test_names_of_objects_do_not_lead_out_of_the_target(name: str, tmp_path: Path) -> None:
    place = open_place(str(tmp_path))
    with pytest.raises(DataError, match="its name cannot be the name of a file"):
        TargetNames(place, open_place(str(tmp_path / "out")), None, FileSettings()).name(ListedPhoto(name), bytes)


def test_outputs_do_not_lie_among_the_photos(tmp_path: Path) -> None:
    source, target = open_place(str(tmp_path / "photos")), open_place(str(tmp_path))
    names = TargetNames(source, target, None, FileSettings())
    assert names.name(ListedPhoto("a.png"), bytes) == "a.png"
    with pytest.raises(DataError, match="would lie among the photos"):
        names.name(ListedPhoto("photos/a.png"), bytes)
