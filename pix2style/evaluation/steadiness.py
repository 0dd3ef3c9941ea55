"""Evaluate how steady stylizers are: pans of stills, noise, and rendered clips with known motion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from statistics import fmean

from pix2style.errors import DataError, ImageError
from pix2style.evaluation.dataset import EvaluationDataset
from pix2style.evaluation.moving_clip import MovingClip, fits_a_clip, render_moving_clip
from pix2style.evaluation.report import FailedPhoto
from pix2style.evaluation.steadiness_measures import (
    NOISE_LEVELS,
    PARTIAL_SHIFTS_PX,
    WHOLE_SHIFTS_PX,
    PartialShift,
    clip_errors,
    noise_gain,
    partial_shift,
    whole_shift_difference,
)
from pix2style.evaluation.steadiness_report import (
    ClipFigures,
    PartialShiftFigures,
    SteadinessReport,
    SteadinessRow,
)
from pix2style.images import Image8
from pix2style.pairs.format.plan import teacher_record
from pix2style.plural import counted
from pix2style.steady import SteadyMode, SteadyStylizer
from pix2style.stylizer import Stylizer

_MIN_SIDE_PX = 64
_PHOTOS_PER_CLIP, _MAX_CLIPS, _CLIP_FRAMES = 3, 3, 16


def stylize_frames(stylizer: Stylizer, mode: SteadyMode, frames: Sequence[Image8]) -> list[Image8]:
    """Stylize the frames of one clip."""
    steady = SteadyStylizer(stylizer, mode)
    return [steady.stylize(frame, steady.follow(frame)) for frame in frames]


def evaluate_steadiness(
    stylizers: Mapping[str, Stylizer],
    dataset: EvaluationDataset,
    modes: Sequence[SteadyMode],
    *,
    on_progress: Callable[[int, int], None],
) -> SteadinessReport:
    """Measure each stylizer in each mode on all photos.

    Args:
        stylizers: Stylizers by the names of the rows.
        dataset: Photos; their targets are not used.
        modes: How much is done for steadiness.
        on_progress: Called with the number of finished steps and the number of all steps.

    Raises:
        DataError: No photo can be used.
    """
    names, photos, failures = load_photos(dataset)
    clips = moving_clips(photos)
    rows, total = [], len(stylizers) * len(modes)
    changes: list[PartialShift] = []
    for name, mode in product(stylizers, modes):
        row, changes = _measure(name, stylizers[name], mode, photos, clips)
        rows.append(row)
        on_progress(len(rows), total)
    per_shift = len(PARTIAL_SHIFTS_PX)
    return SteadinessReport(
        material=dataset.record(names),
        stylizers=tuple(rows),
        photo_change={
            f"{shift:g}": fmean(change.photo_change for change in changes[index::per_shift])
            for index, shift in enumerate(PARTIAL_SHIFTS_PX)
        },
        photo_clip=_clip_figures(clips, list),
        clips=len(clips),
        settings={"noise_levels": NOISE_LEVELS, "clip_frames": _CLIP_FRAMES},
        notes=(*dataset.notes, *([] if clips else ["the photos are too small for a rendered clip"])),
        failures=tuple(failures),
    )


def moving_clips(photos: Sequence[Image8]) -> list[MovingClip]:
    """Return the rendered clips that are measured, of the first photos that are large enough."""
    fitting = [photo for photo in photos if fits_a_clip(photo)][: _MAX_CLIPS * _PHOTOS_PER_CLIP]
    groups = [fitting[start : start + _PHOTOS_PER_CLIP] for start in range(0, len(fitting), _PHOTOS_PER_CLIP)]
    return [render_moving_clip(group, frames=_CLIP_FRAMES) for group in groups]


def load_photos(dataset: EvaluationDataset) -> tuple[list[tuple[str, str]], list[Image8], list[FailedPhoto]]:
    """Read all photos that are large enough; return their names and digests, the photos, and those that are left out.

    Raises:
        DataError: None is.
    """
    names, photos, failures = [], [], []
    for index in range(len(dataset)):
        try:
            sample = dataset.load(index)
        except ImageError as error:
            failures.append(FailedPhoto(name=error.name, reason=error.reason))
            continue
        height, width = sample.photo.shape[:2]
        if min(height, width) < _MIN_SIDE_PX:
            reason = f"has {width}x{height} pixels; steadiness needs {_MIN_SIDE_PX} on each side"
            failures.append(FailedPhoto(name=sample.name, reason=reason))
        else:
            names.append((sample.name, sample.sha256))
            photos.append(sample.photo)
    if not photos:
        first = f"; the first: {failures[0].name}: {failures[0].reason}" if failures else ""
        raise DataError(f"none of {counted(len(dataset), 'photo')} can be used{first}")
    return names, photos, failures


def _measure(
    name: str, stylizer: Stylizer, mode: SteadyMode, photos: Sequence[Image8], clips: Sequence[MovingClip]
) -> tuple[SteadinessRow, list[PartialShift]]:
    """Measure one stylizer in one mode; the second value holds all partial shifts, photo by photo."""
    render = partial(stylize_frames, stylizer, mode)
    shifts = {
        f"{shift}": fmean(whole_shift_difference(render, photo, shift) for photo in photos) for shift in WHOLE_SHIFTS_PX
    }
    partials = [partial_shift(render, photo, shift) for photo in photos for shift in PARTIAL_SHIFTS_PX]
    row = SteadinessRow(
        name=name,
        identity=teacher_record(stylizer.identity),
        mode=mode.value,
        shifts=shifts,
        partial_shifts={
            f"{shift:g}": _partial_figures(partials[index :: len(PARTIAL_SHIFTS_PX)])
            for index, shift in enumerate(PARTIAL_SHIFTS_PX)
        },
        noise_gain=fmean(noise_gain(render, photo) for photo in photos),
        deviation=fmean(float(stylizer.stylize([photo])[0].std()) for photo in photos),
        clip=_clip_figures(clips, render),
    )
    return row, partials


def _partial_figures(shifts: Sequence[PartialShift]) -> PartialShiftFigures:
    return PartialShiftFigures(
        difference=fmean(shift.difference for shift in shifts), change=fmean(shift.change for shift in shifts)
    )


def _clip_figures(
    clips: Sequence[MovingClip], render: Callable[[Sequence[Image8]], list[Image8]]
) -> ClipFigures | None:
    if not clips:
        return None
    errors = [clip_errors(clip, render(clip.frames)) for clip in clips]
    return ClipFigures(warping_error=fmean(error for error, _ in errors), flicker=fmean(error for _, error in errors))
