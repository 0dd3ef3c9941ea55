"""`pix2style data`: photos and paintings, fetched and described."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import app

if TYPE_CHECKING:
    from pix2style.datasets.card import DatasetSource
    from pix2style.datasets.scan import DatasetScan

_DATASET = "shaorrran/coco-wikiart-nst-dataset-512-100000"
_SHOWN_UNREADABLE = 20

data = typer.Typer(no_args_is_help=True, help="Fetch photos and paintings; describe what lies in a folder.")
app.add_typer(data, name="data")

_AsJson = Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")]


@data.command("fetch")
def fetch_command(
    out: Annotated[Path, typer.Option("--out", "-o", help="The dataset's folder, new or empty.")],
    dataset: Annotated[str, typer.Option(help="A dataset of Kaggle: owner/name.")] = _DATASET,
    version: Annotated[int | None, typer.Option(help="Its version; the newest if not given.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched; ask nobody.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Download a dataset from Kaggle, look through it, and write its card (DATASET.md, dataset.json).

    Can be stopped at any moment: the same command goes on where it was.
    """
    from pix2style.datasets.card import card_json
    from pix2style.datasets.kaggle import fetch_dataset, find_fetched
    from pix2style.progress import StagedProgress

    if dry_run:
        there = find_fetched(dataset, out, version=version)
        state = "already there" if there else "would be fetched"
        print(
            json.dumps({"dataset": dataset, "version": version, "out": str(out), "state": state}, indent=2)
            if as_json
            else f"kaggle:{dataset} (version {version or 'newest'}): {state}: {out}"
        )
        return
    with StagedProgress() as progress:
        fetched = fetch_dataset(dataset, out, version=version, on_progress=progress)
    if fetched.scan is None:
        if as_json:
            print((out / "dataset.json").read_text(encoding="utf-8"), end="")
        else:
            print(f"{out}: already there ({fetched.source.name}, version {fetched.source.version})")
        return
    if as_json:
        print(json.dumps(card_json(fetched.scan, fetched.source), indent=2, sort_keys=True, ensure_ascii=False))
    else:
        _print_found(out, fetched.scan, fetched.source)


@data.command("card")
def card_command(
    folder: Annotated[Path, typer.Argument(help="A folder of pictures.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the card; write nothing.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Look through a folder of pictures and write its card (DATASET.md, dataset.json) into it.

    A card that `data fetch` wrote keeps its source and its licences.
    """
    from pix2style.datasets.card import DatasetSource, card_json, card_text, read_source, write_card
    from pix2style.datasets.scan import scan_dataset
    from pix2style.progress import StagedProgress

    with StagedProgress() as progress:
        scan = scan_dataset(folder, on_progress=progress)
    source = read_source(folder) or DatasetSource(folder.resolve().name)
    if not dry_run:
        write_card(folder, scan, source)
    if as_json:
        print(json.dumps(card_json(scan, source), indent=2, sort_keys=True, ensure_ascii=False))
    elif dry_run:
        print(card_text(scan, source))
    else:
        _print_found(folder, scan, source)


def _print_found(folder: Path, scan: DatasetScan, source: DatasetSource) -> None:
    print(f"{folder}: {source.name}: found {scan.pictures} pictures in {scan.files} files")
    for found in scan.folders:
        role = f"looks like {found.looks_like}" if found.looks_like else "its name does not say what it holds"
        width, height = found.width_px, found.height_px
        sides = f", median {width.median}x{height.median} px" if width and height else ""
        print(f"  {found.path}: {found.pictures} pictures{sides}; {role}")
    print(f"  card    {folder / 'DATASET.md'}")
    troubles = [pair for found in scan.folders for pair in found.unreadable] + list(scan.not_searched)
    for name, reason in troubles[:_SHOWN_UNREADABLE]:
        typer.echo(f"note: {name}: {reason}", err=True)
    if len(troubles) > _SHOWN_UNREADABLE:
        typer.echo(f"note: {len(troubles) - _SHOWN_UNREADABLE} more cannot be read: see the card", err=True)
