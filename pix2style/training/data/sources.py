"""Open the training data: a pair set, an artist's own two folders, a combination of two sets, or photos alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pix2style.config import Config
from pix2style.config.pairs import PairsConfig
from pix2style.errors import ConfigError, DataError
from pix2style.files import sha256_file, sha256_json
from pix2style.images import Image8
from pix2style.pairs.build.report import left_out_notes
from pix2style.pairs.exchange.plain_folders import PlainFolderReader, open_pairs
from pix2style.pairs.format.manifest import PairManifest, TeacherRecord
from pix2style.pairs.format.reader import PairReader, choose_style
from pix2style.pairs.format.records import PairEntry, PairRecord, Split
from pix2style.plural import counted
from pix2style.progress import StagedProgress, print_note
from pix2style.teachers.style import joined_names
from pix2style.training.data.combined import CombinedPairs
from pix2style.training.data.crops import SMALLEST_PX, divide_by_size
from pix2style.training.data.photos import PhotoReader

_MAX_NOTES = 20
_MAX_STYLE_NAMES = 12


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Pairs, or photos without targets, that are checked and ready to train on.

    Attributes:
        entries: Training pairs in a fixed order. With several styles, each entry's `style` is an index into `teachers`.
        held_out: Pairs for validation, likewise.
        teachers: Teacher of each style that is learned, by style id; without targets, a record of the painting.
        digest: Digest of everything that is read, SHA-256 in hexadecimal.
        paired: Whether there are targets.
        reader: Reader of the images.
        too_small: Training pairs that are smaller than the crop, or too small at all, and were therefore left out of
            `entries`.
        smallest: What they are smaller than, in words.
    """

    entries: tuple[PairRecord, ...]
    held_out: tuple[PairRecord, ...]
    teachers: tuple[TeacherRecord, ...]
    digest: str
    paired: bool
    reader: PairReader | CombinedPairs | PhotoReader
    too_small: tuple[PairRecord, ...] = ()
    smallest: str = "train.augment.crop"

    @property
    def style_names(self) -> tuple[str, ...]:
        """Name of each style that is learned, by style id."""
        return tuple(teacher.name for teacher in self.teachers)

    @property
    def notes(self) -> list[str]:
        """Sentences about training pairs that were left out."""
        if not self.too_small:
            return []
        first, count = self.too_small[0], counted(len(self.too_small), "training pair", verb="is")
        example = f"{first.source}, {first.width_px}x{first.height_px}"
        return [f"{count} smaller than {self.smallest} and left out, for example {example}"]

    def read_pair(self, entry: PairRecord) -> tuple[Image8, Image8 | None]:
        """Read photo and target of an entry, each uint8 [height, width, 3]; the target is None if `paired` is false.

        Raises:
            DataError: A file cannot be read, or is not the same as when training began.
        """
        if isinstance(self.reader, PhotoReader):
            return self.reader.read_content(entry), None
        if not isinstance(entry, PairEntry):
            raise DataError(f"{self.reader.folder}: there is no pair {entry.key}: this entry is of another source")
        return self.reader.read(entry) if self.paired else (self.reader.read_content(entry), None)


def open_training_data(config: Config) -> TrainingData:
    """Open the pairs or photos that the configuration names, and check that they can be trained on.

    Args:
        config: The whole configuration: the sections `pairs`, `model`, `distill` and `train` all say something about
            the data.

    Raises:
        ConfigError: No source is named, the styles do not fit `model.styles`, or the crop is larger than most images.
        DataError: The source cannot be read, or has no training pairs.
    """
    data = _open_unpaired(config) if config.train.unpaired else _open_paired(config)
    if not data.entries:
        what, advice = ("pairs", "make pairs of") if data.paired else ("photos", "name")
        source = str(config.pairs.path or ", ".join(map(str, config.pairs.content)))
        raise DataError(
            f"{source}: has no training {what}: {advice} more photos, or lower pairs.val_share and test_share"
        )
    fitting, too_small = divide_by_size(config.train.augment, data.entries)
    smallest = data.smallest if config.train.augment.crop is not None else f"{SMALLEST_PX} pixels"
    return replace(data, entries=fitting, too_small=too_small, smallest=smallest)


def _open_paired(config: Config) -> TrainingData:
    """Open pairs with targets."""
    if config.pairs.path is None:
        raise ConfigError("[pairs -> path] is not set: name the folder that make-pairs wrote")
    pairs = _open_pairs(config.pairs.path, config.pairs)
    reader: PairReader | CombinedPairs = pairs
    if config.distill.painted is not None:
        augment = config.train.augment
        min_side_px = 1 if augment.resize is not None else augment.crop or SMALLEST_PX
        reader = _combine(pairs, config.distill.painted, min_side_px=min_side_px)
    elif config.distill.photos:
        raise ConfigError("[distill -> photos] is for the command pix2style distill: use it, or leave the key out")
    style = _select_style(reader.manifest, config.pairs.learn_style, config.model.styles)
    teachers = reader.manifest.teachers if style is None else (reader.manifest.teachers[style],)
    train, held_out = (tuple(reader.entries(split, style)) for split in ("train", "val"))
    return TrainingData(train, held_out, teachers, reader.digest, paired=True, reader=reader)


def _combine(pairs: PairReader, folder: Path, *, min_side_px: int) -> CombinedPairs:
    """Add the pairs that a trained run made to those of the pair set."""
    extra = PairReader(folder)
    if len(extra.manifest.teachers) != 1:
        raise ConfigError(f"[distill -> painted] {folder}: holds several styles: name a pair set of one style")
    combined = CombinedPairs(pairs, extra, min_side_px=min_side_px)
    if combined.too_small:
        count = counted(combined.too_small, "pair", verb="is")
        print_note(f"{folder}: {count} smaller than {min_side_px} pixels and left out")
    return combined


def _select_style(manifest: PairManifest, learn_style: int | None, styles: int) -> int | None:
    """Return the id of the only style to learn, or None to learn all styles of the set.

    Args:
        manifest: Manifest of the pair set.
        learn_style: `pairs.learn_style`.
        styles: `model.styles`.
    """
    if styles == 1:
        return choose_style(manifest, learn_style)
    if learn_style is not None:
        raise ConfigError(
            f"[pairs -> learn_style] {learn_style} is one style, but model.styles={styles} learns all of the set's:"
            " leave learn_style out, or set model.styles=1"
        )
    count = len(manifest.teachers)
    if styles != count:
        names = ", ".join(teacher.name for teacher in manifest.teachers[:_MAX_STYLE_NAMES])
        more = ", ..." if count > _MAX_STYLE_NAMES else ""
        raise ConfigError(
            f"[model -> styles] is {styles}, but the pair set has {count} ({names}{more}): set model.styles={count}"
        )
    return None


def _open_unpaired(config: Config) -> TrainingData:
    """Open photos without targets, of a pair set or of `pairs.content`; each photo once for every style."""
    teachers = _painting_records(config.pairs, config.model.styles)
    reader: PairReader | PhotoReader
    if config.pairs.path is not None:
        reader = _open_pairs(config.pairs.path, config.pairs)
    elif config.pairs.content:
        with StagedProgress() as progress:
            reader = PhotoReader(config.pairs, on_progress=progress)
        _print_notes([f"{failure.source}: left out: {failure.reason}" for failure in reader.failures], "files left out")
        _print_notes(left_out_notes(reader.left_out), "")
    else:
        raise ConfigError("[train -> unpaired] names no photos: set pairs.content, or pairs.path to a pair set")
    train, held_out = (_repeat_for_styles(reader, split, len(teachers)) for split in ("train", "val"))
    return TrainingData(train, held_out, teachers, reader.digest, paired=False, reader=reader)


def _repeat_for_styles(reader: PairReader | PhotoReader, split: Split, styles: int) -> tuple[PairRecord, ...]:
    photos: dict[str, PairRecord] = {}
    for entry in reader.entries(split):  # a pair set with several styles has several entries for each photo
        photos.setdefault(entry.sha256, entry)
    return tuple(entry.model_copy(update={"style": style}) for entry in photos.values() for style in range(styles))


def _painting_records(pairs: PairsConfig, styles: int) -> tuple[TeacherRecord, ...]:
    """Return a record of each style's paintings, in place of the teachers that there are not.

    Raises:
        ConfigError: Their number is not `model.styles`.
        DataError: A painting cannot be read.
    """
    named = [(style.name, style.paintings) for style in pairs.styles]
    blends = named or ([(None, (pairs.style,))] if pairs.style else [])
    if styles != max(len(blends), 1):
        raise ConfigError(
            f"[model -> styles] is {styles}, but pairs.styles names"
            f" {counted(len(blends), 'painting or blend', 'paintings or blends')}: set"
            f" model.styles={max(len(blends), 1)}, or name others"
        )
    if not blends:  # an objective without a style loss
        return (TeacherRecord(name="photos", sha256=sha256_json("photos alone")),)
    return tuple(_painting_record(name, paintings) for name, paintings in blends)


def _painting_record(name: str | None, paintings: Sequence[Path]) -> TeacherRecord:
    try:
        digests = tuple(sha256_file(painting) for painting in paintings)
    except OSError as error:
        raise DataError(
            f"{error.filename}: cannot be read ({error.strerror}): name a painting that is there"
        ) from error
    label = name or joined_names(paintings)
    return TeacherRecord(name=f"painting:{label}", sha256=sha256_json(digests), style_sha256=digests)


def _open_pairs(path: Path, pairs: PairsConfig) -> PairReader:
    """Open a pair set or an artist's own two folders; notes name pairs of the latter that are suspicious."""
    with StagedProgress() as progress:
        reader = open_pairs(
            path,
            val_share=pairs.val_share,
            test_share=pairs.test_share,
            on_progress=lambda done, total: progress("checking pairs", done, total),
        )
    if isinstance(reader, PlainFolderReader):
        _print_notes([str(suspicion) for suspicion in reader.suspicions], "suspicious pairs")
    return reader


def _print_notes(notes: Sequence[str], what: str) -> None:
    """Print the first notes, and how many more there are."""
    for note in notes[:_MAX_NOTES]:
        print_note(note)
    if len(notes) > _MAX_NOTES:
        print_note(f"and {len(notes) - _MAX_NOTES} more {what}")
