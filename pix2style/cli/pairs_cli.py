"""`pix2style pairs`: verify, show, export and import pair sets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.errors import ConfigError, DataError, require

if TYPE_CHECKING:
    from pix2style.pairs.check.suspicion import Suspicion
    from pix2style.pairs.check.verify import VerifyReport

pairs_app = typer.Typer(name="pairs", help="Check, look at, export and import pair sets.", no_args_is_help=True)
app.add_typer(pairs_app)

_SHOWN = 50


class LayoutName(StrEnum):
    """Of exports."""

    FOLDERS = "folders"
    SIDE_BY_SIDE = "side-by-side"
    PARQUET = "parquet"


class SourceName(StrEnum):
    """Of imports."""

    AUTO = "auto"
    FOLDERS = "folders"
    SIDE_BY_SIDE = "side-by-side"
    PARQUET = "parquet"


class SideName(StrEnum):
    """The half of a side-by-side picture."""

    LEFT = "left"
    RIGHT = "right"


class SplitName(StrEnum):
    """A split."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


_Set = Annotated[Path, typer.Argument(metavar="SET", help="The pair set's folder.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


@pairs_app.command("verify")
def verify_command(
    folder: _Set,
    fast: Annotated[bool, typer.Option("--fast", help="Check all digests, but decode no picture.")] = False,
    alignment: Annotated[
        bool, typer.Option("--alignment/--no-alignment", help="Look for misaligned and mismatched pairs, too.")
    ] = True,
    as_json: _Json = False,
) -> None:
    """Check every byte of a pair set, and say what is damaged and what to do.

    Exit code 3: something is damaged, or the set is not finished.
    """
    require("pairs", "pydantic", "cv2")
    from pix2style.pairs.check.verify import verify_pairs
    from pix2style.progress import StagedProgress

    with StagedProgress() as progress:
        report = verify_pairs(
            folder, decode=not fast, inspect=alignment, on_progress=lambda done, of: progress("shards", done, of)
        )
    if as_json:
        print(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    else:
        _print_verified(report)
    if report.damage:
        raise DataError(f"{folder}: {len(report.damage)} things are not as they should be; each is listed above")


@pairs_app.command("show")
def show_command(
    folder: _Set,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write a sheet of pairs here (.jpg, .png).")] = None,
    split: Annotated[SplitName | None, typer.Option(help="Only pairs of this split.")] = None,
    count: Annotated[int, typer.Option(min=1, max=300, help="Pairs on the sheet.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other pairs.")] = 0,
    suspicious: Annotated[bool, typer.Option("--suspicious", help="Read all pairs and list suspicious ones.")] = False,
    as_json: _Json = False,
) -> None:
    """Print what a pair set holds; with -o make a contact sheet."""
    require("pairs", "pydantic", "cv2")
    from pix2style.images import Picture, can_write, write_picture
    from pix2style.pairs.check.overview import contact_sheet, find_suspicious_pairs, summarize_pairs
    from pix2style.pairs.exchange.plain_folders import open_pairs
    from pix2style.progress import StagedProgress

    if out is not None and not can_write(out):
        raise ConfigError(f"-o {out}: name a picture, for example sheet.jpg")
    reader = open_pairs(folder)
    if out is not None:
        write_picture(out, Picture(contact_sheet(reader, split=split.value if split else None, count=count, seed=seed)))
    found: list[Suspicion] = []
    if suspicious:
        with StagedProgress() as progress:
            found = find_suspicious_pairs(reader, lambda done, of: progress("pairs", done, of))
    summary = summarize_pairs(reader)
    if as_json:
        listed = [one.to_json() for one in found] if suspicious else None
        report: dict[str, Any] = {**summary.to_json(), "suspicious": listed, "sheet": str(out) if out else None}
        print(json.dumps(report, indent=2, ensure_ascii=False))
        return
    print("\n".join(summary.lines()))
    if suspicious:
        print(f"  suspicious  {len(found)}")
        _print_list(f"    {one}" for one in found)
    if out is not None:
        print(f"  sheet       {out}")


@pairs_app.command("export")
def export_command(
    folder: _Set,
    out: Annotated[Path, typer.Option("-o", "--out", help="A new folder.")],
    layout: Annotated[LayoutName, typer.Option("--as", help="How the pictures shall lie.")],
    content_side: Annotated[SideName, typer.Option(help="Of side-by-side pictures: the half that is the photo.")] = (
        SideName.LEFT
    ),
    as_json: _Json = False,
) -> None:
    """Write a pair set as two folders, side-by-side pictures or parquet files, without loss."""
    require("pairs", "pydantic")
    from pix2style.pairs.exchange.exporting import export_pairs
    from pix2style.pairs.format.reader import PairReader
    from pix2style.progress import StagedProgress

    reader = PairReader(folder)
    with StagedProgress() as progress:
        report = export_pairs(
            reader,
            out,
            layout.value,
            content_side=content_side.value,
            on_progress=lambda done, of: progress("pairs", done, of),
        )
    if as_json:
        print(json.dumps({"out": str(out), "layout": report.layout, "pairs": report.pairs}, indent=2))
    else:
        print(f"exported {report.pairs} pairs as {report.layout} to {out}")
        for note in report.notes:
            typer.echo(f"note: {note}", err=True)


@pairs_app.command("import")
def import_command(
    source: Annotated[Path, typer.Argument(help="A folder with content/ and target/, of AB pictures, or parquet.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The pair set's new folder.")],
    kind: Annotated[SourceName, typer.Option("--as", help="How the pictures lie.")] = SourceName.AUTO,
    content_side: Annotated[
        SideName | None, typer.Option(help="Of side-by-side pictures: the half that is the photo; left if not given.")
    ] = None,
    val_share: Annotated[float, typer.Option(min=0, max=0.99, help="Where the source names no splits.")] = 0.05,
    test_share: Annotated[float, typer.Option(min=0, max=0.99, help="Where the source names no splits.")] = 0.05,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse everything if one pair is suspicious.")] = False,
    as_json: _Json = False,
) -> None:
    """Make a pair set of somebody's pairs, without loss.

    Exit code 1: imported, but some pairs could not be; they are listed.
    """
    require("pairs", "pydantic", "cv2")
    from pix2style.pairs.exchange.importing import ImportSettings, import_pairs
    from pix2style.pairs.exchange.layouts import open_pair_source
    from pix2style.progress import StagedProgress

    if val_share + test_share >= 1:
        raise ConfigError("--val-share and --test-share together leave nothing to train on")
    settings = ImportSettings(val_share=val_share, test_share=test_share, strict=strict)
    pairs = open_pair_source(source, kind.value, content_side=content_side.value if content_side else None)
    with StagedProgress() as progress:
        report = import_pairs(pairs, out, settings, on_progress=lambda done, of: progress("pairs", done, of))
    if as_json:
        print(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    else:
        counts = report.manifest.pairs
        print(f"imported {counts.total} pairs from {report.kind} to {out}")
        print(f"  splits  train {counts.train}, val {counts.val}, test {counts.test}")
        print(f"  failed  {len(report.manifest.failures)}")
        print(f"  suspicious  {len(report.suspicions)}")
        _print_list(f"    {one}" for one in report.suspicions)
    for failure in report.manifest.failures[:_SHOWN]:
        typer.echo(f"failed: {failure.source}: {failure.reason}", err=True)
    if report.manifest.failures:
        raise typer.Exit(EXIT_SOME_FAILED)


def _print_verified(report: VerifyReport) -> None:
    for one in report.damage:
        print(f"damaged: {one}\n  to do: {one.advice}")
    _print_list(f"suspicious: {one}" for one in report.suspicions)
    for note in report.notes:
        print(f"note: {note}")
    counts = report.pairs
    state = f"{len(report.damage)} things are damaged" if report.damage else "whole"
    suspicious = f", {len(report.suspicions)} suspicious pairs" if report.inspected else ""
    print(f"{report.folder}: {state}: {counts.total} pairs, {report.bytes_read / 1e6:.1f} MB of shards{suspicious}")


def _print_list(lines: Iterable[str]) -> None:
    listed = list(lines)
    for line in listed[:_SHOWN]:
        print(line)
    if len(listed) > _SHOWN:
        print(f"    and {len(listed) - _SHOWN} more: see --json")
