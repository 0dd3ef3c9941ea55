"""The command `pix2style inspect`."""

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
def inspect_command(
    file: Annotated[Path, typer.Argument(help="The filter file (.onnx).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the description as JSON on stdout.")] = False,
) -> None:
    """Print the description inside a filter file: inputs, styles, origin, licence and measured quality."""
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

    stylizer = OnnxStylizer(file)
    if as_json:
        description = {
            "file": str(file),
            "bytes": stylizer.bytes,
            "sha256": stylizer.identity.sha256,
            **dataclasses.asdict(stylizer.spec),
        }
        print(json.dumps(description))
        return
    print("\n".join(f"{name + ':':<12} {text}" for name, text in _rows(file, stylizer)))


def _rows(file: Path, stylizer: OnnxStylizer) -> list[tuple[str, str]]:
    spec = stylizer.spec
    provenance = spec.provenance
    return [
        ("file", f"{file}, {stylizer.bytes / 1000:.0f} kB, sha256 {stylizer.identity.sha256}"),
        ("name", spec.name),
        ("licence", spec.licence or "unspecified"),
        ("network", f"{spec.architecture}, {spec.parameters:,} parameters, {spec.precision}"),
        ("input", "photo: uint8 [batch, height, width, 3], RGB, any size; the output has the same size"),
        *_optional_inputs(spec),
        ("tiles", _tiles(spec)),
        ("trained at", f"crops of {spec.trained_at_px} px"),
        *(("style", f"{number}: {name}") for number, name in enumerate(spec.styles)),
        *(("measured", f"{name.replace('_', ' ')}: {value:g}") for name, value in sorted(spec.quality.items())),
        ("teacher", f"{provenance.teacher}, sha256 {provenance.teacher_sha256}"),
        *(("painting", f"sha256 {digest}") for digest in provenance.style_sha256),
        ("pairs", f"sha256 {provenance.pairs_sha256}"),
        ("run", f"step {provenance.step:,}, {provenance.images_seen:,} images, sha256 {provenance.run_config_sha256}"),
        ("written by", f"pix2style {spec.pix2style_version}, description version {spec.schema_version}"),
    ]


def _optional_inputs(spec: GeneratorSpec) -> list[tuple[str, str]]:
    if not spec.glimpse_px:
        return []
    texts = ["strength: float32 [1], from 0 to 1"]
    if spec.styles:
        texts.append(f"style: float32 [{len(spec.styles)}], weights with the sum 1")
    texts.append(
        f"glimpse: uint8 [1, {spec.glimpse_px}, {spec.glimpse_px}, 3], patches of the whole photo; only for tiles"
    )
    return [("optional", text) for text in texts]


def _tiles(spec: GeneratorSpec) -> str:
    if spec.global_context and not spec.glimpse_px:
        return "not possible: every pixel depends on the whole photo"
    glimpse = ", with the glimpse of the whole photo" if spec.glimpse_px else ""
    return f"start at multiples of {spec.size_multiple} px, with an overlap of {spec.receptive_field_px} px{glimpse}"
