"""What stylizers are measured on: held-out pairs, or a folder of photos that the reference paints on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pix2style.errors import DataError, ImageError
from pix2style.evaluation.report import DatasetRecord
from pix2style.files import sha256_bytes, sha256_json
from pix2style.images import FoundImage, Image8, decode_picture, find_images, fit_within, read_file
from pix2style.pairs.format.manifest import TeacherRecord
from pix2style.pairs.format.reader import PairReader, choose_style
from pix2style.pairs.format.records import Split


@dataclass(frozen=True, slots=True)
class Sample:
    """One photo.

    Attributes:
        name: of the file, relative to its folder.
        sha256: of the photo's file.
        photo: uint8 [height, width, 3].
        target: what the teacher made of it, of the same shape; None: the reference has to paint it.
    """

    name: str
    sha256: str
    photo: Image8
    target: Image8 | None = None


class EvaluationDataset(Protocol):
    """Samples by number."""

    def __len__(self) -> int: ...

    def load(self, index: int) -> Sample:
        """Read one sample.

        Raises:
            ImageError: it cannot be read; the others can be used.
        """

    def record(self, samples: Sequence[tuple[str, str]]) -> DatasetRecord:
        """Describe what was used, by the names and digests of the samples."""

    @property
    def teacher(self) -> TeacherRecord | None:
        """Who painted the targets; None: nobody yet."""


class PairDataset:
    """A split of a pair set, with the teacher's targets.

    Args:
        reader: the pair set.
        split: `test` is what nothing else reads.
        limit: use the first so many only.
        style: which style of a set with several.

    Raises:
        ConfigError: the set holds several styles, and none or no such one is named.
        DataError: the split is empty.
    """

    def __init__(
        self, reader: PairReader, *, split: Split = "test", limit: int | None = None, style: int | None = None
    ) -> None:
        self._reader, self._split, self._limit = reader, split, limit
        self._style = choose_style(reader.manifest, style)
        self._entries = reader.entries(split, self._style)[:limit]
        if not self._entries:
            counts = reader.manifest.pairs
            raise DataError(
                f"{reader.folder}: its {split} split is empty (train {counts.train}, val {counts.val}, test"
                f" {counts.test}): make the pairs with a larger pairs.{split}_share or from more photos, or measure"
                " on photos (--photos DIR --teacher STYLIZER)"
            )

    def __len__(self) -> int:
        return len(self._entries)

    def load(self, index: int) -> Sample:
        """See `EvaluationDataset.load`. A damaged pair set is a DataError, which ends the evaluation."""
        entry = self._entries[index]
        content, target = self._reader.read(entry)
        return Sample(entry.source, entry.sha256, content, target)

    def record(self, samples: Sequence[tuple[str, str]]) -> DatasetRecord:
        """See `EvaluationDataset.record`."""
        name, digest = self._reader.folder.name, self._reader.digest
        return DatasetRecord(kind="pairs", name=name, sha256=digest, split=self._split, photos=len(samples))

    @property
    def teacher(self) -> TeacherRecord | None:
        """See `EvaluationDataset.teacher`."""
        return self._reader.manifest.teachers[self._style]


class PhotoDataset:
    """Photos of folders and files, upright, in sRGB, on white.

    Args:
        inputs: folders (searched recursively) and files.
        max_side: larger photos are shrunk to this longer side.
        limit: use the first so many only, by name.

    Raises:
        DataError: an input does not exist, or there is no photo.
    """

    def __init__(self, inputs: Sequence[Path], *, max_side: int = 512, limit: int | None = None) -> None:
        self._found: list[FoundImage] = find_images(inputs)[:limit]
        self._max_side = max_side
        self._name = ", ".join(path.name or str(path) for path in inputs)
        if not self._found:
            raise DataError(f"{', '.join(map(str, inputs))}: there are no photos in it: name a folder that holds some")

    def __len__(self) -> int:
        return len(self._found)

    def load(self, index: int) -> Sample:
        """See `EvaluationDataset.load`."""
        found = self._found[index]
        try:
            data = read_file(found.path)
        except OSError as error:
            raise ImageError(found.relative, error.strerror or str(error)) from error
        picture = decode_picture(data, name=found.relative, to_srgb=True)
        return Sample(found.relative, sha256_bytes(data), fit_within(picture.on_white(), self._max_side))

    def record(self, samples: Sequence[tuple[str, str]]) -> DatasetRecord:
        """See `EvaluationDataset.record`."""
        digest = sha256_json([list(sample) for sample in samples])
        return DatasetRecord(
            kind="photos", name=self._name, sha256=digest, max_side_px=self._max_side, photos=len(samples)
        )

    @property
    def teacher(self) -> TeacherRecord | None:
        """See `EvaluationDataset.teacher`."""
        return None
