"""`pix2style teacher fetch|convert|info`: Magenta's network on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import app
from pix2style.errors import ArtifactError

if TYPE_CHECKING:
    from pix2style.teachers.magenta.cache import LocatedNetwork
    from pix2style.teachers.magenta.info import NetworkInfo

_app = typer.Typer(help="Fetch, convert and describe Magenta's network.", no_args_is_help=True)
app.add_typer(_app, name="teacher")

_Module = Annotated[
    str | None,
    typer.Option(
        "--module",
        help="A SavedModel folder, a converted folder or an address; else PIX2STYLE_MAGENTA, else what was fetched.",
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@_app.command("fetch")
def fetch_command(
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="A SavedModel folder, a converted folder or an address, instead of TF-Hub, Kaggle."
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace what the cache holds.")] = False,
    as_json: _Json = False,
) -> None:
    """Bring Magenta's network into the lasting cache."""
    from pix2style.teachers.magenta.cache import fetch

    _print_place(fetch(source, again=again), as_json)


@_app.command("convert")
def convert_command(
    module: _Module = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A new folder, instead of a place in the cache.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Turn Magenta's network into ONNX files, once: afterwards make-pairs needs no TensorFlow (pix2style[convert])."""
    located = _located(module)
    from pix2style.teachers.magenta.convert import convert

    folder = convert(located, out)
    if as_json:
        print(json.dumps({"folder": str(folder), "source_sha256": located.source_sha256}, indent=2))
    else:
        print(f"converted to {folder}")


@_app.command("info")
def info_command(module: _Module = None, as_json: _Json = False) -> None:
    """Say what Magenta's network on this machine is: origin, licence, digests, backends."""
    located = _located(module)
    from pix2style.teachers.magenta.info import describe

    about = describe(located)
    if as_json:
        print(json.dumps(about.to_json(), indent=2, ensure_ascii=False))
    else:
        _print_about(about)


def _located(module: str | None) -> LocatedNetwork:
    from pix2style.teachers.magenta.cache import locate
    from pix2style.teachers.magenta.download import MODULE_HELP

    located = locate(module)
    if located is None:
        raise ArtifactError(f"Magenta's network is not on this machine: run: pix2style teacher fetch. Or {MODULE_HELP}")
    return located


def _print_place(located: LocatedNetwork, as_json: bool) -> None:
    if as_json:
        values = {"folder": str(located.folder), "sha256": located.source_sha256, "origin": located.origin}
        print(json.dumps(values, indent=2, ensure_ascii=False))
        return
    print(f"Magenta's network is in {located.folder}")
    print(f"  origin  {located.origin}")
    print(f"  sha256  {located.source_sha256}")


def _print_about(about: NetworkInfo) -> None:
    values = about.to_json()
    print(values["what"])
    length = "unknown (needs TensorFlow)" if about.style_length is None else f"{about.style_length} numbers a style"
    rows = {
        "licence": f"{values['licence']} ({values['licence_source']})",
        "folder": values["folder"],
        "origin": values["origin"],
        "sha256": f"{values['sha256']} (of the SavedModel)",
        "vector": length,
        "backends": ", ".join(about.backends) or "none: TensorFlow is not installed, and there is no conversion",
        "converted": values["conversion"] or "no (pix2style teacher convert)",
    }
    for key, text in rows.items():
        print(f"  {key:<9} {text}")
    files = about.files | ({} if about.located.converted else about.conversion_files)
    for name, one in files.items():
        print(f"  {one.size_bytes:>12,} bytes  {one.sha256}  {name}")
