"""Write the model card of a package: what the filter is, where it comes from, how good it is, and how to use it."""

from __future__ import annotations

from collections.abc import Sequence

from pix2style.export.export_filter import ExportReport
from pix2style.export.licence_ids import UNSPECIFIED, licence_header
from pix2style.spec import GeneratorSpec

_PYTHON = """```python
from pix2style import load_stylizer

stylize = load_stylizer("{file}")
stylized = stylize(photo)  # a uint8 array [height, width, 3] of any size, or a Pillow image
```

Without pix2style:

```python
import numpy as np, onnxruntime

session = onnxruntime.InferenceSession("{file}")
[stylized] = session.run(None, {{"photo": photo[None]}})  # optional: {{"strength": np.float32([0.5])}}
```"""
_OPENCV = """```python
import cv2

network = cv2.dnn.readNetFromONNX("{file}")
network.setInput(cv2.cvtColor(cv2.imread("photo.jpg"), cv2.COLOR_BGR2RGB)[None], "photo")
stylized = cv2.cvtColor(network.forward()[0], cv2.COLOR_RGB2BGR)
```"""
_BROWSER = """```js
// <script src="ort.min.js"></script> of onnxruntime-web
const session = await ort.InferenceSession.create("{file}");
const rgba = context.getImageData(0, 0, width, height).data;
const rgb = Uint8Array.from({{length: width * height * 3}}, (_, i) => rgba[(i / 3 | 0) * 4 + i % 3]);
const {{stylized}} = await session.run({{photo: new ort.Tensor("uint8", rgb, [1, height, width, 3])}});
```"""
_TORCH = """```python
from pix2style.hub import LiteHub  # in a clone of pix2style: pip install ".[train,hub]"

network = LiteHub.from_pretrained("path of this folder, or its name on a hub").eval()
```"""


def card_text(spec: GeneratorSpec, reports: Sequence[ExportReport], picture: str) -> str:
    """Return the model card as Markdown.

    Args:
        spec: Description of the filter, from any of its files.
        reports: One report for each filter file.
        picture: Name of the image that shows a photo before and after, in the same folder as the card.
    """
    smallest = min(reports, key=lambda report: report.bytes).path.name
    runs_in_opencv = [report.path.name for report in reports if report.opencv.startswith("checked in")]
    in_opencv = runs_in_opencv[0] if runs_in_opencv else reports[0].path.name
    parts = [
        _front_matter(spec),
        f"# {spec.name}\n\nA pix2style filter: it turns a photo of any size into a stylized image of the same size.",
        f"![A photo that was not used for training, and what the filter makes of it]({picture})",
        _styles(spec),
        "## Files\n\n" + _files(reports),
        "## Use\n\nIn Python:\n\n" + _PYTHON.format(file=smallest),
        f"In OpenCV with {in_opencv} (optional inputs keep their defaults there):\n\n" + _OPENCV.format(file=in_opencv),
        "In a browser:\n\n" + _BROWSER.format(file=smallest),
        "In torch, to continue training or to build on the network:\n\n" + _TORCH,
        _interface(spec),
        _provenance(spec),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(spec: GeneratorSpec) -> str:
    tags = ["style-transfer", "image-to-image", "onnx", "pix2style"]
    return "\n".join(
        ["---", *licence_header(spec.licence), "library_name: pix2style", "pipeline_tag: image-to-image", "tags:"]
        + [f"- {tag}" for tag in tags]
        + ["---"]
    )


def _styles(spec: GeneratorSpec) -> str:
    if not spec.styles:
        return ""
    rows = [f"{number}. {name}" for number, name in enumerate(spec.styles)]
    return "Styles, in the order of the input `style`:\n\n" + "\n".join(rows)


def _files(reports: Sequence[ExportReport]) -> str:
    head = (
        "| File | Precision | Size | Difference from the network | Difference from the teacher |\n|---|---|---|---|---|"
    )
    photos = f"{reports[0].quality.get('photos', 0):.0f}"
    note = (
        f"The metrics are means over {photos} photos that were not used for training. *Network* is the network before"
        " export, in float32. *Teacher* is the style transfer method whose results the network learned."
    )
    return "\n".join([head, *map(_file_row, reports)]) + f"\n\n{note}"


def _file_row(report: ExportReport) -> str:
    quality = report.quality
    network = f"{quality['network_psnr_db']:.1f} dB, SSIM {quality['network_ssim']:.3f}" if quality else ""
    teacher = ""
    if "teacher_psnr_db" in quality:
        teacher = (
            f"{quality['teacher_psnr_db']:.1f} dB, SSIM {quality['teacher_ssim']:.3f}, n = {quality['photos']:.0f}"
        )
    return f"| {report.path.name} | {report.precision} | {report.bytes / 1000:.0f} kB | {network} | {teacher} |"


def _interface(spec: GeneratorSpec) -> str:
    side = spec.glimpse_px
    image = (
        "`photo` (input) and `stylized` (output): uint8 [batch, height, width, 3], RGB. Any size; the output has the"
        " size of the input. Files in int8 take one photo at a time (batch is 1)."
    )
    glimpse = (
        f"`glimpse` (optional input): uint8 [1, {side}, {side}, 3], small patches from all over the photo. Pass the"
        " glimpse of the whole photo when the input is a tile of it. Tiles must start at multiples of"
        f" {spec.size_multiple} px; discard {spec.receptive_field_px} px at each side where a tile was cut."
    )
    strength = "`strength` (optional input): float32 [1], from 0 (returns the photo) to 1 (the default, full style)."
    rows = [image, strength, glimpse]
    if spec.styles:
        rows.append(f"`style` (optional input): float32 [{len(spec.styles)}], a weight for each style; the sum is 1.")
    return "## Inputs and output\n\n" + "\n".join(f"* {row}" for row in rows)


def _provenance(spec: GeneratorSpec) -> str:
    origin = spec.provenance
    paintings = ", ".join(f"`{digest}`" for digest in origin.style_sha256) or "none"
    licence = " ".join(spec.licence.split()) or UNSPECIFIED
    return f"""## Where it comes from

* Licence: {licence}. The licences of the training photos and of the paintings may restrict it
  further.
* Network: {spec.architecture} with {spec.parameters:,} weights, trained on crops of {spec.trained_at_px} px. Strokes
  have the right size on photos of the same resolution as the training photos.
* Teacher: {origin.teacher} (`{origin.teacher_sha256}`). Paintings: {paintings}.
* Pair set: `{origin.pairs_sha256}`. Training: {origin.images_seen:,} training images, {origin.step:,} steps,
  configuration `{origin.run_config_sha256}`. Exported by pix2style {spec.pix2style_version}."""
