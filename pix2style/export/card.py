"""A model card: what a filter is, where it comes from, how good it is, and how to use it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pix2style.export.export_filter import ExportReport
from pix2style.spec import GeneratorSpec

_PYTHON = """```python
from pix2style import load_stylizer

stylize = load_stylizer("{file}")
painted = stylize(photo)  # uint8 [height, width, 3], any size; or a Pillow image
```

```python
import numpy as np, onnxruntime  # without pix2style

session = onnxruntime.InferenceSession("{file}")
[painted] = session.run(None, {{"photo": photo[None]}})  # strength: {{"strength": np.float32([0.5])}} besides
```"""
_OPENCV = """```python
import cv2

network = cv2.dnn.readNetFromONNX("{file}")
network.setInput(cv2.cvtColor(cv2.imread("photo.jpg"), cv2.COLOR_BGR2RGB)[None], "photo")
painted = cv2.cvtColor(network.forward()[0], cv2.COLOR_RGB2BGR)
```"""
_BROWSER = """```js
// <script src="ort.min.js"></script> of onnxruntime-web
const session = await ort.InferenceSession.create("{file}");
const rgba = context.getImageData(0, 0, width, height).data;
const rgb = Uint8Array.from({{length: width * height * 3}}, (_, i) => rgba[(i / 3 | 0) * 4 + i % 3]);
const {{stylized}} = await session.run({{photo: new ort.Tensor("uint8", rgb, [1, height, width, 3])}});
```"""
_TORCH = """```python
from pix2style.hub import LiteHub  # pip install "pix2style[train,hub]"

network = LiteHub.from_pretrained("this folder, or its name on a hub").eval()
```"""


def card_text(spec: GeneratorSpec, reports: Sequence[ExportReport], picture: str) -> str:
    """The card as Markdown.

    Args:
        spec: of any of the files.
        reports: one a file.
        picture: name of the before/after picture beside the card.
    """
    smallest = min(reports, key=lambda report: report.bytes).path.name
    in_opencv = next((report.path.name for report in reports if "checked in" in report.opencv), reports[0].path.name)
    parts = [
        _front_matter(spec),
        f"# {spec.name}\n\nA pix2style filter: photo in, the same photo in another style out, at any size.",
        f"![A photo that training never saw, and what the filter makes of it]({picture})",
        _styles(spec),
        "## Files\n\n" + _table(reports),
        "## Use\n\n" + _PYTHON.format(file=smallest),
        f"OpenCV ({in_opencv}; optional inputs keep their defaults there):\n\n" + _OPENCV.format(file=in_opencv),
        "In a browser:\n\n" + _BROWSER.format(file=smallest),
        "In torch, to go on training or to build on it:\n\n" + _TORCH,
        _interface(spec),
        _origin(spec),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(spec: GeneratorSpec) -> str:
    tags = ["style-transfer", "image-to-image", "onnx", "pix2style"]
    # JSON's texts are YAML's, so that no licence or name can break the header.
    return "\n".join(
        ["---", f"license: {_licence(spec)}", "library_name: pix2style", "pipeline_tag: image-to-image", "tags:"]
        + [f"- {tag}" for tag in tags]
        + ["---"]
    )


def _licence(spec: GeneratorSpec) -> str:
    return "unknown" if spec.licence in ("", "unspecified") else json.dumps(spec.licence.lower())


def _styles(spec: GeneratorSpec) -> str:
    if not spec.styles:
        return ""
    rows = [f"{number}. {name}" for number, name in enumerate(spec.styles)]
    return "Styles, in the order of the input `style`:\n\n" + "\n".join(rows)


def _table(reports: Sequence[ExportReport]) -> str:
    head = "| File | Precision | Size | Against the network | Against the teacher |\n|---|---|---|---|---|"
    photos = f"{reports[0].quality.get('photos', 0):.0f}"
    return "\n".join([head, *map(_row, reports)]) + f"\n\nMeans over {photos} photos that training never saw."


def _row(report: ExportReport) -> str:
    quality = report.quality
    near = f"{quality['network_psnr_db']:.1f} dB, SSIM {quality['network_ssim']:.3f}" if quality else ""
    teacher = ""
    if "teacher_psnr_db" in quality:
        teacher = (
            f"{quality['teacher_psnr_db']:.1f} dB, SSIM {quality['teacher_ssim']:.3f}, n = {quality['photos']:.0f}"
        )
    return f"| {report.path.name} | {report.precision} | {report.bytes / 1000:.0f} kB | {near} | {teacher} |"


def _interface(spec: GeneratorSpec) -> str:
    side = spec.glimpse_px
    tiles = (
        f"tiles begin at multiples of {spec.size_multiple} px, {spec.receptive_field_px} px at their cut sides differ"
    )
    rows = [
        "`photo`, `stylized`: uint8 [batch, height, width, 3] (8 bits: batch is 1), RGB; any size, the same out.",
        "`strength` (optional): float32 [1], 0 gives the photo back, 1 is the default.",
        f"`glimpse` (optional): uint8 [1, {side}, {side}, 3] of the photo that the input is a tile of; {tiles}.",
    ]
    if spec.styles:
        rows.append(f"`style` (optional): float32 [{len(spec.styles)}], weights with the sum 1.")
    return "## Inputs and output\n\n" + "\n".join(f"* {row}" for row in rows)


def _origin(spec: GeneratorSpec) -> str:
    origin = spec.provenance
    paintings = ", ".join(f"`{digest}`" for digest in origin.style_sha256) or "none"
    return f"""## Where it comes from

* Licence: {spec.licence or "unspecified"}. The photos and paintings that it learned from bound it.
* Network: {spec.architecture}, {spec.parameters:,} parameters; trained on crops of {spec.trained_at_px} px: strokes
  have the size that belongs to photos like those.
* Teacher: {origin.teacher} (`{origin.teacher_sha256}`); paintings: {paintings}.
* Pair set `{origin.pairs_sha256}`; {origin.images_seen:,} training pictures seen, step {origin.step:,}; configuration
  `{origin.run_config_sha256}`; pix2style {spec.pix2style_version}."""
