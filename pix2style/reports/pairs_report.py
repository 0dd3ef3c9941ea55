"""The report of a pair set: its figures, pairs of each split, and where everything comes from."""

from __future__ import annotations

import json

from pix2style.images import Image8
from pix2style.pairs.check.overview import PairSetSummary, contact_sheet, summarize_pairs
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import SPLITS, Split
from pix2style.plural import counted
from pix2style.reports.html import details, figure, image, page, paragraph, section, table

_SHOWN_PAIRS = 12


def pairs_report(reader: PairReader) -> str:
    """Return the report of a pair set as HTML.

    Raises:
        DataError: A pair that the report shows is damaged.
    """
    summary = summarize_pairs(reader)
    total = sum(summary.splits.values())
    lead = f"{counted(total, 'pair')} of photos and stylized images in {summary.name}"
    return page(
        f"Pair set {reader.folder.resolve().name}",
        f"{lead}.",
        [
            section("Metrics", table(["", ""], _figures(summary))),
            *(_split_section(reader, split, summary.splits[split]) for split in SPLITS if summary.splits[split]),
            section("Failures", _failures(summary)),
            section("Origin", _teachers(reader), details("manifest.json", _manifest(reader))),
        ],
    )


def _figures(summary: PairSetSummary) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [(f"pairs, {split}", count) for split, count in summary.splits.items()]
    rows += [(f"pairs of {name}", count) for name, count in summary.teachers]
    rows += [(f"pairs of {size} pixels", count) for size, count in summary.sizes[:5]]
    return [
        *rows,
        ("variants of each train photo", summary.variants),
        ("format of the images", summary.image_format),
        ("photos, MB", summary.content_bytes / 1e6),
        ("stylized images, MB", summary.target_bytes / 1e6),
        ("files left out as duplicates", summary.duplicates),
        ("digest of the set", summary.sha256),
    ]


def _split_section(reader: PairReader, split: Split, count: int) -> str:
    picture: Image8 = contact_sheet(reader, split=split, count=_SHOWN_PAIRS)
    caption = f"{min(count, _SHOWN_PAIRS)} of {counted(count, 'pair')}, chosen at random"
    return section(f"Split {split}", figure(image(picture, f"Photos and targets of the split {split}"), caption))


def _failures(summary: PairSetSummary) -> str:
    if not summary.failures:
        return paragraph("Every photo could be read and stylized.")
    return table(["reason", "photos"], summary.failures.items())


def _teachers(reader: PairReader) -> str:
    rows = [
        (style, teacher.name, teacher.sha256, ", ".join(teacher.style_sha256), teacher.licence)
        for style, teacher in enumerate(reader.manifest.teachers)
    ]
    return table(["style", "teacher", "digest", "digests of the paintings", "licence"], rows)


def _manifest(reader: PairReader) -> str:
    return json.dumps(reader.manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
