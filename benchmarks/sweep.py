"""Compare photos that pass through a filter at strength 0 with what Pillow alone makes of them, for any folder.

    python benchmarks/sweep.py FOLDER [--filter watercolor.onnx] [--format own] [--out figures.md]

At strength 0 a filter gives the photo back. So whoever looks at both with colour management sees the same picture, or
pix2style has lost something on the way: colours, transparency, bit depth, or the whole file. Each file is stylized by
`stylize_files`, as `pix2style infer` does. The reference is Pillow's own decoder, with embedded ICC profiles applied by
ImageCms; it knows nothing of other ways to declare colours, so files that use them differ, rightly. Without
`--filter`, a stylizer that returns its input stands in for a filter.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

import pix2style
from pix2style.errors import DataError
from pix2style.images import Image8
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.stylize_files import stylize_files
from pix2style.stylizer import Stylizer, StylizerIdentity

_VISIBLE_DELTA_E = 2.0
_SRGB = ImageCms.createProfile("sRGB")
_TO_LAB = ImageCms.buildTransform(_SRGB, ImageCms.createProfile("LAB"), "RGB", "LAB")
_SAME, _ALIKE, _DIFFERENT = "the same pixels", "the same to the eye", "different"
_REFUSED, _BOTH_REFUSED, _ONLY_HERE, _LEFT_OUT = (
    "refused here alone",
    "refused by both",
    "read here alone",
    "no picture",
)


class Unchanged(Stylizer):
    """Returns its input, as a filter does at strength 0."""

    @property
    def identity(self) -> StylizerIdentity:
        """A name alone."""
        return StylizerIdentity("unchanged", "")

    @property
    def strength(self) -> float:
        """Always 0."""
        return 0.0

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """Return the images."""
        return list(images)


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    Attributes:
        name: Its path in the folder.
        kind: One of the kinds above.
        delta_e: Mean difference of colours as seen (CIE 1976); 0 where nothing is compared.
        text: Reason or remarks.
    """

    name: str
    kind: str
    delta_e: float = 0.0
    text: str = ""


def main() -> None:
    """Compare all files of a folder, and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--filter", type=Path, help="filter file; default: a stylizer that returns its input")
    parser.add_argument("--format", default="png", help="format of the outputs, or `own` for that of each file")
    parser.add_argument("--out", type=Path, help="write the figures into this file, too")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # what Pillow says about damaged test pictures, when it is the reference
    stylizer = OnnxStylizer(options.filter, strength=0) if options.filter else Unchanged()
    suffix = None if options.format == "own" else f".{options.format}"
    files = sorted(path for path in options.folder.rglob("*") if path.is_file())
    outcomes = [sweep_file(stylizer, path, str(path.relative_to(options.folder)), suffix) for path in files]
    text = report(outcomes, options.folder.name, stylizer.identity.name, options.format)
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


def sweep_file(stylizer: Stylizer, path: Path, name: str, suffix: str | None) -> Outcome:
    """Stylize one file at strength 0, and compare it with what Pillow reads."""
    expected, reason = _seen_by_pillow(path)
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = stylize_files(stylizer, [path], Path(folder) / "out", suffix=suffix)
            if result.failures and "would hold only one of" in result.failures[0].reason:  # pages in TIFF alone
                result = stylize_files(stylizer, [path], Path(folder) / "own")
        except DataError as error:
            kind = _REFUSED if expected is not None else _LEFT_OUT
            return Outcome(name, kind, text=str(error))
        if result.failures:
            kind = _REFUSED if expected is not None else _BOTH_REFUSED
            return Outcome(name, kind, text=result.failures[0].reason)
        notes = "; ".join(note.text for note in result.notes)
        if not result.written:
            return Outcome(name, _LEFT_OUT, text=notes)
        actual, unreadable = _seen_by_pillow(result.written[0])
    if expected is None or actual is None:
        return Outcome(name, _ONLY_HERE, text="; ".join(filter(None, (reason, unreadable, notes))))
    return _compare(name, expected, actual, notes)


def _compare(name: str, expected: Image8, actual: Image8, notes: str) -> Outcome:
    if expected.shape != actual.shape:
        return Outcome(name, _DIFFERENT, 100.0, f"{expected.shape} has become {actual.shape}. {notes}")
    delta_e = float(np.sqrt(((_lab(expected) - _lab(actual)) ** 2).sum(axis=2)).mean())
    alpha_off = float(np.abs(expected[..., 3].astype(int) - actual[..., 3]).mean())
    if np.abs(expected.astype(int) - actual).max() <= 1:
        return Outcome(name, _SAME, delta_e, notes)
    if delta_e <= _VISIBLE_DELTA_E and alpha_off <= 1:
        return Outcome(name, _ALIKE, delta_e, notes)
    return Outcome(name, _DIFFERENT, delta_e, "; ".join(filter(None, (notes, f"alpha {alpha_off:.0f} off"))))


def _seen_by_pillow(path: Path) -> tuple[Image8 | None, str]:
    """Return [height, width, 4] in sRGB on white with its alpha, as Pillow and ImageCms read it; or None, and why."""
    try:
        with Image.open(path) as opened:
            opened.load()
            image = ImageOps.exif_transpose(opened)
            profile = opened.info.get("icc_profile")
    except Exception as error:  # noqa: BLE001 - decoders raise anything
        return None, f"{type(error).__name__}: {error}"
    if image.mode.startswith("I;16") or (image.mode == "I" and opened.format != "TIFF"):
        image = Image.fromarray(np.rint(np.asarray(image, np.float64) / 257).clip(0, 255).astype(np.uint8))
    try:
        alpha = np.full((image.height, image.width), 255, np.uint8)
        if image.has_transparency_data:
            alpha = np.asarray(image.convert("RGBA").getchannel("A"))
        rgb = np.asarray(_to_srgb(image, profile)).astype(np.float64)
    except Exception as error:  # noqa: BLE001
        return None, f"{type(error).__name__}: {error}"
    share = alpha[..., None] / 255
    return np.dstack([np.rint(rgb * share + 255 * (1 - share)).astype(np.uint8), alpha]), ""


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode not in ("L", "CMYK", "LAB"):
        image = image.convert("RGBA").convert("RGB") if image.has_transparency_data else image.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass
    return image.convert("RGB")


def _lab(image: Image8) -> NDArray[np.float64]:
    lab = np.asarray(_TO_LAB.apply(Image.fromarray(np.ascontiguousarray(image[..., :3]))))
    return np.dstack([lab[..., 0] * (100 / 255), lab[..., 1:].view(np.int8).astype(np.float64)])


def report(outcomes: list[Outcome], folder: str, stylizer: str, output_format: str) -> str:
    """Return the figures as Markdown: how many files of each kind, and all that are not the same."""
    counts = Counter(outcome.kind for outcome in outcomes)
    compared = [outcome.delta_e for outcome in outcomes if outcome.kind in (_SAME, _ALIKE, _DIFFERENT)]
    mean, largest = np.mean(compared or [0]), max(compared, default=0)
    lines = [
        f"# {folder}: {len(outcomes)} files at strength 0",
        "",
        f"pix2style {pix2style.__version__}, Pillow {Image.__version__}, filter {stylizer}, outputs {output_format}.",
        "",
        "| Outcome | Files |",
        "|---|---|",
        *(f"| {kind} | {count} |" for kind, count in counts.most_common()),
        "",
        f"Mean Delta E over the {len(compared)} that both read: {mean:.3f}; largest: {largest:.1f}.",
    ]
    for kind in (_DIFFERENT, _ALIKE, _REFUSED, _ONLY_HERE):
        members = sorted((outcome for outcome in outcomes if outcome.kind == kind), key=lambda one: -one.delta_e)
        lines += ["", f"## {kind}", ""] if members else []
        lines += [f"- {one.name}: {one.delta_e:.1f}. {one.text}" for one in members]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
