"""The classifier two-sample test: how often a network can tell a filter's patches from the teacher's.

Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests" (arXiv 1610.06545): if two sets of samples have the
same distribution, no classifier tells new samples apart more often than by chance. Its accuracy on samples that it was
not trained on is easy to read: 50 % is chance, 100 % means that it is always right. 50 % is no proof that the sets are
equal: this classifier has found no difference.

Photos are divided into folds. The patches of each fold are classified by a network that was trained on the other folds,
and so on other photos. Patches of one photo resemble each other, so the interval is computed over photos.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pix2style.errors import DataError
from pix2style.evaluation.evaluate import EvaluatedPhoto
from pix2style.evaluation.patch_classifier import PatchGrid, classify_patches, train_classifier
from pix2style.evaluation.report import ToldApart, TwoSampleTest
from pix2style.files import sha256_bytes
from pix2style.images import Image8, to_signed
from pix2style.plural import counted
from pix2style.progress import ProgressCallback, no_progress

FEWEST_PHOTOS = 8
# More photos would hardly make the figure more exact, and all images are held in memory.
MOST_PHOTOS = 200
_FOLDS = 4
_STEPS = 400
_SEED = 20
_RESAMPLES = 4000
_PATCH_SIDE_PX = 64
_SIDE_MULTIPLE_PX = 16
# Networks with two halvings, such as Magenta's, draw on a grid of 4 pixels.
_GRID_PX = 4
TELL_APART_SETTINGS: dict[str, int] = {
    "tell_apart_folds": _FOLDS,
    "tell_apart_steps": _STEPS,
    "tell_apart_seed": _SEED,
    "tell_apart_grid_px": _GRID_PX,
}
_SHRINK = {"full_size": 1, "half_size": 2}


class TellApart:
    """Collect outputs and targets, and test each stylizer; an instance can be passed to `evaluate` as `on_photo`.

    A photo that comes again is left out: in two folds it would be in training and test at once, and the interval would
    count it as two photos.

    Args:
        steps: Training steps of each network.
        seed: Seed of folds, weights and places of patches.
    """

    def __init__(self, steps: int = _STEPS, seed: int = _SEED) -> None:
        self._steps, self._seed = steps, seed
        self._digests: set[str] = set()
        self._repeats = self._beyond = 0
        self._smallest: tuple[int, str] | None = None  # shorter side and name
        self._targets: list[Image8] = []
        self._outputs: dict[str, list[Image8]] = {}

    def __call__(self, images: EvaluatedPhoto) -> None:
        """Keep the images of one photo, unless there are enough, or it is there already."""
        if len(self._targets) >= MOST_PHOTOS:
            self._beyond += 1
            return
        digest = sha256_bytes(repr(images.photo.shape).encode() + images.photo.tobytes())
        if digest in self._digests:
            self._repeats += 1
            return
        self._digests.add(digest)
        side = min(images.photo.shape[:2])
        self._smallest = min(self._smallest or (side, images.name), (side, images.name))
        self._targets.append(images.target)
        for name, output in images.stylized.items():
            self._outputs.setdefault(name, []).append(output)

    @property
    def notes_on_photos(self) -> list[str]:
        """Which photos are not tested, and why."""
        notes = []
        if self._repeats:
            notes.append(
                f"told apart: {counted(self._repeats, 'photo')} that came again, equal in every pixel, left out"
            )
        if self._beyond:
            notes.append(f"told apart: measured on the first {MOST_PHOTOS} photos")
        return notes

    @property
    def notes_on_patches(self) -> list[str]:
        """How large the patches are, and which photo is the reason, if they are not as large as usual."""
        side, name = self._smallest or (_PATCH_SIDE_PX * max(_SHRINK.values()), "")
        sides = [_patch_side(side // shrink) for shrink in _SHRINK.values()]
        if min(sides) == _PATCH_SIDE_PX:
            return []
        note = (
            f"told apart: patches have {sides[0]} pixels a side at full size and {sides[1]} at half size instead of"
            f" {_PATCH_SIDE_PX}, because {name} has only {side}: leave small photos out to compare with other results"
        )
        return [note]

    @property
    def networks(self) -> int:
        """Number of networks that `results` trains."""
        return len(self._outputs) * len(_SHRINK) * _FOLDS

    def results(self, on_progress: ProgressCallback = no_progress) -> dict[str, ToldApart]:
        """Return the result for each stylizer.

        Args:
            on_progress: Called with the number of trained networks, and of all networks.

        Raises:
            DataError: There are too few photos, or they are too small.
        """
        total, done = self.networks, 0

        def advance() -> None:
            nonlocal done
            done += 1
            on_progress(done, total)

        return {name: self._test(outputs, advance) for name, outputs in self._outputs.items()}

    def _test(self, outputs: Sequence[Image8], on_fold: Callable[[], None]) -> ToldApart:
        tests = {
            name: tell_apart(outputs, self._targets, shrink=shrink, steps=self._steps, seed=self._seed, on_fold=on_fold)
            for name, shrink in _SHRINK.items()
        }
        return ToldApart(**tests)


def tell_apart(
    outputs: Sequence[Image8],
    targets: Sequence[Image8],
    *,
    shrink: int = 1,
    steps: int = _STEPS,
    seed: int = _SEED,
    on_fold: Callable[[], None] = lambda: None,
) -> TwoSampleTest:
    """Train networks to tell outputs from targets, and return how well they do on photos that are new to them.

    Args:
        outputs: What a stylizer made of each photo, uint8 [height, width, 3].
        targets: What the teacher made of the same photos, in the same order and shapes.
        shrink: Shrink images by this whole number first, as somebody sees them who stands farther away.
        steps: Training steps of each network.
        seed: Seed of folds, weights and places of patches.
        on_fold: Called after each of the networks.

    Raises:
        DataError: There are fewer than `FEWEST_PHOTOS` photos, or one is too small.
    """
    check_enough_photos(len(targets))
    pairs = [_pair(output, target, shrink) for output, target in zip(outputs, targets, strict=True)]
    grid = _grid(pairs, shrink)
    fold_of = np.random.default_rng(seed).permutation(len(pairs)) % _FOLDS
    accuracies = np.zeros(len(pairs))
    patches = 0
    for fold in range(_FOLDS):
        others = [pair for pair, own in zip(pairs, fold_of, strict=True) if own != fold]
        classifier = train_classifier(others, grid, steps=steps, seed=seed + fold)
        for index in np.flatnonzero(fold_of == fold):
            correct = classify_patches(classifier, pairs[index], grid)
            accuracies[index] = float(correct.float().mean())
            patches += correct.numel()
        on_fold()
    low, high = _interval(accuracies, seed)
    return TwoSampleTest(
        accuracy=float(accuracies.mean()), low=low, high=high, photos=len(pairs), patches=patches, patch_px=grid.side_px
    )


def check_enough_photos(count: int) -> None:
    """Check that there are enough photos for the test.

    Raises:
        DataError: There are not.
    """
    if count < FEWEST_PHOTOS:
        raise DataError(
            f"--tell-apart: needs at least {FEWEST_PHOTOS} photos, and there are {count}: give more, or leave it out"
        )


def _pair(output: Image8, target: Image8, shrink: int) -> Tensor:
    """Return output and target as [2, 3, height, width], in uint8; shrunk as means of squares, in [-1, 1]."""
    images = torch.from_numpy(np.stack([output, target])).permute(0, 3, 1, 2)
    return images if shrink == 1 else functional.avg_pool2d(to_signed(images.float()), shrink)


def _grid(pairs: Sequence[Tensor], shrink: int) -> PatchGrid:
    """Return patches that fit into the smallest image."""
    smallest = min(min(pair.shape[-2:]) for pair in pairs)
    side = _patch_side(smallest)
    if side == 0:
        least = counted(_SIDE_MULTIPLE_PX * shrink, "pixel")
        raise DataError(f"--tell-apart: photos need at least {least} a side: leave out smaller ones")
    return PatchGrid(side, max(1, _GRID_PX // shrink))


def _patch_side(smallest_px: int) -> int:
    """Return the side of patches for images whose shorter sides have at least so many pixels."""
    return min(_PATCH_SIDE_PX, smallest_px // _SIDE_MULTIPLE_PX * _SIDE_MULTIPLE_PX)


def _interval(accuracies: np.ndarray[tuple[int], np.dtype[np.float64]], seed: int) -> tuple[float, float]:
    """Return the 95 % interval of the mean over photos, by the bootstrap (Efron 1979): quantiles of resampled means."""
    chosen = np.random.default_rng(seed).integers(0, len(accuracies), (_RESAMPLES, len(accuracies)))
    low, high = np.quantile(accuracies[chosen].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
