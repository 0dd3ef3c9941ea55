"""One photo by optimisation, from file to file: what `pix2style stylize` does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style.errors import ConfigError, DataError
from pix2style.images import Picture, can_write, fit_within, read_picture, write_picture
from pix2style.teachers.gatys.settings import GatysSettings
from pix2style.teachers.gatys.teacher import GatysTeacher, OptimizationStep
from pix2style.teachers.style import StyleBlend

DEFAULT_SAVE_EVERY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class StylizeJob:
    """What to paint, and where it goes.

    Attributes:
        content: the photo.
        style: paintings, weights, strength.
        out: a picture file; its suffix chooses the format.
        settings: how to paint.
        weights: VGG19's, a safetensors file; nothing: torchvision's.
        start: a picture to start from; nothing: as the settings say.
        keep_colors: the photo's own colours, see `pix2style.teachers.color`.
        max_side_px: shrink the photo first to this longer side.
        intermediate: folder for pictures on the way, `step-000050.png` and so on.
        save_every: so many steps apart; 50 if only the folder is given.
        quality: of JPEG and WebP.

    Raises:
        ConfigError: options that do not go together.
        DataError: `out` cannot be written, or would overwrite an input.
    """

    content: Path
    style: StyleBlend
    out: Path
    settings: GatysSettings
    weights: Path | None = None
    start: Path | None = None
    keep_colors: bool = False
    max_side_px: int | None = None
    intermediate: Path | None = None
    save_every: int | None = None
    quality: int = 95

    def __post_init__(self) -> None:
        if not can_write(self.out):
            raise DataError(f"{self.out}: cannot write that format: use a name that ends in .png, .jpg, .webp or .tif")
        for given in (self.content, *self.style.paintings, *([self.start] if self.start else [])):
            if self.out.resolve() == given.resolve():
                raise DataError(f"{self.out}: would overwrite an input: give another name with --out")
        if self.save_every is not None and self.intermediate is None:
            raise ConfigError("[stylize -> save-every] needs a folder for the pictures: add --intermediate DIR")
        if self.save_every is not None and self.save_every < 1:
            raise ConfigError(f"[stylize -> save-every] must be 1 or more, not {self.save_every}")


@dataclass(frozen=True, slots=True)
class StylizeReport:
    """What came of a job.

    Attributes:
        out: the picture.
        width_px: its width.
        height_px: its height.
        levels: at how many sizes it was painted.
        steps: how many were done; fewer than asked for where L-BFGS stood still.
        seconds: of painting, without loading.
        content_loss: the last one, weight included, as are the others.
        style_loss: the last one.
        variation_loss: the last one.
        identity: of the teacher.
    """

    out: Path
    width_px: int
    height_px: int
    levels: int
    steps: int
    seconds: float
    content_loss: float
    style_loss: float
    variation_loss: float
    identity: dict[str, Any]


def stylize_file(
    job: StylizeJob,
    on_step: Callable[[OptimizationStep], None] | None = None,
    on_saved: Callable[[Path], None] | None = None,
) -> StylizeReport:
    """Paint one photo. `out` is written when it is finished, and not before; a stop leaves only intermediate pictures.

    Args:
        job: what to paint.
        on_step: told of each step.
        on_saved: told of each intermediate picture.

    Raises:
        ImageError: a picture cannot be read.
        ArtifactError: VGG19's weights cannot be had or end before the deepest layer.
        PhotoError: see `GatysTeacher.paint`.
        DataError: a picture cannot be written.
    """
    photo = _read(job.content, job.max_side_px)
    start = read_picture(job.start, to_srgb=True).on_white() if job.start else None
    teacher = GatysTeacher(job.style, job.settings, job.weights)
    watch = _Watch(job, on_step, on_saved)
    began = time.perf_counter()
    painted = teacher.stylize_photo(photo.rgb, start=start, on_step=watch)
    seconds = time.perf_counter() - began
    if job.keep_colors:
        from pix2style.teachers.color import preserve_color

        painted = preserve_color(photo.rgb, painted)
    write_picture(job.out, Picture(painted, photo.alpha), quality=job.quality)
    return watch.report(teacher, photo, seconds)


class _Watch:
    """Hears of every step: hands it on, saves pictures, remembers the last."""

    def __init__(
        self,
        job: StylizeJob,
        on_step: Callable[[OptimizationStep], None] | None,
        on_saved: Callable[[Path], None] | None,
    ) -> None:
        self._job, self._on_step, self._on_saved = job, on_step, on_saved
        self._every = (job.save_every or DEFAULT_SAVE_EVERY) if job.intermediate else 0
        self._done = 0
        self._parts = (0.0, 0.0, 0.0)

    def __call__(self, step: OptimizationStep) -> None:
        self._done += 1
        self._parts = (step.content_loss, step.style_loss, step.variation_loss)
        if self._on_step:
            self._on_step(step)
        if self._every and self._job.intermediate and step.step % self._every == 0:
            path = self._job.intermediate / f"step-{step.step:06d}.png"
            write_picture(path, Picture(step.current_image()))
            if self._on_saved:
                self._on_saved(path)

    def report(self, teacher: GatysTeacher, photo: Picture, seconds: float) -> StylizeReport:
        height, width = photo.rgb.shape[:2]
        identity = teacher.identity
        return StylizeReport(
            self._job.out,
            width,
            height,
            len(teacher.sizes((height, width))),
            self._done,
            seconds,
            *self._parts,
            identity={
                "name": identity.name,
                "sha256": identity.sha256,
                "style_sha256": list(identity.style_sha256),
                "licence": identity.licence,
                "settings": dict(identity.settings),
            },
        )


def _read(path: Path, max_side_px: int | None) -> Picture:
    photo = read_picture(path, to_srgb=True)
    if max_side_px is None:
        return photo
    alpha = None if photo.alpha is None else fit_within(photo.alpha, max_side_px)
    return Picture(fit_within(photo.rgb, max_side_px), alpha)
