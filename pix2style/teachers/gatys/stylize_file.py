"""Stylize one photo by optimisation, from file to file, for `pix2style stylize`."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style.errors import ConfigError, DataError
from pix2style.images import Picture, can_write, fit_within, read_picture, write_picture
from pix2style.teachers.gatys.settings import GatysSettings
from pix2style.teachers.gatys.teacher import GatysTeacher, OnStep, OptimizationStep
from pix2style.teachers.style import StyleBlend
from pix2style.writable import check_can_write, check_can_write_folder

DEFAULT_SAVE_EVERY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class StylizeJob:
    """The input, output and settings of `stylize_file`.

    Attributes:
        content: Image file of the photo.
        style: Paintings, their weights, and strength.
        out: Image file to write; its suffix chooses the format.
        settings: Settings of the optimisation.
        weights: Safetensors file of VGG19's weights; None for the places that `load_vgg` names.
        start: Image file to start from; None to start as the settings say.
        keep_colors: Keep the photo's own colours, see `pix2style.teachers.color`.
        max_side_px: Shrink the photo first to this longer side; None to keep its size.
        intermediate: Folder for intermediate images, `step-000050.png` and so on; None to save none.
        save_every: Number of steps between intermediate images; None for 50.
        quality: Quality of JPEG and WebP files, 1 to 100.

    Raises:
        ConfigError: If options do not go together.
        DataError: If `out` has an unknown suffix, or would overwrite an input.
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
        self._check_out()
        self._check_save_every()

    def _check_out(self) -> None:
        if not can_write(self.out):
            raise DataError(f"{self.out}: cannot write that format: use a name that ends in .png, .jpg, .webp or .tif")
        for source in (self.content, *self.style.paintings, *([self.start] if self.start else [])):
            if self.out.resolve() == source.resolve():
                raise DataError(f"{self.out}: would overwrite an input: give another name with --out")
        check_can_write(self.out)
        if self.intermediate is not None:
            check_can_write_folder(self.intermediate)

    def _check_save_every(self) -> None:
        if self.save_every is not None and self.intermediate is None:
            raise ConfigError("[stylize -> save-every] needs a folder for these images: add --intermediate DIR")
        if self.save_every is not None and self.save_every < 1:
            raise ConfigError(f"[stylize -> save-every] must be 1 or more, not {self.save_every}")


@dataclass(frozen=True, slots=True)
class StylizeReport:
    """The result of `stylize_file`.

    Attributes:
        out: Image file that was written.
        width_px: Width of the image.
        height_px: Height of the image.
        levels: Number of levels of the image pyramid.
        steps: Number of steps that were done; L-BFGS stops early if the image no longer changes.
        seconds: Duration of the optimisation, without loading the network.
        content_loss: Content loss after the last step, multiplied by its weight.
        style_loss: Style loss after the last step, multiplied by its weight.
        variation_loss: Total variation after the last step, multiplied by its weight.
        identity: Identity of the teacher.
        weights: Name of VGG19's weights, and the SHA-256 of the file that they come from.
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
    weights: dict[str, str]


def stylize_file(
    job: StylizeJob,
    on_step: OnStep | None = None,
    on_saved: Callable[[Path], None] | None = None,
) -> StylizeReport:
    """Stylize one photo. `out` is written only at the end; an interruption leaves the intermediate images.

    Args:
        job: Input, output and settings.
        on_step: Function that is called after each step.
        on_saved: Function that is called with the file of each intermediate image.

    Raises:
        ImageError: If an image cannot be read.
        ArtifactError: If VGG19's weights cannot be downloaded or read, or end before the deepest layer.
        PhotoError: See `GatysTeacher.stylize_photo`.
        DataError: If an image cannot be written.
    """
    photo = _read_photo(job.content, job.max_side_px)
    start = read_picture(job.start, to_srgb=True).on_white() if job.start else None
    teacher = GatysTeacher(job.style, job.settings, job.weights)
    observer = _StepObserver(job, on_step, on_saved)
    began = time.perf_counter()
    stylized = teacher.stylize_photo(photo.rgb, start=start, on_step=observer)
    seconds = time.perf_counter() - began
    if job.keep_colors:
        from pix2style.teachers.color import preserve_color

        stylized = preserve_color(photo.rgb, stylized)
    write_picture(job.out, Picture(stylized, photo.alpha), quality=job.quality)
    return observer.report(teacher, photo, seconds)


class _StepObserver:
    """Called after every step: passes the step on, saves intermediate images, and keeps the last losses."""

    def __init__(self, job: StylizeJob, on_step: OnStep | None, on_saved: Callable[[Path], None] | None) -> None:
        self._job, self._on_step, self._on_saved = job, on_step, on_saved
        self._every = (job.save_every or DEFAULT_SAVE_EVERY) if job.intermediate else 0
        self._steps = 0
        self._losses = (0.0, 0.0, 0.0)

    def __call__(self, step: OptimizationStep) -> None:
        self._steps += 1
        self._losses = (step.content_loss, step.style_loss, step.variation_loss)
        if self._on_step:
            self._on_step(step)
        if self._every and self._job.intermediate and step.step % self._every == 0:
            self._save(step, self._job.intermediate / f"step-{step.step:06d}.png")

    def _save(self, step: OptimizationStep, path: Path) -> None:
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
            len(teacher.level_sizes((height, width))),
            self._steps,
            seconds,
            *self._losses,
            identity={
                "name": identity.name,
                "sha256": identity.sha256,
                "style_sha256": list(identity.style_sha256),
                "licence": identity.licence,
                "settings": dict(identity.settings),
            },
            weights=dataclasses.asdict(teacher.network.weights) if teacher.network.weights else {},
        )


def _read_photo(path: Path, max_side_px: int | None) -> Picture:
    photo = read_picture(path, to_srgb=True)
    if max_side_px is None:
        return photo
    alpha = None if photo.alpha is None else fit_within(photo.alpha, max_side_px)
    return Picture(fit_within(photo.rgb, max_side_px), alpha)
