"""The filters that the page offers, and the stylizers that they become with a person's choice."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style import gallery
from pix2style.effects.blend import Blend
from pix2style.effects.preserve_color import PreserveColor
from pix2style.effects.stroke import StrokeSize
from pix2style.errors import ConfigError
from pix2style.loading import load_stylizer
from pix2style.page_server.refusals import NotHereError
from pix2style.printable import text_of_file_name
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.studio.choice import LOOK_PX, Choice
from pix2style.studio.weaker import Weaker
from pix2style.stylizer import Stylizer

_SUFFIX = ".onnx"
_KEPT_STYLIZERS = 24


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter in the list of the page.

    Attributes:
        id: What the page calls it by; it is no path.
        name: Name for people.
        source: What `load_stylizer` takes.
        has_strength: Whether it is a filter file, which `load_stylizer` gives a strength.
        is_trained_here: Whether it was trained in the studio.
    """

    id: str
    name: str
    source: str
    has_strength: bool = True
    is_trained_here: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what the page has to know."""
        return {"id": self.id, "name": self.name, "trained_here": self.is_trained_here}


class Filters:
    """The list of filters, in order.

    Args:
        sources: Filter files, runs, names of the gallery or teachers; and folders that hold filter files. None at all
            for the whole gallery.

    Raises:
        ConfigError: A source cannot be loaded, or there are none.
    """

    def __init__(self, sources: Sequence[str] = ()) -> None:
        self._filters: dict[str, Filter] = {}
        self._stylizers: OrderedDict[Choice, Stylizer] = OrderedDict()
        self._lock = threading.Lock()
        for source in expand_sources(sources):
            for name, style, has_strength in _styles_of(source):
                self._add(name, style, has_strength=has_strength)

    def all(self) -> list[Filter]:
        """Return all filters in their order."""
        return list(self._filters.values())

    def get(self, filter_id: str) -> Filter:
        """Return a filter.

        Raises:
            NotHereError: There is none of that id.
        """
        if filter_id not in self._filters:
            raise NotHereError(f"there is no filter {filter_id!r}: load the page anew")
        return self._filters[filter_id]

    def add_trained(self, name: str, file: Path) -> Filter:
        """Add a filter that was trained in the studio, at the end of the list."""
        return self._add(name, str(file), is_trained_here=True)

    def name_of(self, choice: Choice) -> str:
        """Return a name for files, for example `great-wave-poppies`."""
        return "-".join(_file_name(self.get(filter_id).name) for filter_id, _ in choice.filters)

    def stylizer(self, choice: Choice) -> Stylizer:
        """Return what stylizes as a person has chosen; the mask is left to the caller.

        Raises:
            NotHereError: A filter is not in the list.
            ConfigError: A filter does not have what was chosen.
        """
        with self._lock:
            if choice not in self._stylizers:
                self._stylizers[choice] = self._load(choice)
                while len(self._stylizers) > _KEPT_STYLIZERS:
                    self._stylizers.popitem(last=False)
            self._stylizers.move_to_end(choice)
            return self._stylizers[choice]

    def _load(self, choice: Choice) -> Stylizer:
        look_px = LOOK_PX if choice.same_look else None
        stylizer = self._plain(choice)
        # Around the blend, as in `load_stylizer`: so frames of clips are followed in the size in which all parts paint.
        if choice.stroke != 1 or look_px is not None:
            stylizer = StrokeSize(stylizer, stroke=choice.stroke, look_px=look_px)
        return PreserveColor(stylizer) if choice.preserve_color else stylizer

    def _plain(self, choice: Choice) -> Stylizer:
        """Return the filter or the blend in the strength of a choice."""
        parts = [(self.get(filter_id), weight) for filter_id, weight in choice.filters]
        if len(parts) > 1:
            return Blend([(load_stylizer(part.source), weight) for part, weight in parts], strength=choice.strength)
        [(filter_, _)] = parts
        if filter_.has_strength or choice.strength == 1:
            return load_stylizer(filter_.source, strength=choice.strength)
        return Weaker(load_stylizer(filter_.source), choice.strength)

    def _add(self, name: str, source: str, *, has_strength: bool = True, is_trained_here: bool = False) -> Filter:
        name, number = text_of_file_name(name), len(self._filters) + 1
        names = {filter_.name for filter_ in self._filters.values()}
        shown, copy = name, 2
        while shown in names:
            shown, copy = f"{name} ({copy})", copy + 1
        added = Filter(f"filter-{number}", shown, source, has_strength, is_trained_here)
        self._filters[added.id] = added
        return added


def expand_sources(sources: Sequence[str]) -> list[str]:
    """Return the sources, with the filter files of a folder instead of the folder; the whole gallery for none.

    Raises:
        ConfigError: A folder is neither a run nor holds filter files, or there is no filter at all.
    """
    if not sources and not gallery.names():
        raise ConfigError("this pix2style comes without a gallery: name filter files, folders of them, or runs")
    return [inner for source in sources or gallery.names() for inner in _expand(source)]


def _expand(source: str) -> list[str]:
    folder = Path(source)
    # A folder of outputs may be named after a filter of the gallery.
    if not folder.is_dir() or _is_run(folder) or gallery.find(source):
        return [source]
    files = sorted(folder.glob(f"*{_SUFFIX}"))
    if not files:
        raise ConfigError(f"{source}: is neither a run nor a folder with filter files (.onnx): name another")
    return [str(file) for file in files]


def _is_run(folder: Path) -> bool:
    return (folder / "config.json").is_file() and (folder / "checkpoints").is_dir()


def _styles_of(source: str) -> list[tuple[str, str, bool]]:
    """Return name, source and whether it has a strength, of a filter or of each of its styles."""
    stylizer = load_stylizer(source)
    if not isinstance(stylizer, OnnxStylizer):
        return [(stylizer.identity.name, source, False)]
    name = Path(source).name.removesuffix(_SUFFIX)
    if stylizer.styles == 1 or "style" in stylizer.identity.settings:
        return [(name, source, True)]
    labels = [*stylizer.spec.styles, *map(str, range(len(stylizer.spec.styles), stylizer.styles))]
    return [(f"{name}: {label}", f"{source}@{style}", True) for style, label in enumerate(labels[: stylizer.styles])]


@functools.cache
def _file_name(name: str) -> str:
    """Return a name without characters that file systems do not allow."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name).strip("-.") or "filter"
