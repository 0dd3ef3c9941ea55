"""The command `pix2style doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from pix2style.cli.app import EXIT_SOME_FAILED, app
from pix2style.cli.common_options import JsonOption
from pix2style.cli.terminal import json_text
from pix2style.installation import install_extras

if TYPE_CHECKING:
    from pix2style.recipes.doctor import DoctorReport


@app.command("doctor")
def doctor_command(as_json: JsonOption = False) -> None:
    """Describe this machine and installation, for a first look and for reports of errors.

    Prints versions, GPU, extras, caches, free disk space, and which network stylizes for which teacher. Nothing is
    downloaded or written.

    Exit code 1: there are problems, which are listed under "problems". A missing extra is not a problem.
    """
    from pix2style.recipes.doctor import examine

    report = examine()
    print(json_text(report.to_json()) if as_json else "\n".join(_lines(report)))
    if report.problems:
        raise typer.Exit(EXIT_SOME_FAILED)


def _lines(report: DoctorReport) -> list[str]:
    values = report.to_json()
    versions = [f"{name} {version}" for name, version in values["packages"].items() if version is not None]
    complete = [extra.name for extra in report.extras if not extra.problems]
    missing = [extra.name for extra in report.extras if extra.problems]
    example = "train" if "train" in missing else missing[0] if missing else ""
    return [
        f"pix2style  {values['pix2style']['version']} from {values['pix2style']['source']}",
        f"Python     {values['python']['version']}, {values['python']['executable']}",
        f"system     {values['system']['name']}, {values['system']['cores']} cores",
        f"packages   {', '.join(versions)}",
        f"GPU        {_gpu_text(report.gpu)}",
        f"extras     {', '.join(complete) or 'none'}",
        *([f"           not installed: {', '.join(missing)}"] if missing else []),
        *([f"           to install {example}: {install_extras(example)}"] if missing else []),
        *_block("folders", [_place_text(place) for place in values["places"]]),
        *_block("networks", [_network_text(use) for use in values["networks"]]),
        *_block("problems", report.problems or ["none"]),
    ]


def _block(name: str, texts: list[str]) -> list[str]:
    return [f"{name if number == 0 else '':<10} {text}" for number, text in enumerate(texts)]


def _gpu_text(gpu: dict[str, Any]) -> str:
    torch = gpu["torch"]
    driver = "; ".join(gpu["driver"]) or "none found by a driver of NVIDIA"
    in_torch = "torch is not installed" if torch is None else f"torch finds {', '.join(torch['gpus']) or 'none'}"
    in_runtime = f"ONNX Runtime has {', '.join(gpu['onnxruntime']) or 'no providers'}"
    return f"{driver}; {in_torch}; {in_runtime}; filters run on {', '.join(gpu['devices']) or 'nothing'} (--device)"


def _place_text(place: dict[str, Any]) -> str:
    size = "" if place["bytes"] is None else f"holds {place['bytes'] / 1e6:.1f} MB, "
    writable = "" if place["writable"] else ", cannot be written to"
    return f"{place['name']}: {place['path']} ({size}{place['free_bytes'] / 1e9:.1f} GB free{writable})"


def _network_text(use: dict[str, Any]) -> str:
    return f"{use['purpose']}: {use['network']}"
