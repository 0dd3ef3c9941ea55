"""`pix2style inspect`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import app

if TYPE_CHECKING:
    from pix2style.runtime.onnx_stylizer import OnnxStylizer
    from pix2style.spec import GeneratorSpec


@app.command("inspect")
def inspect_cli(
    file: Annotated[Path, typer.Argument(help="A filter file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Print what a filter file says of itself: inputs, style, origin, licence, measured quality."""
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

    stylizer = OnnxStylizer(file)
    if as_json:
        said = {
            "file": str(file),
            "bytes": stylizer.bytes,
            "sha256": stylizer.identity.sha256,
            **dataclasses.asdict(stylizer.spec),
        }
        print(json.dumps(said))
        return
    print("\n".join(f"{name + ':':<12} {text}" for name, text in _lines(file, stylizer)))


def _lines(file: Path, stylizer: OnnxStylizer) -> list[tuple[str, str]]:
    spec = stylizer.spec
    origin = spec.provenance
    lines = [
        ("file", f"{file}, {stylizer.bytes / 1000:.0f} kB, sha256 {stylizer.identity.sha256}"),
        ("name", spec.name),
        ("licence", spec.licence or "unspecified"),
        ("network", f"{spec.architecture}, {spec.parameters:,} parameters, {spec.precision}"),
        ("input", "photo: uint8 [batch, height, width, 3], RGB; any size, and the same one out"),
        *_optional(spec),
        ("tiles", _tiles(spec)),
        ("strokes", f"learned on crops of {spec.trained_at_px} px"),
    ]
    lines += [("style", f"{number}: {name}") for number, name in enumerate(spec.styles)]
    lines += [("measured", f"{name.replace('_', ' ')}: {value:g}") for name, value in sorted(spec.quality.items())]
    return [
        *lines,
        ("teacher", f"{origin.teacher}, sha256 {origin.teacher_sha256}"),
        *(("painting", f"sha256 {digest}") for digest in origin.style_sha256),
        ("pairs", f"sha256 {origin.pairs_sha256}"),
        ("run", f"step {origin.step:,}, {origin.images_seen:,} pictures seen, sha256 {origin.run_config_sha256}"),
        ("written by", f"pix2style {spec.pix2style_version}, description version {spec.schema_version}"),
    ]


def _optional(spec: GeneratorSpec) -> list[tuple[str, str]]:
    if not spec.glimpse_px:
        return []
    lines = [("optional", "strength: float32 [1], 0 to 1")]
    if spec.styles:
        lines.append(("optional", f"style: float32 [{len(spec.styles)}], weights with the sum 1"))
    return [
        *lines,
        ("optional", f"glimpse: uint8 [1, {spec.glimpse_px}, {spec.glimpse_px}, 3], of a tile's whole photo"),
    ]


def _tiles(spec: GeneratorSpec) -> str:
    if spec.global_context and not spec.glimpse_px:
        return "none: every pixel depends on the whole picture"
    given = ", with the whole photo's glimpse" if spec.glimpse_px else ""
    return f"from multiples of {spec.size_multiple} px, {spec.receptive_field_px} px overlap{given}"
