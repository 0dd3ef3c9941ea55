"""The commands `pix2style teacher fetch`, `convert` and `info`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import Application, app
from pix2style.cli.terminal import json_text

if TYPE_CHECKING:
    from pix2style.teachers.magenta.cache import LocatedNetwork
    from pix2style.teachers.magenta.info import NetworkInfo

teacher_app = Application(
    help="Fetch, convert and describe the network of the teacher magenta (Google Magenta's arbitrary stylization).",
    no_args_is_help=True,
)
app.add_typer(teacher_app, name="teacher")

_Module = Annotated[
    str | None,
    typer.Option(
        "--module",
        help="The network: mobile (of the extra painting), full (large, fetched), or a SavedModel folder, a converted"
        " folder or an address. Default: the environment variable PIX2STYLE_MAGENTA, else full if it was fetched, else"
        " mobile.",
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


@teacher_app.command("fetch")
def fetch_command(
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Where to take the network from: a SavedModel folder, a converted folder or an address. Default:"
            " TensorFlow Hub, else Kaggle.",
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace the network in the cache.")] = False,
    as_json: _Json = False,
) -> None:
    """Download Magenta's network, or copy it from a folder, into pix2style's cache."""
    from pix2style.teachers.magenta.cache import fetch

    _print_location(fetch(source, again=again), as_json=as_json)


@teacher_app.command("convert")
def convert_command(
    module: _Module = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="New folder for the ONNX files. Default: pix2style's cache.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Convert Magenta's network to ONNX, so that make-pairs runs it without TensorFlow.

    This is needed only once. The large network needs the extra convert: in the clone, pip install ".[convert]". The
    mobile one is converted by itself on its first use; --module mobile does it now.
    """
    located = _locate(module)
    from pix2style.teachers.magenta.convert import convert

    folder = convert(located, out)
    if as_json:
        print(json.dumps({"folder": str(folder), "source_sha256": located.source_sha256}, indent=2))
    else:
        print(f"converted to {folder}")


@teacher_app.command("info")
def info_command(module: _Module = None, as_json: _Json = False) -> None:
    """Describe Magenta's network on this machine: origin, licence, digests and how it can be run."""
    located = _locate(module)
    from pix2style.teachers.magenta.info import describe

    info = describe(located)
    if as_json:
        print(json_text(info.to_json()))
    else:
        _print_info(info)


def _locate(module: str | None) -> LocatedNetwork:
    from pix2style.teachers.magenta.find import find_network, no_network

    if (located := find_network(module)) is not None:
        return located
    raise no_network()


def _print_location(located: LocatedNetwork, *, as_json: bool) -> None:
    if as_json:
        values = {"folder": str(located.folder), "sha256": located.source_sha256, "origin": located.origin}
        print(json_text(values))
        return
    print(f"Magenta's network is in {located.folder}")
    print(f"  origin  {located.origin}\n  sha256  {located.source_sha256}")


def _print_info(info: NetworkInfo) -> None:
    values = info.to_json()
    print(values["what"])
    sources = values["source_files"]
    length = "unknown length (TensorFlow tells it)" if info.style_length is None else f"{info.style_length} numbers"
    rows = {
        "licence": f"{values['licence']} ({values['licence_source']})",
        "folder": values["folder"],
        "origin": values["origin"],
        "sha256": f"{values['sha256']} (of {'its source files' if sources else 'the SavedModel'})",
        "style": f"a vector of {length}",
        "backends": ", ".join(info.backends) or "none (install TensorFlow, or use a converted network)",
        "converted": values["conversion"] or "no (convert it with: pix2style teacher convert)",
    }
    for key, text in rows.items():
        print(f"  {key:<9} {text}")
    for name, sha256 in sources.items():
        print(f"  {'source':<9} {sha256}  {name}")
    files = info.files | ({} if info.located.converted else info.conversion_files)
    for name, file in files.items():
        print(f"  {file.size_bytes:>12,} bytes  {file.sha256}  {name}")
