from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.images import Image8, crop_to_square, read_picture
from pix2style.pairs.check.alignment import measure_alignment
from pix2style.pairs.check.duplicates import perceptual_hash
from pix2style.pairs.check.inspector import PairInspector
from pix2style.pairs.check.suspicion import PairIdentity, Suspicion
from pix2style.teachers.watercolor import WatercolorTeacher

from sets import Negative, detailed_photo  # isort: skip

COUNT = 12


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Image8, Image8]]:
    photos = [detailed_photo(i, 192, 192) for i in range(COUNT)]
    return list(zip(photos, Negative().stylize(photos), strict=True))


def shifted(rgb: Image8, dx: int, dy: int) -> Image8:
    """Shift an image to the right and down; the border is filled by reflection."""
    side = 32
    wide = np.pad(rgb, ((side, side), (side, side), (0, 0)), "reflect")
    height, width = rgb.shape[:2]
    return wide[side - dy : side - dy + height, side - dx : side - dx + width]


def suspicions(pairs: list[tuple[Image8, Image8]], names: list[str] | None = None) -> list[Suspicion]:
    judged = PairInspector()
    for i, (content, target) in enumerate(pairs):
        name = names[i] if names else f"{i:02d}.png"
        judged.add(PairIdentity(f"{i:04x}", name, "train", 0, perceptual(content), perceptual(target)), content, target)
    return judged.finish()


def perceptual(rgb: Image8) -> str:
    return rgb.tobytes().hex()[:2000]


def test_honest_pairs_are_not_suspected(pairs: list[tuple[Image8, Image8]]) -> None:
    assert suspicions(pairs) == []


@pytest.mark.parametrize(("dx", "dy"), [(2, 0), (0, -2), (-4, 3), (8, 0), (0, 16)])
def test_a_shift_is_measured(pairs: list[tuple[Image8, Image8]], dx: int, dy: int) -> None:
    for content, target in pairs:
        finding = measure_alignment(content, shifted(target, dx, dy)).misalignment
        assert finding is not None
        assert finding.problem == "shifted"
        assert f"({dx}, {dy}) px" in finding.text


def test_the_shift_of_a_large_picture_is_told_in_its_own_pixels() -> None:
    content = detailed_photo(3, 1024, 768)
    finding = measure_alignment(content, shifted(Negative().stylize([content])[0], 24, 0)).misalignment
    assert finding is not None
    assert "(24, 0) px" in finding.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rgb: rgb[:, ::-1], "mirrored left to right"),
        (lambda rgb: rgb[::-1], "mirrored top to bottom"),
        (lambda rgb: rgb[::-1, ::-1], "rotated by 180 degrees"),
        (np.rot90, "rotated by 90 degrees to the left"),
        (lambda rgb: np.rot90(rgb, 3), "rotated by 90 degrees to the right"),
    ],
)
def test_a_turned_target_is_named(
    pairs: list[tuple[Image8, Image8]], change: Callable[[Image8], Image8], said: str
) -> None:
    for content, target in pairs:
        finding = measure_alignment(content, np.ascontiguousarray(change(target))).misalignment
        assert finding is not None
        assert said in finding.text


def test_swapped_targets_are_named_with_their_contents(pairs: list[tuple[Image8, Image8]]) -> None:
    swapped = list(pairs)
    swapped[2], swapped[7] = (pairs[2][0], pairs[7][1]), (pairs[7][0], pairs[2][1])
    found = {one.source: one for one in suspicions(swapped)}
    assert set(found) == {"02.png", "07.png"}
    assert all(one.kind == "mismatched" for one in found.values())
    assert "belongs to the content of 07.png" in found["02.png"].text
    assert "belongs to the content of 02.png" in found["07.png"].text


def test_a_target_of_no_content_of_the_set_is_named(pairs: list[tuple[Image8, Image8]]) -> None:
    [stranger] = Negative().stylize([detailed_photo(99, 192, 192)])
    [found] = suspicions([*pairs[:9], (pairs[9][0], stranger)])
    assert (found.source, found.kind) == ("09.png", "mismatched")
    assert "does not seem to belong" in found.text


def test_names_that_are_all_off_by_one_are_seen(pairs: list[tuple[Image8, Image8]]) -> None:
    moved = [(content, pairs[(i + 1) % COUNT][1]) for i, (content, _) in enumerate(pairs)]
    found = {one.source: one for one in suspicions(moved)}
    assert len(found) == COUNT
    assert all("belongs to the content of" in one.text for one in found.values())


def test_the_same_content_twice_and_nearly_the_same(pairs: list[tuple[Image8, Image8]]) -> None:
    (content, target), other = pairs[0], pairs[1][0]
    close = np.clip(other.astype(np.int16) + 2, 0, 255).astype(np.uint8)
    found = suspicions([(content, target), (content, 255 - target), pairs[1], (close, Negative().stylize([close])[0])])
    assert [(one.kind, one.source) for one in found] == [("duplicate", "01.png"), ("near-duplicate", "03.png")]
    assert "with another target as 00.png" in found[0].text
    assert [one.is_serious for one in found] == [True, False]


def test_tiny_and_flat_pictures_are_not_judged() -> None:
    flat = np.full((128, 128, 3), 90, np.uint8)
    assert measure_alignment(flat, flat).misalignment is None
    assert measure_alignment(flat, detailed_photo(1)).misalignment is None
    assert np.isnan(measure_alignment(flat[:40, :40], flat[:40, :40]).score)


def test_the_hash_of_a_smaller_picture_is_near() -> None:
    photo = detailed_photo(5, 256, 256)
    near = perceptual_hash(photo) ^ perceptual_hash(np.ascontiguousarray(photo[::2, ::2]))
    far = perceptual_hash(photo) ^ perceptual_hash(detailed_photo(6, 256, 256))
    assert near.bit_count() <= 3 < far.bit_count()


def test_real_photos_in_watercolor(assets: Path) -> None:
    files = sorted((assets / "data" / "content").glob("*.jpg"))[:12]
    photos = [crop_to_square(read_picture(file).rgb, 256) for file in files]
    targets = WatercolorTeacher().stylize(photos)
    assert suspicions(list(zip(photos, targets, strict=True))) == []
    moved = [
        measure_alignment(photo, shifted(target, 2, 0)).misalignment
        for photo, target in zip(photos, targets, strict=True)
    ]
    assert all(finding is not None and finding.problem == "shifted" for finding in moved)
