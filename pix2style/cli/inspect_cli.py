"""The command `pix2style inspect`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import app
from pix2style.plural import counted
from pix2style.printable import printable

if TYPE_CHECKING:
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

_DIGESTS = {
    "matches": "matches: the file is as it was exported",
    "changed": "does not match: another program has written the file anew",
    "absent": "none: an older version of pix2style wrote the file",
}


_PROOFS = {
    "passed": "passed: a patch is stylized here as it was where the file was exported",
    "in floats": "passed in float32 only: 8-bit convolutions are not exact on this processor, so the filter is slower",
    "not possible": "not possible: the input was fixed to a size after the export",
    "absent": "none: an older version of pix2style wrote the file",
}


@app.command("inspect")
def inspect_command(
    file: Annotated[Path, typer.Argument(help="The filter file (.onnx), or a name that `pix2style gallery` lists.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the description as JSON on stdout.")] = False,
) -> None:
    """Print the description inside a filter file: inputs, styles, origin, licence and measured quality."""
    from pix2style.loading import filter_path
    from pix2style.runtime.onnx_stylizer import OnnxStylizer
    from pix2style.spec import INPUT_NAME

    file = filter_path(file)
    stylizer = OnnxStylizer(file)
    if as_json:
        description = {
            "file": str(file),
            "bytes": stylizer.bytes,
            "sha256": stylizer.identity.sha256,
            **dataclasses.asdict(stylizer.spec),
            "digest": stylizer.digest,
            "proof": stylizer.proof,
            "inputs": {INPUT_NAME: stylizer.inputs.photo, **stylizer.inputs.others},
        }
        print(json.dumps(description))
        return
    print("\n".join(f"{name + ':':<12} {printable(text, file_names=False)}" for name, text in _rows(file, stylizer)))


def _rows(file: Path, stylizer: OnnxStylizer) -> list[tuple[str, str]]:
    spec = stylizer.spec
    provenance = spec.provenance
    return [
        ("file", f"{file}, {stylizer.bytes / 1000:.0f} kB, sha256 {stylizer.identity.sha256}"),
        ("name", spec.name),
        ("licence", spec.licence or "unspecified"),
        ("network", f"{spec.architecture}, {spec.parameters:,} parameters, {spec.precision}"),
        ("input", _photo_input(stylizer)),
        *(("optional", text) for text in _optional_inputs(stylizer)),
        ("tiles", _tiles(stylizer)),
        ("trained at", f"crops of {spec.trained_at_px} px"),
        *(("style", f"{number}: {name}") for number, name in enumerate(spec.styles)),
        *(("measured", f"{name.replace('_', ' ')}: {value:g}") for name, value in sorted(spec.quality.items())),
        ("teacher", f"{provenance.teacher}, sha256 {provenance.teacher_sha256}"),
        *(("painting", f"sha256 {digest}") for digest in provenance.style_sha256),
        ("pairs", f"sha256 {provenance.pairs_sha256}"),
        (
            "run",
            (
                f"step {provenance.step:,}, {counted(provenance.images_seen, 'image')}, sha256"
                f" {provenance.run_config_sha256}"
            ),
        ),
        ("written by", f"pix2style {spec.pix2style_version}, description version {spec.schema_version}"),
        ("digest", _DIGESTS[stylizer.digest]),
        ("proof", _PROOFS[stylizer.proof]),
    ]


def _photo_input(stylizer: OnnxStylizer) -> str:
    batch, height, width, _ = stylizer.inputs.photo
    sizes = [
        size if isinstance(size, int) else name
        for size, name in ((batch, "batch"), (height, "height"), (width, "width"))
    ]
    sizes_text = "any size; " if stylizer.inputs.any_size else "this size only; "
    return f"photo: uint8 [{', '.join(map(str, sizes))}, 3], RGB, {sizes_text}the output has the same size"


def _optional_inputs(stylizer: OnnxStylizer) -> list[str]:
    """Describe the optional inputs that the file really has, and name those that it was exported with but lacks."""
    spec, side = stylizer.spec, stylizer.spec.glimpse_px
    exported = {
        "strength": "float32 [1], from 0 to 1",
        "style": f"float32 [{stylizer.styles}], weights with the sum 1",
        "glimpse": f"uint8 [1, {side}, {side}, 3], patches of the whole photo; only for tiles",
    }
    if not spec.glimpse_px:
        del exported["strength"], exported["glimpse"]
    if not spec.styles:
        del exported["style"]
    lost = [name for name in exported if name not in stylizer.inputs.others]
    lines = [f"{name}: {text}" for name, text in exported.items() if name not in lost]
    if lost:
        lines.append(f"without {', '.join(lost)}, which the file had when it was exported")
    return lines


def _tiles(stylizer: OnnxStylizer) -> str:
    spec = stylizer.spec
    if not stylizer.can_tile:
        return "not possible: every pixel depends on the whole photo"
    glimpse = ", with the glimpse of the whole photo" if spec.glimpse_px else ""
    return f"start at multiples of {spec.size_multiple} px, with an overlap of {spec.receptive_field_px} px{glimpse}"
