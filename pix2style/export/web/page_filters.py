"""The filters of a web page: files in several precisions are grouped, checked and made fit for browsers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2style.errors import ArtifactError, ConfigError
from pix2style.export.web.browser_filter import fit_for_browsers
from pix2style.export.web.ort_web import Backend
from pix2style.images.glimpse import glimpse
from pix2style.runtime.filter_description import read_file
from pix2style.runtime.filter_file import open_filter
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.spec import GLIMPSE_NAME, INPUT_NAME, OUTPUT_NAME, STYLE_NAME, GeneratorSpec

# Preferred precisions. 8 bits are fastest on the processor; graphics cards gain nothing from them, so a filter whose
# only file is in 8 bits stays on the processor.
_PREFERENCE: Mapping[Backend, tuple[str, ...]] = {"wasm": ("int8", "fp16", "fp32"), "webgpu": ("fp16", "fp32")}
_PRECISION_SUFFIX = re.compile(r"\.(fp32|fp16|int8)$")
_PROBE_SIDE_PX = 37
_FILE_NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class BrowserFile:
    """A filter file as the page loads it.

    Attributes:
        source: The file that the user named.
        spec: Its description.
        data: Its content, made fit for browsers.
    """

    source: Path
    spec: GeneratorSpec
    data: bytes


@dataclass(frozen=True, slots=True)
class PageFilter:
    """A filter of a page.

    Attributes:
        name: Name that the page shows.
        files: File for each backend that can run it.
        can_tile: Whether tiles give the same result as the whole photo.
        takes_glimpse: Whether the files have the input `glimpse`.
        style: Weights of the styles, for a file of several; else None.
    """

    name: str
    files: Mapping[Backend, BrowserFile]
    can_tile: bool
    takes_glimpse: bool
    style: tuple[float, ...] | None = None

    @property
    def spec(self) -> GeneratorSpec:
        """Description of the filter."""
        return next(iter(self.files.values())).spec


def read_filters(paths: Sequence[Path]) -> list[PageFilter]:
    """Read the filters of a page. Files NAME.int8.onnx, NAME.fp16.onnx and NAME.onnx of one network are one filter.

    Args:
        paths: Filter files. Those of several styles give a filter for each style.

    Raises:
        ArtifactError: A file is no filter, is damaged, or cannot run in a browser.
        ConfigError: Two files have the same name and precision, or are of different networks.
    """
    groups: dict[str, list[tuple[Path, OnnxStylizer]]] = {}
    for path in paths:
        groups.setdefault(_name_of(path), []).append((path, OnnxStylizer(path)))
    return [page_filter for name, group in groups.items() for page_filter in _filters_of_group(name, group)]


def file_name(name: str) -> str:
    """Return a name for files and addresses: lower-case ASCII letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_FILE_NAME_CHARACTERS] or "filter"


def _name_of(path: Path) -> str:
    return _PRECISION_SUFFIX.sub("", path.stem)


def _filters_of_group(name: str, group: Sequence[tuple[Path, OnnxStylizer]]) -> list[PageFilter]:
    _refuse_different(name, group)
    files = {stylizer.spec.precision: _browser_file(path, stylizer) for path, stylizer in group}
    first = group[0][1]
    chosen: dict[Backend, BrowserFile] = {}
    for backend, precisions in _PREFERENCE.items():
        usable = [files[precision] for precision in precisions if precision in files]
        if usable:
            chosen[backend] = usable[0]
    return [
        PageFilter(f"{name}: {label}" if label else name, chosen, first.can_tile, first.takes_glimpse, style)
        for label, style in _styles(first)
    ]


def _styles(stylizer: OnnxStylizer) -> list[tuple[str, tuple[float, ...] | None]]:
    """Return the label and the weights of each style; one without both for a file of one style."""
    count = stylizer.styles
    if count == 1:
        return [("", None)]
    labels = stylizer.spec.styles if len(stylizer.spec.styles) == count else tuple(map(str, range(count)))
    return [(label, tuple(float(number == at) for at in range(count))) for number, label in enumerate(labels)]


def _refuse_different(name: str, group: Sequence[tuple[Path, OnnxStylizer]]) -> None:
    """Refuse files of one name that are not one network in several precisions."""
    first, spec = group[0][0], group[0][1].spec
    for number, (path, stylizer) in enumerate(group[1:], start=1):
        same_precision = any(other.spec.precision == stylizer.spec.precision for _, other in group[:number])
        if same_precision or stylizer.spec.provenance != spec.provenance or stylizer.styles != group[0][1].styles:
            raise ConfigError(f"{first} and {path}: both are called {name!r}, but are different filters: rename one")


def _browser_file(path: Path, stylizer: OnnxStylizer) -> BrowserFile:
    if not stylizer.inputs.any_size:
        raise ArtifactError(
            f"{path}: takes photos of one size only, because its input was fixed after its export: export it again"
        )
    original = read_file(path)
    data = fit_for_browsers(original)
    _compare(path, original, data, stylizer)
    return BrowserFile(path, stylizer.spec, data)


def _compare(path: Path, original: bytes, data: bytes, stylizer: OnnxStylizer) -> None:
    """Check that the file for browsers stylizes a small photo as the filter does.

    Not the stylizer itself is compared: where 8-bit convolutions are not exact, it computes in float32.
    """
    photo = np.random.default_rng(0).integers(0, 256, (1, _PROBE_SIDE_PX, _PROBE_SIDE_PX + 6, 3), np.uint8)
    inputs = {INPUT_NAME: photo, **stylizer.inputs.defaults}
    if stylizer.takes_glimpse:
        inputs[GLIMPSE_NAME] = glimpse(photo[0])[None]
    if stylizer.styles > 1:
        inputs[STYLE_NAME] = np.eye(stylizer.styles, dtype=np.float32)[0]
    of_filter, of_browser = (
        open_filter(content, path, 1, ["CPUExecutionProvider"]).get().run([OUTPUT_NAME], inputs)[0]
        for content in (original, data)
    )
    if not np.array_equal(of_filter, of_browser):
        raise ArtifactError(f"{path}: its form for browsers gives other pixels: export it again")
