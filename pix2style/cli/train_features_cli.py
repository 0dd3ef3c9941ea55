"""The command `pix2style train-features`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.cli.common_options import JsonOption
from pix2style.errors import ConfigError, DataError, require
from pix2style.plural import counted
from pix2style.progress import print_next
from pix2style.writable import check_can_write

if TYPE_CHECKING:
    from pix2style.errors import ImageError
    from pix2style.images import Image8
    from pix2style.training.autoencoder import AutoencoderReport

_LAYERS = "{enc1: 1, enc2: 1, enc3: 1}"  # those that configs/quickstart.yaml compares


@app.command("train-features")
def train_features_command(
    content: Annotated[
        list[Path] | None,
        typer.Option(help="Photos to train on: a file, or a folder that is searched recursively. Repeatable."),
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Instead of photos: train on photos and targets of this pair set's train split.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Weights file to write (.safetensors).")] = Path("features.safetensors"),
    steps: Annotated[int, typer.Option(help="Training steps, each on 8 crops.", min=1)] = 1000,
    minutes: Annotated[
        float | None,
        typer.Option(help="Stop after so many minutes. The result then depends on the machine's speed.", min=0),
    ] = None,
    limit: Annotated[
        int, typer.Option(help="Largest number of photos (chosen at random) or pairs to load into memory.", min=1)
    ] = 1000,
    seed: Annotated[
        int, typer.Option(help="Random seed. The same seed gives the same file on the same machine.", min=0)
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Train a small feature network for perceptual losses, instead of VGG19.

    The network is an autoencoder. `train` uses it with losses.features.network=autoencoder and
    losses.features.weights=FILE.

    Exit code 1: some photos could not be read. They are listed, and the network is trained on the others.
    """
    require("train", "torch", "pydantic", "safetensors")
    if bool(content) == (pairs is not None):
        raise ConfigError("add photos with --content, or a pair set with --pairs: one of the two")
    if out.suffix != ".safetensors" or out.is_dir():
        raise ConfigError(f"--out {out}: must be a file name that ends in .safetensors")
    check_can_write(out, ConfigError)
    images, failures = _read_pairs(pairs, limit) if pairs is not None else _read_photos(content or [], limit, seed)
    report = _train(images, out, steps, float("inf") if minutes is None else 60 * minutes, seed)
    _print_report(report, failures, pairs, as_json=as_json)
    if failures:
        raise typer.Exit(EXIT_SOME_FAILED)


def _train(images: list[Image8], out: Path, steps: int, seconds: float, seed: int) -> AutoencoderReport:
    from pix2style.nets.autoencoder import Autoencoder
    from pix2style.progress import ProgressBar
    from pix2style.training.autoencoder import train_autoencoder

    with ProgressBar("steps", steps) as bar:
        return train_autoencoder(
            images,
            out,
            steps=steps,
            seconds=seconds,
            channels=Autoencoder().channels,
            seed=seed,
            on_step=lambda loss: bar.advance(1, status=f"loss {loss:.4f}"),
        )


def _print_report(report: AutoencoderReport, failures: list[ImageError], pairs: Path | None, *, as_json: bool) -> None:
    out = report.out
    if as_json:
        values = {**dataclasses.asdict(report), "out": str(out), "encoder_bytes": report.encoder_bytes}
        print(json.dumps({**values, "failures": [str(failure) for failure in failures]}))
        return
    print(
        f"{out}: {counted(report.pictures, 'image')}, {counted(report.steps, 'step')}, {report.seconds:.0f} s, loss"
        f" {report.loss:.4f};"
        f" the encoder has {report.encoder_bytes / 1e6:.1f} MB"
    )
    print_next(
        *("pix2style", "train", "--pairs", pairs or "PAIRS", "losses.features.network=autoencoder"),
        *(f"losses.features.weights={out}", f"losses.perceptual.layers={_LAYERS}"),
    )


def _read_photos(content: list[Path], limit: int, seed: int) -> tuple[list[Image8], list[ImageError]]:
    from pix2style.images import find_images
    from pix2style.progress import ProgressBar, print_failures
    from pix2style.training.autoencoder import read_photos

    files = find_images(content)
    with ProgressBar("photos", min(limit, len(files))) as bar:
        photos, failures = read_photos(files, limit, seed=seed, on_read=bar.advance)
    if not photos:
        first = f" (the first: {failures[0]})" if failures else ""
        raise DataError(f"{', '.join(map(str, content))}: none of the photos can be read{first}")
    print_failures([(failure.name, failure.reason) for failure in failures], "the report of --json")
    return photos, failures


def _read_pairs(folder: Path, limit: int) -> tuple[list[Image8], list[ImageError]]:
    from pix2style.pairs.format.reader import PairReader
    from pix2style.training.autoencoder import read_pairs

    return read_pairs(PairReader(folder), limit), []
