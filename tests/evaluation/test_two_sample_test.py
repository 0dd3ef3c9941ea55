"""The classifier two-sample test in cases whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from pix2style.errors import DataError
from pix2style.evaluation import two_sample_test
from pix2style.evaluation.evaluate import EvaluatedPhoto
from pix2style.evaluation.patch_classifier import PatchClassifier, PatchGrid, classify_patches, train_classifier
from pix2style.evaluation.two_sample_test import TellApart, tell_apart
from pix2style.images import Image8, to_signed

STEPS = 40


@pytest.fixture(scope="module")
def targets() -> list[Image8]:
    """Twelve photos' targets: strokes of random colours, 2 pixels wide, on a brightness of each photo's own."""
    random = np.random.default_rng(0)
    images = []
    for _ in range(12):
        strokes = np.kron(random.integers(-60, 61, (32, 24, 3)), np.ones((2, 4, 1)))
        images.append(np.clip(strokes + random.integers(80, 170), 0, 255).astype(np.uint8))
    return images


def _blurred(image: Image8) -> Image8:
    """Return an image that is moved by half a pixel, by linear interpolation."""
    return ((image.astype(int) + np.roll(image, 1, axis=1)) // 2).astype(np.uint8)


def test_equal_images_cannot_be_told_apart(targets: list[Image8]) -> None:
    test = tell_apart(targets, targets, steps=1)
    assert (test.accuracy, test.low, test.high) == (0.5, 0.5, 0.5)
    assert (test.photos, test.patches, test.patch_px) == (12, 12 * 2 * 2, 64)


def test_images_that_change_places_at_random_cannot_be_told_apart(targets: list[Image8]) -> None:
    """Each photo has two pictures from one distribution: what a network learns of them does not help with others."""
    outputs = [np.roll(image, 13, axis=0) for image in targets]
    swaps = np.random.default_rng(1).random(len(targets)) < 0.5
    pairs = [(a, b) if swap else (b, a) for a, b, swap in zip(outputs, targets, swaps, strict=True)]
    test = tell_apart([a for a, _ in pairs], [b for _, b in pairs], steps=STEPS)
    assert test.low <= 0.5 <= test.high
    assert 0.3 < test.accuracy < 0.7


def test_a_blur_by_half_a_pixel_is_found_and_the_figure_is_the_same_twice(targets: list[Image8]) -> None:
    outputs = [_blurred(image) for image in targets]
    test = tell_apart(outputs, targets, steps=STEPS)
    assert test.accuracy > 0.85
    assert 0.75 < test.low <= test.accuracy <= test.high <= 1
    assert tell_apart(outputs, targets, steps=1) == tell_apart(outputs, targets, steps=1)


def test_both_sizes_are_tested_for_each_stylizer(targets: list[Image8]) -> None:
    collector, done = TellApart(steps=1), []
    for target in targets:
        collector(EvaluatedPhoto(target, target, {"same": target, "flat": np.full_like(target, 128)}))
    results = collector.results(lambda *counts: done.append(counts))
    assert list(results) == ["same", "flat"]
    assert results["same"].half_size.accuracy == 0.5
    assert (results["flat"].full_size.patch_px, results["flat"].half_size.patch_px) == (64, 32)
    assert done[-1] == (collector.networks, collector.networks) == (16, 16)


def test_a_photo_that_comes_again_is_tested_once(targets: list[Image8]) -> None:
    """Copies in two folds would be in training and test at once."""
    once, repeated = TellApart(steps=1), TellApart(steps=1)
    for collector, copies in ((once, 1), (repeated, 3)):
        for _ in range(copies):
            for number, target in enumerate(targets):
                photo = np.full_like(target, number)
                collector(EvaluatedPhoto(photo, target, {"blurred": _blurred(target)}))
    assert repeated.results() == once.results()
    assert repeated.results()["blurred"].full_size.photos == 12
    assert once.notes_on_photos == []
    [note] = repeated.notes_on_photos
    assert note.startswith("told apart: 24 photos that came again")
    few = TellApart(steps=1)
    for target in [targets[0]] * 8:
        few(EvaluatedPhoto(target, target, {"same": target}))
    with pytest.raises(DataError, match="at least 8 photos, and there are 1"):
        few.results()


def test_a_small_photo_that_makes_the_patches_smaller_is_named(photos: Callable[..., list[Image8]]) -> None:
    collector = TellApart(steps=1)
    for number, photo in enumerate([*photos(9, 130, 140), *photos(1, 100, 140)]):
        collector(EvaluatedPhoto(photo, photo, {"same": photo}, f"{number}.png"))
    test = collector.results()["same"]
    [note] = collector.notes_on_patches
    assert collector.notes_on_photos == []
    sides = (test.full_size.patch_px, test.half_size.patch_px)
    assert sides == (64, 48)
    assert note.startswith("told apart: patches have 64 pixels a side at full size and 48 at half size instead of 64")
    assert "because 9.png has only 100" in note


def test_photos_stay_bytes_until_patches_are_cut(targets: list[Image8], monkeypatch: pytest.MonkeyPatch) -> None:
    """As float32 they would need four times as much memory; the figures are the same."""
    kinds = []

    def watch(pairs: list[torch.Tensor], *arguments: Any, **options: Any) -> PatchClassifier:
        kinds.extend(pair.dtype for pair in pairs)
        return train_classifier([to_signed(pair.float()) for pair in pairs], *arguments, **options)

    expected = tell_apart([_blurred(image) for image in targets], targets, steps=3)
    monkeypatch.setattr(two_sample_test, "train_classifier", watch)
    assert tell_apart([_blurred(image) for image in targets], targets, steps=3) == expected
    assert set(kinds) == {torch.uint8}


def test_patches_begin_on_the_grid_and_cover_the_image() -> None:
    """A network that was trained to see where dots lie in blocks of 4 pixels sees it in every patch."""
    columns = torch.arange(76)
    dots, moved = ((columns % 4 == phase).float().expand(3, 70, 76) for phase in (0, 1))
    pair = torch.stack([dots, moved])
    grid = PatchGrid(32, 4)
    correct = classify_patches(train_classifier([pair], grid, steps=30, seed=0), pair, grid)
    assert correct.shape == (2, 9)
    assert correct.all()


def test_a_training_that_has_failed_does_not_count_as_chance() -> None:
    classifier, pair = PatchClassifier().eval(), torch.zeros(2, 3, 32, 32)
    torch.nn.init.constant_(classifier.head.bias, float("nan"))
    with pytest.raises(DataError, match="training of a network has failed"):
        classify_patches(classifier, pair, PatchGrid(32, 4))


def test_too_few_and_too_small_photos_are_refused(targets: list[Image8], photos: Callable[..., list[Image8]]) -> None:
    with pytest.raises(DataError, match=r"--tell-apart: needs at least 8 photos, and there are 7"):
        tell_apart(targets[:7], targets[:7])
    small = photos(8, 40, 31)
    with pytest.raises(DataError, match="at least 32 pixels a side"):
        tell_apart(small, small, shrink=2)
