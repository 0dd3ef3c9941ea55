"""The options of quickstart, and the experiment that they describe."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pix2style.config import Config, apply_overrides, load_config
from pix2style.errors import ConfigError, DataError
from pix2style.images import find_images
from pix2style.recipes.quickstart.materials import bundled_config, sample_painting, sample_photos
from pix2style.teacher_table import DEFAULT_PAINTING_TEACHER, TEACHERS
from pix2style.teachers.style import read_painting

# So many pairs are made for each minute. That takes a tenth of the time: a teacher makes about 8 pairs/s on two cores.
_PAIRS_PER_MINUTE = 48
_MIN_PAIRS = 24
_MAX_VARIANTS = 12
_CROP_MULTIPLE = 8
CONFIG_FILE = "config.yaml"


@dataclass(frozen=True, slots=True)
class QuickstartOptions:
    """Options of quickstart.

    Attributes:
        out: Folder for all results.
        content: Folder of photos; None takes the sample photos of pix2style.
        style: The painting, for the teacher `magenta`; None takes the sample painting of pix2style.
        teacher: `watercolor` or `magenta`; None takes `magenta`.
        module: Which of Magenta's networks stylizes: a folder, an address, `mobile` or `full`; None takes the default.
        strength: How much of the painting's style the teacher applies, 0 to 1; None takes all of it.
        painting_size: Side in pixels at which the teacher sees the painting; None takes the default.
        minutes: Limit of the time for all stages together, earlier calls with the same `out` included.
    """

    out: Path
    content: Path | None = None
    style: Path | None = None
    teacher: str | None = None
    module: str | None = None
    strength: float | None = None
    painting_size: int | None = None
    minutes: float = 5.0

    @property
    def teacher_name(self) -> str:
        """Name of the teacher."""
        return self.teacher or DEFAULT_PAINTING_TEACHER

    @property
    def painting(self) -> Path | None:
        """The painting; None if the teacher takes none."""
        needed = any(teacher.name == self.teacher_name and teacher.needs_painting for teacher in TEACHERS)
        return (self.style or sample_painting()) if needed else None


@dataclass(frozen=True, slots=True)
class Experiment:
    """What quickstart does.

    Attributes:
        config: Configuration of all stages. Its `train.minutes` is not set yet.
        photos: Number of photos that were found.
        chosen: Number of photos that are stylized; fewer than `photos` if there are more than the time allows.
    """

    config: Config
    photos: int
    chosen: int

    @property
    def pairs(self) -> int:
        """Number of pairs that are made, at most."""
        return self.chosen * (1 + self.config.pairs.variants)


def plan_experiment(options: QuickstartOptions) -> Experiment:
    """Choose photos, number of variants and the configuration.

    Raises:
        ConfigError: Options contradict each other, or `out` holds another experiment.
        DataError: There are no photos.
        ImageError: The painting is missing or cannot be read.
    """
    _check_teacher(options)
    folder = options.content or sample_photos()
    photos = [image.path for image in find_images([folder])]
    if not photos:
        raise DataError(f"--content {folder}: holds no photos: name a folder of photos")
    limit = max(_MIN_PAIRS, int(_PAIRS_PER_MINUTE * options.minutes))
    earlier = _earlier_config(options)
    if earlier is not None:
        listed = len(earlier.pairs.content)  # one folder, or the files that were chosen
        return Experiment(earlier, len(photos), listed if listed > 1 else len(photos))
    if options.painting is not None:
        read_painting(options.painting)  # a wrong path is reported before anything is written
    chosen = photos if len(photos) <= limit else [photos[i * len(photos) // limit] for i in range(limit)]
    content = [str(folder)] if chosen is photos else [str(photo) for photo in chosen]
    variants = min(limit // len(chosen) - 1, _MAX_VARIANTS)
    return Experiment(_configure(options, content, variants), len(photos), len(chosen))


def fit_crop(experiment: Experiment, log: Callable[[str], None]) -> Experiment:
    """Return the experiment with training crops that fit into the smallest pair of its finished pair set."""
    from pix2style.pairs.format.reader import PairReader

    config = experiment.config
    if config.pairs.path is None:
        raise TypeError("quickstart sets pairs.path")
    smallest = min(min(entry.height_px, entry.width_px) for entry in PairReader(config.pairs.path).entries("train"))
    crop = min(config.train.augment.crop, max(smallest // _CROP_MULTIPLE * _CROP_MULTIPLE, _CROP_MULTIPLE))
    if crop == config.train.augment.crop:
        return experiment
    log(f"  the shortest side of a photo is {smallest} pixels: training crops have {crop}; larger photos train better")
    return replace(experiment, config=apply_overrides(config, [f"train.augment.crop={crop}"]))


def _configure(options: QuickstartOptions, content: list[str], variants: int) -> Config:
    painting = options.painting
    changes: dict[str, Any] = {
        "name": _filter_name(options),
        "pairs.path": str(options.out / "pairs"),
        "pairs.content": content,
        "pairs.teacher": options.teacher_name,
        "pairs.module": options.module,
    }
    if painting is None:
        config = load_config(bundled_config("quickstart.yaml"))
        changes["losses.features.weights"] = str(options.out / "features.safetensors")
    else:
        config = load_config(bundled_config("finetune.yaml"))
        changes["pairs.variants"] = variants
        changes["pairs.styles"] = [{"paintings": [str(painting)], "strength": options.strength or 1.0}]
        if options.painting_size is not None:
            changes["pairs.painting_size"] = options.painting_size
        if options.strength is None:
            changes |= {"pairs.style": str(painting), "pairs.styles": []}
    return apply_overrides(config, [f"{key}={json.dumps(value)}" for key, value in changes.items()])


def _filter_name(options: QuickstartOptions) -> str:
    stem = options.teacher_name if options.painting is None else options.painting.stem
    name = re.sub(r"[^A-Za-z0-9-]+", "-", stem).strip("-")[:60].strip("-")
    return name or "filter"


def _earlier_config(options: QuickstartOptions) -> Config | None:
    """Return the configuration of an earlier call with the same folder, whose photos and variants stay."""
    file = options.out / CONFIG_FILE
    if not file.is_file():
        return None
    earlier, now = load_config(file), _configure(options, [], 0)
    pairs, new = earlier.pairs, now.pairs
    keys = ("teacher", "style", "styles", "module", "painting_size")
    if earlier.name != now.name or any(getattr(pairs, key) != getattr(new, key) for key in keys):
        raise ConfigError(f"--out {options.out}: holds the filter {earlier.name} of another call: name another folder")
    return earlier


def _check_teacher(options: QuickstartOptions) -> None:
    teachers = {teacher.name: teacher for teacher in TEACHERS if teacher.fast}  # a slow one takes longer than minutes
    name = options.teacher_name
    if name not in teachers:
        raise ConfigError(f"--teacher {name}: expected {' or '.join(teachers)}")
    if not teachers[name].needs_painting and options.style is not None:
        raise ConfigError(
            f"--teacher {name} takes no painting: leave out --style, or use --teacher {DEFAULT_PAINTING_TEACHER}"
        )
