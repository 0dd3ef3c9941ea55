"""The commands `pix2style pairs verify`, `show`, `export` and `import`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, Application, app
from pix2style.cli.common_options import JsonOption
from pix2style.cli.make_pairs_print import print_next_training
from pix2style.cli.pairs_print import print_imported, print_summary, print_verified
from pix2style.errors import ConfigError, DataError, require
from pix2style.plural import counted
from pix2style.progress import StagedProgress, print_note
from pix2style.writable import check_can_write

if TYPE_CHECKING:
    from pix2style.pairs.check.suspicion import Suspicion
    from pix2style.pairs.exchange.exporting import ExportReport
    from pix2style.pairs.format.reader import PairReader

pairs_app = Application(name="pairs", help="Check, show, export and import pair sets.", no_args_is_help=True)
app.add_typer(pairs_app)


class ExportLayout(StrEnum):
    """Values of `pairs export --as`."""

    FOLDERS = "folders"
    SIDE_BY_SIDE = "side-by-side"
    PARQUET = "parquet"


class ImportLayout(StrEnum):
    """Values of `pairs import --as`."""

    AUTO = "auto"
    FOLDERS = "folders"
    SIDE_BY_SIDE = "side-by-side"
    STACKED = "stacked"
    PARQUET = "parquet"


class ExportSide(StrEnum):
    """Values of `pairs export --content-side`."""

    LEFT = "left"
    RIGHT = "right"


class ImportSide(StrEnum):
    """Values of `pairs import --content-side`."""

    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"


class SplitName(StrEnum):
    """Values of `--split`."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


_Set = Annotated[Path, typer.Argument(metavar="SET", help="Folder of the pair set.")]


@pairs_app.command("verify")
def verify_command(
    folder: _Set,
    fast: Annotated[bool, typer.Option("--fast", help="Check all checksums, but decode no image.")] = False,
    alignment: Annotated[
        bool,
        typer.Option(
            "--alignment/--no-alignment",
            help="Also search for suspicious pairs: misaligned, mixed up or duplicated images.",
        ),
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Check every checksum and image of a pair set, report damage and what to do, and list suspicious pairs.

    Exit code 3: the set is damaged or not finished.
    """
    require("pairs", "pydantic", "cv2")
    from pix2style.pairs.check.verify import verify_pairs

    with StagedProgress() as progress:
        report = verify_pairs(
            folder,
            decode=not fast,
            inspect=alignment,
            on_progress=lambda done, total: progress("shards", done, total),
        )
    print_verified(report, as_json=as_json)
    if report.damage:
        raise DataError(
            f"{folder}: {counted(len(report.damage), 'problem', verb='was')} found; each is listed above with what"
            " to do"
        )


@pairs_app.command("show")
def show_command(
    folder: _Set,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write a contact sheet of pairs to this .jpg or .png file.")
    ] = None,
    split: Annotated[SplitName | None, typer.Option(help="Take pairs for the sheet from this split only.")] = None,
    count: Annotated[int, typer.Option(min=1, max=300, help="Number of pairs on the sheet.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Random seed that chooses the pairs on the sheet.")] = 0,
    suspicious: Annotated[
        bool, typer.Option("--suspicious", help="Read all pairs, and list misaligned, mixed up or duplicated ones.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print what a pair set holds; with -o, also draw a contact sheet of random pairs."""
    require("pairs", "pydantic", "cv2")
    from pix2style.images import Picture, can_write, write_picture
    from pix2style.pairs.check.overview import contact_sheet, summarize_pairs
    from pix2style.pairs.exchange.plain_folders import open_pairs

    if out is not None and not can_write(out):
        raise ConfigError(f"-o {out}: cannot write this format: use a name such as sheet.jpg or sheet.png")
    if out is not None:
        check_can_write(out)
    reader = open_pairs(folder)
    if out is not None:
        write_picture(out, Picture(contact_sheet(reader, split=split.value if split else None, count=count, seed=seed)))
    suspicions = _find_suspicious(reader) if suspicious else None
    print_summary(summarize_pairs(reader), suspicions, out, as_json=as_json)


@pairs_app.command("export")
def export_command(
    folder: _Set,
    out: Annotated[Path, typer.Option("-o", "--out", help="New folder to write.")],
    layout: Annotated[
        ExportLayout,
        typer.Option(
            "--as",
            help="folders: a folder of photos and one of targets; side-by-side: photo and target in one image, as"
            " pix2pix uses them; parquet: parquet files.",
        ),
    ],
    content_side: Annotated[
        ExportSide, typer.Option(help="With --as side-by-side: the half that holds the photo.")
    ] = ExportSide.LEFT,
    prompt: Annotated[
        str | None,
        typer.Option(
            help="With --as parquet: text of a column edit_prompt for trainers of InstructPix2Pix, for example 'turn it"
            " into a watercolour'; {style} becomes the name of the style."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a pair set in another layout, without any loss, for use with other programs."""
    require("pairs", "pydantic")
    from pix2style.pairs.exchange.exporting import export_pairs
    from pix2style.pairs.format.reader import PairReader

    reader = PairReader(folder)
    with StagedProgress() as progress:
        report = export_pairs(
            reader,
            out,
            layout.value,
            content_side=content_side.value,
            prompt=prompt,
            on_progress=lambda done, total: progress("pairs", done, total),
        )
    _print_exported(report, out, as_json=as_json)


@pairs_app.command("import")
def import_command(
    source: Annotated[
        Path,
        typer.Argument(
            help="Folder with content/ and target/ (or A/ and B/ ...), with images that hold a pair each, or with"
            " parquet files."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="New folder for the pair set.")],
    kind: Annotated[
        ImportLayout, typer.Option("--as", help="Layout of the images. auto: recognise it.")
    ] = ImportLayout.AUTO,
    content_side: Annotated[
        ImportSide | None,
        typer.Option(
            help="For side-by-side or stacked images: the half that holds the photo. Default: what pairs.json says, or"
            " else left or top."
        ),
    ] = None,
    val_share: Annotated[
        float,
        typer.Option(min=0, max=0.99, help="Share of pairs for validation, if no name in the source says a split."),
    ] = 0.05,
    test_share: Annotated[
        float,
        typer.Option(min=0, max=0.99, help="Share of pairs for testing, if no name in the source says a split."),
    ] = 0.05,
    strict: Annotated[
        bool, typer.Option("--strict", help="Import nothing if a pair cannot be read or is suspicious.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a pair set from your own pairs of images, without any loss.

    Exit code 1: the set is finished, but some pairs could not be imported. They are listed.
    """
    require("pairs", "pydantic", "cv2")
    from pix2style.images import search_images
    from pix2style.pairs.exchange.importing import ImportSettings, import_pairs
    from pix2style.pairs.exchange.layouts import open_pair_source

    if val_share + test_share >= 1:
        raise ConfigError("--val-share and --test-share: no pairs are left for training: use smaller shares")
    settings = ImportSettings(val_share=val_share, test_share=test_share, strict=strict)
    pairs = open_pair_source(source, kind.value, content_side=content_side.value if content_side else None)
    with StagedProgress() as progress:
        report = import_pairs(pairs, out, settings, on_progress=lambda done, total: progress("pairs", done, total))
    left_out = search_images([source]).left_out if source.is_dir() else []
    print_imported(report, left_out, as_json=as_json)
    if not as_json and report.manifest.pairs.train:
        print_next_training(report.out, len(report.manifest.teachers))
    if report.manifest.failures:
        raise typer.Exit(EXIT_SOME_FAILED)


def _find_suspicious(reader: PairReader) -> list[Suspicion]:
    from pix2style.pairs.check.overview import find_suspicious_pairs

    with StagedProgress() as progress:
        return find_suspicious_pairs(reader, lambda done, total: progress("pairs", done, total))


def _print_exported(report: ExportReport, out: Path, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"out": str(out), "layout": report.layout, "pairs": report.pairs}, indent=2))
        return
    print(f"exported {counted(report.pairs, 'pair')} as {report.layout} to {out}")
    for note in report.notes:
        print_note(note)
