"""Load the photos that an export needs from the pair set of a run: some for calibration, others for measuring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pix2style.config import Config
from pix2style.errors import DataError
from pix2style.images import Image8
from pix2style.pairs.exchange.plain_folders import open_pairs
from pix2style.pairs.format.reader import PairReader, choose_style
from pix2style.pairs.format.records import PairEntry


@dataclass(frozen=True, slots=True)
class HeldOutPhoto:
    """A photo that was not used for training.

    Attributes:
        photo: uint8 [height, width, 3].
        target: What the teacher made of the photo; None if the file holds a mixture of styles, for which there are no
            targets.
        style: Id of the style in a file of several styles; 0 in other files.
    """

    photo: Image8
    target: Image8 | None
    style: int = 0


@dataclass(frozen=True, slots=True)
class ExportPhotos:
    """Photos for an export. No photo is in both groups.

    Attributes:
        calibration: Training photos in full size, on which the value ranges for 8 bits are measured.
        held_out: Photos on which the quality of the file is measured.
    """

    calibration: tuple[Image8, ...]
    held_out: tuple[HeldOutPhoto, ...]


def load_photos(
    config: Config, pairs: Path | None = None, *, style: int | None = None, mixed: bool = False
) -> ExportPhotos:
    """Load photos from a pair set or from two plain folders. The same set always gives the same photos.

    The held-out photos are the test split; if that is empty, the validation split; if both are empty, those training
    photos that are not used for calibration.

    Args:
        config: Configuration of the run; it gives the numbers of photos and the place of the pair set.
        pairs: Folder of the pair set, if it is not where the configuration says; None otherwise.
        style: Id of the only style in the file, for a run of several styles; None if the file holds all styles or a
            mixture.
        mixed: Whether the file holds a mixture of styles.

    Raises:
        DataError: There is no such set, it cannot be read, or it holds too few photos.
    """
    folder = pairs or config.pairs.path
    if folder is None or not folder.is_dir():
        raise DataError(
            f"{folder or 'pairs.path'}: the photos to measure the filter on were not found: name the pair set with"
            " --pairs"
        )
    reader = open_pairs(folder, val_share=config.pairs.val_share, test_share=config.pairs.test_share)
    if config.model.styles == 1:
        style = choose_style(reader.manifest, config.pairs.learn_style)
    all_styles = config.model.styles > 1 and style is None and not mixed
    train = _entries(reader, "train", style)
    calibration = _evenly_spaced(train, config.export.calibration_photos)
    used = {entry.sha256 for entry in calibration}
    candidates = next(
        (entries for split in ("test", "val") if (entries := _entries(reader, split, style, every_style=all_styles))),
        train,
    )
    # By digest: a photo can have several entries, for its styles and variants.
    unused = [entry for entry in candidates if entry.sha256 not in used]
    held_out = _evenly_spaced(unused, config.export.held_out_photos)
    if not calibration or not held_out:
        raise DataError(f"{folder}: holds too few photos to measure a filter on: make pairs of more photos")
    return ExportPhotos(
        tuple(reader.read_content(entry) for entry in calibration),
        tuple(_held_out_photo(reader, entry, all_styles=all_styles, mixed=mixed) for entry in held_out),
    )


def _entries(reader: PairReader, split: str, style: int | None, *, every_style: bool = False) -> list[PairEntry]:
    """Return the pairs of a split, with each photo once (or, with `every_style`, once for every style)."""
    entries = reader.entries(split, style)  # type: ignore[arg-type]
    if every_style:
        return entries
    # Of entries with the same photo the first one is kept: a photo stands before its variants.
    return list({entry.sha256: entry for entry in reversed(entries)}.values())[::-1]


def _held_out_photo(reader: PairReader, entry: PairEntry, *, all_styles: bool, mixed: bool) -> HeldOutPhoto:
    photo, target = reader.read(entry)
    return HeldOutPhoto(photo, None if mixed else target, entry.style if all_styles else 0)


def _evenly_spaced(entries: list[PairEntry], count: int) -> list[PairEntry]:
    """Return at most `count` entries, from all parts of the list."""
    step = max(1, len(entries) // count)
    return entries[::step][:count]
