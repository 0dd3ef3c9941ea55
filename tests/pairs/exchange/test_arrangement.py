"""How content and target are arranged in one image is recognised, or the image is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import ConfigError, DataError
from pix2style.images import Image8, encode_png
from pix2style.pairs.exchange.arrangement import Division, recognise_division
from pix2style.pairs.exchange.importing import ImportReport, import_pairs
from pix2style.pairs.exchange.layouts import open_pair_source
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import SPLITS

from sets import Negative, detailed_photo  # isort: skip

Join = Callable[[list[Image8]], Image8]
_SIZES = {"square": (96, 96), "landscape": (64, 128), "portrait": (120, 80)}


def pair(index: int, height: int = 96, width: int = 96) -> list[Image8]:
    photo = detailed_photo(index, height, width)
    return [photo, Negative().stylize([photo])[0]]


def write_images(folder: Path, images: list[Image8]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        (folder / f"{index}.png").write_bytes(encode_png(image))
    return folder


def contents(folder: Path) -> list[Image8]:
    reader = PairReader(folder)
    entries = [entry for split in SPLITS for entry in reader.entries(split)]
    return [reader.read(entry)[0] for entry in sorted(entries, key=lambda entry: entry.source)]


def bring_in(folder: Path, **options: str) -> ImportReport:
    source = open_pair_source(folder, options.get("layout", "auto"), content_side=options.get("side"))  # type: ignore[arg-type]
    return import_pairs(source, folder.parent / "set")


@pytest.mark.parametrize("size", _SIZES.values(), ids=_SIZES)
@pytest.mark.parametrize(("join", "kind"), [(np.hstack, "side-by-side"), (np.vstack, "stacked")])
def test_pairs_are_divided_where_their_edges_agree(
    tmp_path: Path, size: tuple[int, int], join: Join, kind: str
) -> None:
    """A stacked pair of landscape photos is as wide as high, and so may a side-by-side pair be: edges decide."""
    pairs = [pair(index, *size) for index in range(6)]
    report = bring_in(write_images(tmp_path / "ab", [join(both) for both in pairs]))
    assert (report.kind, report.manifest.pairs.total, report.manifest.failures) == (kind, 6, ())
    for content, (photo, _) in zip(contents(tmp_path / "set"), pairs, strict=True):
        assert np.array_equal(content, photo)
    first = "left" if kind == "side-by-side" else "top"
    assert report.content_note.startswith(f"{first} half, by default (--content-side ")


@pytest.mark.parametrize(("join", "side"), [(np.hstack, "right"), (np.vstack, "bottom")])
def test_the_other_half_may_be_the_content(tmp_path: Path, join: Join, side: str) -> None:
    pairs = [pair(index) for index in range(3)]
    report = bring_in(write_images(tmp_path / "ab", [join(both) for both in pairs]), side=side)
    assert report.content_note == f"{side} half"
    for content, (_, target) in zip(contents(tmp_path / "set"), pairs, strict=True):
        assert np.array_equal(content, target)


@pytest.mark.parametrize(
    ("join", "count", "said"),
    [
        (np.hstack, 3, "holds three pictures side by side"),
        (np.vstack, 3, "holds three pictures stacked"),
        (np.hstack, 4, "holds four pictures side by side"),
        (np.vstack, 4, "holds four pictures stacked"),
    ],
)
def test_more_than_two_pictures_are_refused(tmp_path: Path, join: Join, count: int, said: str) -> None:
    rows = [pair(index) for index in range(4)]
    images = [join([photo, target, np.roll(photo, 90, 2), 255 - photo][:count]) for photo, target in rows]
    with pytest.raises(DataError, match="none of the 4 files can be used") as refused:
        bring_in(write_images(tmp_path / "ab", images))
    assert said in str(refused.value)


def test_images_of_another_arrangement_are_listed(tmp_path: Path) -> None:
    images = [np.hstack(pair(index)) for index in range(6)]
    images += [np.vstack(pair(6)), np.hstack([*pair(7), pair(7)[0], pair(7)[1]])]
    report = bring_in(write_images(tmp_path / "ab", images))
    assert report.manifest.pairs.total == 6
    assert {failure.source: failure.reason for failure in report.manifest.failures} == {
        "6.png": "holds two pictures stacked, by the edges in it, not two pictures side by side",
        "7.png": "holds four pictures side by side, by the edges in it, not two pictures side by side",
    }


def test_photos_that_are_no_pairs_are_refused(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "photos only", [detailed_photo(index, 96, 128) for index in range(8)])
    with pytest.raises(DataError, match="its images do not look like pairs"):
        open_pair_source(folder)
    assert open_pair_source(folder, "side-by-side").kind == "side-by-side"


@pytest.mark.parametrize(("size", "kind"), [((40, 80), "side-by-side"), ((80, 40), "stacked")])
def test_plain_images_are_divided_by_an_exact_2_to_1(tmp_path: Path, size: tuple[int, int], kind: str) -> None:
    images = [np.full((*size, 3), 60 * index, np.uint8) for index in range(4)]
    assert open_pair_source(write_images(tmp_path / "plain", images)).kind == kind


def test_an_odd_height_is_no_stacked_pair(tmp_path: Path) -> None:
    images = [np.vstack(pair(index)) for index in range(3)]
    images.append(images[0][:-1])
    report = bring_in(write_images(tmp_path / "ab", images))
    assert [failure.reason for failure in report.manifest.failures] == [
        "is 191 px high, which cannot be halved: it holds no pair stacked"
    ]


@pytest.mark.parametrize(
    ("layout", "side"), [("side-by-side", "top"), ("stacked", "left"), ("folders", "left"), ("parquet", "right")]
)
def test_a_side_that_the_layout_does_not_have(tmp_path: Path, layout: str, side: str) -> None:
    folder = write_images(tmp_path / "ab", [np.hstack(pair(0))])
    with pytest.raises(ConfigError, match=f"--content-side {side}: pairs in the layout {layout} have no such half"):
        open_pair_source(folder, layout, content_side=side)  # type: ignore[arg-type]


def test_a_plain_photo_is_not_divided() -> None:
    assert [recognise_division(detailed_photo(index, 120, 144)) for index in range(12)] == [None] * 12
    assert recognise_division(np.hstack(pair(0))) == Division("side-by-side", 2)
