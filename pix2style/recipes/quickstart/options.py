"""The options of quickstart, and the experiment that they describe."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pix2style.config import Config, apply_overrides, load_config, with_values
from pix2style.errors import ConfigError, DataError
from pix2style.images import find_images
from pix2style.recipes.quickstart.materials import bundled_config, sample_painting, sample_photos
from pix2style.teacher_table import DEFAULT_PAINTING_TEACHER, TEACHERS
from pix2style.teachers.style import read_painting

# So many pairs are made for each minute. That takes a tenth of the time: a teacher makes about 8 pairs/s on two cores.
_PAIRS_PER_MINUTE = 48
_MIN_PAIRS = 24
# More photos would hardly make a better filter, and their paths have to fit into the configuration.
_MAX_PHOTOS = 1000
_MAX_VARIANTS = 12
_CROP_MULTIPLE, _MIN_CROP_PX = 8, 32
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
    earlier = _earlier_config(options)
    if earlier is not None:
        listed = len(earlier.pairs.content)  # one folder, or the files that were chosen
        chosen = listed if listed > 1 else len(find_images(list(earlier.pairs.content)))
        return Experiment(earlier, chosen, chosen)
    folder = options.content or sample_photos()
    photos = [image.path for image in find_images([folder])]
    if not photos:
        raise DataError(f"--content {folder}: holds no photos: name a folder of photos")
    limit = max(_MIN_PAIRS, int(_PAIRS_PER_MINUTE * options.minutes))
    if options.painting is not None:
        read_painting(options.painting)  # a wrong path is reported before anything is written
    listed_photos = _evenly_chosen(photos, min(limit, _MAX_PHOTOS))
    if not listed_photos:
        raise DataError(f"--content {folder}: no photo there has a name in UTF-8: rename them")
    variants = min(limit // len(listed_photos) - 1, _MAX_VARIANTS)
    content = [folder] if len(listed_photos) == len(photos) else listed_photos
    return Experiment(_configure(options, content, variants), len(photos), len(listed_photos))


def what_limits_photos(options: QuickstartOptions) -> str:
    """Return why not all photos are used, in words."""
    if _PAIRS_PER_MINUTE * options.minutes >= _MAX_PHOTOS:
        return f"more than {_MAX_PHOTOS:,} hardly make a better filter"
    return f"more would take too long for --minutes {options.minutes:g}"


def fit_crop(experiment: Experiment, log: Callable[[str], None]) -> Experiment:
    """Return the experiment with training crops that fit into at least half of the pairs of its finished pair set."""
    from pix2style.pairs.format.reader import PairReader

    config = experiment.config
    if config.pairs.path is None:
        raise TypeError("quickstart sets pairs.path")
    entries = PairReader(config.pairs.path).entries("train")
    sides = sorted((min(entry.height_px, entry.width_px) for entry in entries), reverse=True)
    if not sides:  # the training says so
        return experiment
    side = sides[(len(sides) - 1) // 2]
    if config.train.augment.crop is None:
        return experiment
    crop = min(config.train.augment.crop, side // _CROP_MULTIPLE * _CROP_MULTIPLE)
    run = config.pairs.path.parent / "run"
    if (run / "config.json").is_file():  # a run keeps its crop
        return replace(experiment, config=with_values(config, {"train.augment.crop": _crop_of(run)}))
    if crop < _MIN_CROP_PX:
        raise DataError(
            f"--content: half of the photos have a shorter side of at most {side} pixels (in pairs of"
            f" {config.pairs.size} pixels): name larger photos"
        )
    if crop == config.train.augment.crop:
        return experiment
    log(f"  half of the photos have a shorter side of at most {side} pixels, so training crops have {crop}")
    return replace(experiment, config=apply_overrides(config, [f"train.augment.crop={crop}"]))


def _crop_of(run: Path) -> int | None:
    from pix2style.runs.folder import RunFolder

    return RunFolder(run).config.train.augment.crop


def _evenly_chosen(photos: Sequence[Path], limit: int) -> list[Path]:
    """Return at most `limit` photos from all parts of the list; of more than that, none whose name is not UTF-8."""
    if len(photos) <= limit:
        return list(photos)
    named = [photo for photo in photos if _is_utf8(photo)]
    return [named[i * len(named) // limit] for i in range(min(limit, len(named)))]


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8 are surrogates in Python's paths
        return False
    return True


def _configure(options: QuickstartOptions, content: Sequence[Path], variants: int) -> Config:
    painting = options.painting.absolute() if options.painting else None
    for option, path in (("--out", options.out), ("--content", options.content), ("--style", painting)):
        if path is not None and not _is_utf8(path.absolute()):
            raise ConfigError(f"{option} {path}: its name is not UTF-8, so it cannot be written down: rename it")
    changes: dict[str, Any] = {
        "name": _filter_name(options),
        "pairs.path": str(options.out / "pairs"),
        "pairs.content": [str(path.absolute()) for path in content],
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
    return with_values(config, changes)


def _filter_name(options: QuickstartOptions) -> str:
    stem = options.teacher_name if options.painting is None else options.painting.stem
    name = re.sub(r"[^A-Za-z0-9-]+", "-", stem).strip("-")[:60].strip("-")
    return name or "filter"


def _earlier_config(options: QuickstartOptions) -> Config | None:
    """Return the configuration of an earlier call with the same folder, whose photos and variants stay.

    The folder may have been moved since, and the call may come from another working folder.

    Raises:
        ConfigError: The earlier call had other photos, another painting or other options.
    """
    file = options.out / CONFIG_FILE
    if not file.is_file():
        return None
    earlier, now = load_config(file), _configure(options, [], 0)
    if earlier.name != now.name or _what_is_made(earlier) != _what_is_made(now):
        raise ConfigError(f"--out {options.out}: holds the filter {earlier.name} of another call: name another folder")
    if options.content is not None and not _are_from(earlier.pairs.content, options.content):
        raise ConfigError(
            f"--out {options.out}: the filter there learns from other photos than {options.content}: leave out"
            " --content to train it on, or name another folder"
        )
    changes = {"pairs.path": str(options.out / "pairs")}
    if earlier.losses.features.weights is not None and now.losses.features.weights is not None:
        changes["losses.features.weights"] = str(now.losses.features.weights)
    return with_values(earlier, changes)


def _what_is_made(config: Config) -> tuple[object, ...]:
    """Return what the teacher does, with paintings by their real places."""
    pairs = config.pairs
    styles = [
        style.model_copy(update={"paintings": tuple(path.resolve() for path in style.paintings)})
        for style in pairs.styles
    ]
    style = pairs.style.resolve() if pairs.style else None
    return pairs.teacher, pairs.module, pairs.painting_size, style, styles


def _are_from(photos: Sequence[Path], folder: Path) -> bool:
    """Return whether the photos, which may be links to files elsewhere, or their folder lie in a folder."""
    place = folder.resolve()
    folders = (path if path.is_dir() else path.parent for path in photos)
    return all(path.resolve().is_relative_to(place) for path in folders) or list(photos) == [folder.absolute()]


def _check_teacher(options: QuickstartOptions) -> None:
    teachers = {teacher.name: teacher for teacher in TEACHERS if teacher.fast}  # a slow one takes longer than minutes
    name = options.teacher_name
    if name not in teachers:
        raise ConfigError(f"--teacher {name}: expected {' or '.join(teachers)}")
    if not teachers[name].needs_painting and options.style is not None:
        raise ConfigError(
            f"--teacher {name} takes no painting: leave out --style, or use --teacher {DEFAULT_PAINTING_TEACHER}"
        )
