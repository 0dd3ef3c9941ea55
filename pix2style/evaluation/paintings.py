"""The paintings of an evaluation: read, and described for the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pix2style.errors import ImageError
from pix2style.evaluation.report import PaintingRecord
from pix2style.evaluation.style import PaintingFeatures, StyleMetric
from pix2style.files import sha256_bytes
from pix2style.images import decode_picture, read_file
from pix2style.pairs.format.manifest import TeacherRecord


def read_paintings(
    paths: Sequence[Path], style_metric: StyleMetric | None
) -> tuple[list[PaintingRecord], list[PaintingFeatures]]:
    """Read each painting once, and return its record, and its features if there is a metric.

    Raises:
        ImageError: A painting cannot be read.
    """
    records, features = [], []
    for path in dict.fromkeys(paths):
        try:
            data = read_file(path)
        except OSError as error:
            raise ImageError(str(path), error.strerror or str(error)) from error
        painting = decode_picture(data, name=str(path), to_srgb=True).on_white()
        records.append(PaintingRecord(name=path.name, sha256=sha256_bytes(data)))
        if style_metric is not None:
            features.append(style_metric.painting(painting))
    return records, features


def painting_notes(teacher: TeacherRecord, paintings: Sequence[PaintingRecord]) -> list[str]:
    """Name the paintings that are not the teacher's: a distance from them says little about the stylizers."""
    if not teacher.style_sha256:
        return []
    foreign = [painting.name for painting in paintings if painting.sha256 not in teacher.style_sha256]
    return [f"{name} is not a painting whose style the reference {teacher.name} imitates" for name in foreign]
