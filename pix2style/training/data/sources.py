"""What a run learns from: pairs of one style or of several, an artist's own two folders, or photos alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2style.config import Config
from pix2style.config.pairs import PairsConfig
from pix2style.errors import ConfigError, DataError
from pix2style.files import sha256_file, sha256_json
from pix2style.images import Image8
from pix2style.pairs.exchange.plain_folders import PlainFolderReader, open_pairs
from pix2style.pairs.format.manifest import PairEntry, PairManifest, PairRecord, Split, TeacherRecord
from pix2style.pairs.format.reader import PairReader, choose_style
from pix2style.progress import StagedProgress, print_note
from pix2style.training.data.combined import CombinedPairs
from pix2style.training.data.crops import check_crop
from pix2style.training.data.photos import PhotoReader

_SHOWN_SUSPICIONS = 20
_SHOWN_STYLES = 12


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Pairs or photos, ready to be learned from.

    Attributes:
        entries: to learn from, in a fixed order; `style` is the style's id, from 0, where several are learned.
        held_out: to look at while training, likewise.
        teachers: who painted each style that is learned, in the order of their ids; where nobody did, the painting.
        digest: of everything that is read, SHA-256 in hexadecimal.
        paired: whether there are targets.
        source: reads the pictures.
    """

    entries: tuple[PairRecord, ...]
    held_out: tuple[PairRecord, ...]
    teachers: tuple[TeacherRecord, ...]
    digest: str
    paired: bool
    reader: PairReader | CombinedPairs | PhotoReader

    @property
    def style_names(self) -> tuple[str, ...]:
        """Their names, in the order of their ids."""
        return tuple(teacher.name for teacher in self.teachers)

    def read_pair(self, entry: PairRecord) -> tuple[Image8, Image8 | None]:
        """The photo, and what the teacher made of it: uint8 [height, width, 3], of the entry's size.

        Raises:
            DataError: a file is not the one that was there when training began, or cannot be read.
        """
        if isinstance(self.reader, PhotoReader):
            return self.reader.read_content(entry), None
        if not isinstance(entry, PairEntry):
            raise DataError(f"{self.reader.folder}: there is no pair {entry.key}: this entry is of another source")
        return self.reader.read(entry) if self.paired else (self.reader.read_content(entry), None)


def open_training_data(config: Config) -> TrainingData:
    """Find what the configuration says to learn from, and check that it can be learned from.

    Raises:
        ConfigError: no source is named, the styles do not fit `model.styles`, or the crop is larger than a picture.
        DataError: the source cannot be read, or has nothing to train on.
    """
    material = _photos_alone(config) if config.train.unpaired else _pairs(config)
    if not material.entries:
        what = "training pairs: make pairs of" if material.paired else "training photos: name"
        raise DataError(f"{_named(config.pairs)}: has no {what} more photos, or lower pairs.val_share and test_share")
    check_crop(config.train.augment, material.entries)
    return material


def _pairs(config: Config) -> TrainingData:
    if config.pairs.path is None:
        raise ConfigError("[pairs -> path] is not set: name the folder that make-pairs wrote")
    pairs = _open_pairs(config.pairs.path, config.pairs)
    reader: PairReader | CombinedPairs = pairs
    if config.distill.painted is not None:
        reader = _joined(pairs, config.distill.painted, config)
    elif config.distill.photos:
        raise ConfigError("[distill -> photos] are painted by pix2style distill: use it, or leave them out")
    style = _style(reader.manifest, config)
    teachers = reader.manifest.teachers if style is None else (reader.manifest.teachers[style],)
    train, held_out = (tuple(reader.entries(split, style)) for split in ("train", "val"))
    return TrainingData(train, held_out, teachers, reader.digest, True, reader)


def _joined(pairs: PairReader, folder: Path, config: Config) -> CombinedPairs:
    """The pair set, and what a run painted besides."""
    painted, augment = PairReader(folder), config.train.augment
    if len(painted.manifest.teachers) != 1:
        raise ConfigError(f"[distill -> painted] {folder}: holds several styles: name a pair set of one")
    joined = CombinedPairs(pairs, painted, least_px=1 if augment.resize is not None else augment.crop)
    if joined.too_small:
        print_note(f"{folder}: {joined.too_small} pairs are smaller than train.augment.crop and left out")
    return joined


def _style(manifest: PairManifest, config: Config) -> int | None:
    """The id of the style that is learned; None: all of them."""
    wanted, styles, there = config.pairs.learn_style, config.model.styles, len(manifest.teachers)
    if styles == 1:
        return choose_style(manifest, wanted)
    if wanted is not None:
        raise ConfigError(
            f"[pairs -> learn_style] {wanted} is one style, but model.styles={styles} learns all of the set's: leave"
            " learn_style out, or set model.styles=1"
        )
    if styles != there:
        names = ", ".join(teacher.name for teacher in manifest.teachers[:_SHOWN_STYLES])
        more = ", ..." if there > _SHOWN_STYLES else ""
        raise ConfigError(
            f"[model -> styles] is {styles}, but the pair set has {there} ({names}{more}): set model.styles={there}"
        )
    return None


def _photos_alone(config: Config) -> TrainingData:
    """Photos without targets: a pair set's, or those of `pairs.content`; each once for every style."""
    teachers = _paintings(config)
    source: PairReader | PhotoReader
    if config.pairs.path is not None:
        source = _open_pairs(config.pairs.path, config.pairs)
    elif config.pairs.content:
        with StagedProgress() as progress:
            source = PhotoReader(config.pairs, on_progress=progress)
        for failure in source.failures[:_SHOWN_SUSPICIONS]:
            print_note(f"{failure.source}: left out: {failure.reason}")
    else:
        raise ConfigError("[train -> unpaired] names no photos: set pairs.content, or pairs.path to a pair set")
    train, held_out = (_for_each_style(source, split, len(teachers)) for split in ("train", "val"))
    return TrainingData(train, held_out, teachers, source.digest, False, source)


def _for_each_style(source: PairReader | PhotoReader, split: Split, styles: int) -> tuple[PairRecord, ...]:
    once: dict[str, PairRecord] = {}
    for entry in source.entries(split):  # a set with several styles holds each photo several times
        once.setdefault(entry.sha256, entry)
    return tuple(entry.model_copy(update={"style": style}) for entry in once.values() for style in range(styles))


def _paintings(config: Config) -> tuple[TeacherRecord, ...]:
    """Whose style is learned where nobody painted the photos: the paintings themselves.

    Raises:
        ConfigError: not as many as `model.styles`.
        DataError: a painting cannot be read.
    """
    pairs, styles = config.pairs, config.model.styles
    given = [(one.name, one.paintings) for one in pairs.styles] or ([(None, (pairs.style,))] if pairs.style else [])
    if styles != max(len(given), 1):
        raise ConfigError(
            f"[model -> styles] is {styles}, but pairs.styles names {len(given)} paintings or blends: set"
            f" model.styles={max(len(given), 1)}, or name others"
        )
    if not given:
        return (TeacherRecord(name="photos", sha256=sha256_json("photos alone")),)
    return tuple(_painting(name, paintings) for name, paintings in given)


def _painting(name: str | None, paintings: Sequence[Path]) -> TeacherRecord:
    try:
        digests = tuple(sha256_file(painting) for painting in paintings)
    except OSError as error:
        raise DataError(
            f"{error.filename}: cannot be read ({error.strerror}): name a painting that is there"
        ) from error
    called = name or "+".join(painting.name for painting in paintings)
    return TeacherRecord(name=f"painting:{called}", sha256=sha256_json(digests), style_sha256=digests)


def _open_pairs(path: Path, pairs: PairsConfig) -> PairReader:
    """A pair set, or an artist's own two folders; notes say which of those pairs are suspicious."""
    with StagedProgress() as progress:
        reader = open_pairs(
            path,
            val_share=pairs.val_share,
            test_share=pairs.test_share,
            on_progress=lambda done, total: progress("checking pairs", done, total),
        )
    for suspicion in reader.suspicions[:_SHOWN_SUSPICIONS] if isinstance(reader, PlainFolderReader) else ():
        print_note(str(suspicion))
    return reader


def _named(pairs: PairsConfig) -> str:
    return str(pairs.path) if pairs.path is not None else ", ".join(map(str, pairs.content))
