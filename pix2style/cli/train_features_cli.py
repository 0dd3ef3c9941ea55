"""`pix2style train-features`."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.errors import ConfigError, DataError, require

if TYPE_CHECKING:
    from pix2style.errors import ImageError
    from pix2style.images import Image8
    from pix2style.training.autoencoder import AutoencoderReport

_SHOWN_FAILURES = 10


@app.command("train-features")
def train_features_cli(
    content: Annotated[
        list[Path] | None, typer.Option(help="Folder of photos, searched recursively, or a photo. Repeatable.")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Instead of photos: the training pairs of a set, photos and targets.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("features.safetensors"),
    steps: Annotated[int, typer.Option(help="Steps of 8 crops.", min=1)] = 1000,
    minutes: Annotated[
        float | None, typer.Option(help="End earlier; the result then depends on the machine's speed.", min=0)
    ] = None,
    limit: Annotated[int, typer.Option(help="Photos or pairs to hold in memory, chosen at random.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file on one machine.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Train a small feature network on photos, for use where VGG is not wanted (losses.features)."""
    require("train", "torch", "pydantic", "safetensors")
    if bool(content) == (pairs is not None):
        raise ConfigError("name photos with --content, or a pair set with --pairs, one of the two")
    if out.suffix != ".safetensors" or out.is_dir():
        raise ConfigError(f"--out {out}: must be a file named *.safetensors")
    _check_folder(out.parent)
    from pix2style.nets.autoencoder import Autoencoder
    from pix2style.progress import ProgressBar
    from pix2style.training.autoencoder import train_autoencoder

    pictures, failures = _from_set(pairs, limit) if pairs is not None else _from_photos(content or [], limit, seed)
    seconds = float("inf") if minutes is None else 60 * minutes
    with ProgressBar("steps", steps) as bar:
        report = train_autoencoder(
            pictures,
            out,
            steps=steps,
            seconds=seconds,
            channels=Autoencoder().channels,
            seed=seed,
            on_step=lambda loss: bar.advance(1, status=f"loss {loss:.4f}"),
        )
    _print_report(report, failures, as_json=as_json)
    if failures:
        raise typer.Exit(EXIT_SOME_FAILED)


def _print_report(report: AutoencoderReport, failures: list[ImageError], *, as_json: bool) -> None:
    out = report.out
    if as_json:
        values = {**dataclasses.asdict(report), "out": str(out), "encoder_bytes": report.encoder_bytes}
        print(json.dumps({**values, "failures": [str(failure) for failure in failures]}))
        return
    print(
        f"{out}: {report.pictures} pictures, {report.steps} steps, {report.seconds:.0f} s, loss {report.loss:.4f};"
        f" an encoder of {report.encoder_bytes / 1e6:.1f} MB"
    )
    print(
        "next: pix2style train losses.features.network=autoencoder"
        f" losses.features.weights={out} with layers enc1 to enc4",
        file=sys.stderr,
    )


def _check_folder(folder: Path) -> None:
    """Make the file's folder before the work, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out: {folder} cannot be made a folder ({error.strerror}): name another") from error


def _from_photos(content: list[Path], limit: int, seed: int) -> tuple[list[Image8], list[ImageError]]:
    from pix2style.images import find_images
    from pix2style.progress import ProgressBar
    from pix2style.training.autoencoder import read_photos

    found = find_images(content)
    with ProgressBar("photos", min(limit, len(found))) as bar:
        photos, failures = read_photos(found, limit, seed=seed, on_read=bar.advance)
    if not photos:
        first = f" (the first: {failures[0]})" if failures else ""
        raise DataError(f"{', '.join(map(str, content))}: no photo in it can be read{first}")
    for failure in failures[:_SHOWN_FAILURES]:
        print(f"pix2style: {failure}: left out", file=sys.stderr)
    if len(failures) > _SHOWN_FAILURES:
        print(f"pix2style: ... and {len(failures) - _SHOWN_FAILURES} more (--json lists all)", file=sys.stderr)
    return photos, failures


def _from_set(pairs: Path, limit: int) -> tuple[list[Image8], list[ImageError]]:
    from pix2style.pairs.format.reader import PairReader
    from pix2style.training.autoencoder import read_pairs

    return read_pairs(PairReader(pairs), limit), []
