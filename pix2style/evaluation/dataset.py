"""The photos of an evaluation: a held-out split of a pair set, or folders of photos without targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pix2style.errors import DataError, ImageError
from pix2style.evaluation.report import DatasetRecord
from pix2style.files import sha256_bytes, sha256_json
from pix2style.images import (
    FoundImage,
    Image8,
    count_left_out,
    decode_picture,
    describe_left_out,
    explain_memory_errors,
    fit_within,
    read_image_file,
    search_images,
)
from pix2style.pairs.format.manifest import TeacherRecord
from pix2style.pairs.format.reader import PairReader, choose_style
from pix2style.pairs.format.records import Split


@dataclass(frozen=True, slots=True)
class Sample:
    """One photo to evaluate.

    Attributes:
        name: Name of the photo's file, relative to its folder.
        sha256: Digest of the photo's file.
        photo: uint8 [height, width, 3].
        target: What the teacher made of the photo, in the same shape; None if the reference still has to stylize it.
    """

    name: str
    sha256: str
    photo: Image8
    target: Image8 | None = None


class EvaluationDataset(Protocol):
    """Photos by index, with or without targets."""

    def __len__(self) -> int: ...

    def load(self, index: int) -> Sample:
        """Read one sample.

        Raises:
            ImageError: This photo cannot be read; the others still can be.
        """

    def record(self, samples: Sequence[tuple[str, str]]) -> DatasetRecord:
        """Describe the evaluated photos, given the name and digest of each sample."""

    @property
    def notes(self) -> list[str]:
        """What a person should know about the photos."""

    @property
    def teacher(self) -> TeacherRecord | None:
        """The teacher that made the targets; None if the photos have no targets."""


class PairDataset:
    """A split of a pair set, with the teacher's images as targets.

    Args:
        reader: Reader of the pair set.
        split: Split to evaluate; `test` is the one that neither training nor validation reads.
        limit: Use only the first so many pairs; None uses all.
        style: Index of the style in a set with several styles.
        notes: What a person should know about the photos.

    Raises:
        ConfigError: The set holds several styles, and `style` is missing or is not one of them.
        DataError: The split is empty.
    """

    def __init__(
        self,
        reader: PairReader,
        *,
        split: Split = "test",
        limit: int | None = None,
        style: int | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self._reader, self._split, self._notes = reader, split, list(notes)
        self._style = choose_style(reader.manifest, style)
        self._entries = reader.entries(split, self._style)[:limit]
        if not self._entries:
            counts = reader.manifest.pairs
            raise DataError(
                f"{reader.folder}: its {split} split is empty (train {counts.train}, val {counts.val}, test"
                f" {counts.test}): make the pairs again with a larger pairs.{split}_share or from more photos, or"
                " evaluate on photos instead (--photos DIR --teacher STYLIZER)"
            )

    def __len__(self) -> int:
        return len(self._entries)

    def load(self, index: int) -> Sample:
        """Read one pair; a damaged pair set raises a DataError, which ends the evaluation."""
        entry = self._entries[index]
        content, target = self._reader.read(entry)
        return Sample(entry.source, entry.sha256, content, target)

    @property
    def notes(self) -> list[str]:
        """What whoever opens the pair set has to say about it."""
        return self._notes

    def record(self, samples: Sequence[tuple[str, str]]) -> DatasetRecord:
        """Describe the pair set; see `EvaluationDataset.record`."""
        name, digest = self._reader.folder.name, self._reader.digest
        return DatasetRecord(kind="pairs", name=name, sha256=digest, split=self._split, photos=len(samples))

    @property
    def teacher(self) -> TeacherRecord | None:
        """The teacher of the pair set."""
        return self._reader.manifest.teachers[self._style]


class PhotoDataset:
    """Photos without targets: turned upright, converted to sRGB, transparency on white.

    Args:
        inputs: Folders, which are searched recursively, and files.
        max_side: Shrink photos whose longer side has more pixels to this many.
        limit: Use only the first so many photos in the order of their names; None uses all.

    Raises:
        DataError: An input does not exist, or no photo was found.
    """

    def __init__(self, inputs: Sequence[Path], *, max_side: int = 512, limit: int | None = None) -> None:
        search = search_images(inputs)
        self._files: list[FoundImage] = search.images[:limit]
        self._left_out, self._empty_folders = search.left_out, search.empty_folders
        self._max_side = max_side
        self._name = ", ".join(path.name or str(path) for path in inputs)
        if not self._files:
            raise DataError(f"{', '.join(map(str, inputs))}: no photos found: name a folder that holds some")

    def __len__(self) -> int:
        return len(self._files) + len(self._empty_folders)

    def load(self, index: int) -> Sample:
        """Read one photo; see `EvaluationDataset.load`."""
        if index >= len(self._files):
            folder = self._empty_folders[index - len(self._files)]
            raise ImageError(str(folder), "there are no images in this folder")
        file = self._files[index]
        data = read_image_file(file.path, name=file.relative)
        picture = decode_picture(data, name=file.relative, to_srgb=True)
        with explain_memory_errors(file.relative):
            return Sample(file.relative, sha256_bytes(data), fit_within(picture.on_white(), self._max_side))

    @property
    def notes(self) -> list[str]:
        """What else lies in the folders."""
        return [f"left out: {describe_left_out(self._left_out)}"] if self._left_out else []

    def record(self, samples: Sequence[tuple[str, str]]) -> DatasetRecord:
        """Describe the photos by the digest of their names and contents."""
        digest = sha256_json([list(sample) for sample in samples])
        return DatasetRecord(
            kind="photos",
            name=self._name,
            sha256=digest,
            max_side_px=self._max_side,
            photos=len(samples),
            left_out=count_left_out(self._left_out),
        )

    @property
    def teacher(self) -> TeacherRecord | None:
        """None: photos have no targets."""
        return None
