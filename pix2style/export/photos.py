"""Photos of a run's pair set: some to find the ranges of 8 bits on, others to measure the file on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pix2style.config import Config
from pix2style.errors import DataError
from pix2style.images import Image8
from pix2style.pairs.exchange.plain_folders import open_pairs
from pix2style.pairs.format.manifest import PairEntry
from pix2style.pairs.format.reader import PairReader, choose_style


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A photo that training never saw.

    Attributes:
        photo: uint8 [height, width, 3].
        target: what the teacher made of it; None where the file's style is a mixture, which nobody painted.
        style: its number in a file of several styles, else 0.
    """

    photo: Image8
    target: Image8 | None
    style: int = 0


@dataclass(frozen=True, slots=True)
class ExportPhotos:
    """What an export may look at.

    Attributes:
        calibration: training photos at full size.
        held_out: others, none of which is among them.
    """

    calibration: tuple[Image8, ...]
    held_out: tuple[HeldOut, ...]


def open_photos(
    config: Config, pairs: Path | None = None, *, style: int | None = None, mixed: bool = False
) -> ExportPhotos:
    """Read photos of a pair set, or of two plain folders: the same ones every time.

    Held out is the test split, where it is empty the validation split, where both are the training photos that are
    not calibrated on.

    Args:
        config: of the run; says how many, and where the set is.
        pairs: the set, if it lies elsewhere than it did.
        style: the id of the style that was taken out of several.
        mixed: the file holds a mixture of styles.

    Raises:
        DataError: there is no such set, it cannot be read, or it holds too few photos.
    """
    folder = pairs or config.pairs.path
    if folder is None or not folder.is_dir():
        raise DataError(
            f"{folder or 'pairs.path'}: the photos to measure the file on are not there: name the pair set with --pairs"
        )
    reader = open_pairs(folder, val_share=config.pairs.val_share, test_share=config.pairs.test_share)
    if config.model.styles == 1:
        style = choose_style(reader.manifest, config.pairs.learn_style)
    several = config.model.styles > 1 and style is None and not mixed
    train = _photos(reader, "train", style)
    calibration = _spread(train, config.export.calibration_photos)
    chosen = {entry.sha256 for entry in calibration}
    held_out = next(
        (found for split in ("test", "val") if (found := _photos(reader, split, style, every_style=several))),
        [entry for entry in train if entry.sha256 not in chosen],
    )
    held_out = _spread([entry for entry in held_out if entry.sha256 not in chosen], config.export.held_out_photos)
    if not calibration or not held_out:
        raise DataError(f"{folder}: holds too few photos to measure a file on: make pairs of more photos")
    return ExportPhotos(
        tuple(reader.read_content(entry) for entry in calibration),
        tuple(_held_out(reader, entry, several=several, mixed=mixed) for entry in held_out),
    )


def _photos(reader: PairReader, split: str, style: int | None, *, every_style: bool = False) -> list[PairEntry]:
    """A split's pairs, each photo once (or once for every style)."""
    entries = reader.entries(split, style)  # type: ignore[arg-type]
    # the first of each: a photo comes before its variants
    return entries if every_style else list({entry.sha256: entry for entry in reversed(entries)}.values())[::-1]


def _held_out(reader: PairReader, entry: PairEntry, *, several: bool, mixed: bool) -> HeldOut:
    photo, target = reader.read(entry)
    return HeldOut(photo, None if mixed else target, entry.style if several else 0)


def _spread(entries: list[PairEntry], count: int) -> list[PairEntry]:
    """At most so many, from all over the list."""
    step = max(1, len(entries) // count)
    return entries[::step][:count]
