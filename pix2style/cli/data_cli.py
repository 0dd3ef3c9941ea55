"""The commands `pix2style data fetch` and `data card`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import Application, app
from pix2style.cli.terminal import json_text
from pix2style.plural import counted
from pix2style.printable import text_of_file_name

if TYPE_CHECKING:
    from pix2style.datasets.card import DatasetSource
    from pix2style.datasets.scan import DatasetScan, PictureFolder

_DEFAULT_DATASET = "shaorrran/coco-wikiart-nst-dataset-512-100000"

data_app = Application(no_args_is_help=True, help="Download a data set of photos and paintings, or describe a folder.")
app.add_typer(data_app, name="data")

_Json = Annotated[bool, typer.Option("--json", help="Print the description as JSON on stdout.")]


@data_app.command("fetch")
def fetch_command(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the data set: a new or an empty one.")],
    dataset: Annotated[str, typer.Option(help="Data set on Kaggle, as OWNER/NAME.")] = _DEFAULT_DATASET,
    version: Annotated[int | None, typer.Option(help="Version of the data set. Default: the newest.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be downloaded. Uses no network and writes nothing.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Download a data set from Kaggle, and describe it in DATASET.md and dataset.json.

    After an interruption the same command continues the download.
    """
    from pix2style.datasets.kaggle import fetch_dataset
    from pix2style.progress import StagedProgress

    if dry_run:
        _print_dry_run(dataset, version, out, as_json=as_json)
        return
    with StagedProgress() as progress:
        fetched = fetch_dataset(dataset, out, version=version, on_progress=progress)
    if fetched.scan is not None:
        _print_description(out, fetched.scan, fetched.source, as_json=as_json)
    elif as_json:
        print((out / "dataset.json").read_text(encoding="utf-8"), end="")
    else:
        print(f"{out}: already there ({fetched.source.name}, version {fetched.source.version})")


@data_app.command("card")
def card_command(
    folder: Annotated[Path, typer.Argument(help="Folder of images.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print DATASET.md instead of writing it.")] = False,
    as_json: _Json = False,
) -> None:
    """Describe a folder of images in DATASET.md and dataset.json, which are written into it.

    Source and licences that `data fetch` wrote are kept.
    """
    from pix2style.datasets.card import DatasetSource, card_text, read_source, write_card
    from pix2style.datasets.scan import scan_dataset
    from pix2style.progress import StagedProgress

    with StagedProgress() as progress:
        scan = scan_dataset(folder, on_progress=progress)
    source = read_source(folder) or DatasetSource(text_of_file_name(folder.resolve().name))
    if not dry_run:
        write_card(folder, scan, source)
    if dry_run and not as_json:
        print(card_text(scan, source))
    else:
        _print_description(folder, scan, source, as_json=as_json)


def _print_dry_run(dataset: str, version: int | None, out: Path, *, as_json: bool) -> None:
    from pix2style.datasets.kaggle import find_fetched

    state = "already there" if find_fetched(dataset, out, version=version) else "would be fetched"
    if as_json:
        print(json.dumps({"dataset": dataset, "version": version, "out": str(out), "state": state}, indent=2))
    else:
        print(f"kaggle:{dataset} (version {version or 'newest'}): {state}: {out}")


def _print_description(folder: Path, scan: DatasetScan, source: DatasetSource, *, as_json: bool) -> None:
    from pix2style.datasets.card import card_json
    from pix2style.progress import print_failures

    if as_json:
        print(json_text(card_json(scan, source), sort_keys=True))
        return
    print(f"{folder}: {source.name}: {counted(scan.pictures, 'image')} in {counted(scan.files, 'file')}")
    for pictures in scan.folders:
        print(_folder_line(pictures))
    print(f"  card    {folder / 'DATASET.md'}")
    failures = [failure for pictures in scan.folders for failure in pictures.unreadable]
    print_failures([*failures, *scan.not_searched], "DATASET.md")


def _folder_line(folder: PictureFolder) -> str:
    role = f"by its name, {folder.looks_like}" if folder.looks_like else "its name does not tell content from style"
    width, height = folder.width_px, folder.height_px
    size = f", median {width.median}x{height.median} px" if width and height else ""
    return f"  {folder.path}: {counted(folder.pictures, 'image')}{size}; {role}"
