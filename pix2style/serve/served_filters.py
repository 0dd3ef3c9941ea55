"""The filters that a server offers. Names in requests are looked up in this table, and are never used as paths."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style import gallery
from pix2style.errors import ArtifactError, ConfigError
from pix2style.files import sha256_bytes
from pix2style.gallery.card import read_card
from pix2style.home_paths import expand_home
from pix2style.progress import print_note
from pix2style.runtime.filter_description import check_digest, read_file, read_metadata, spec_in
from pix2style.style_choice import check_style_choice, parse_style
from pix2style.teacher_table import parse_teacher

_SUFFIX = ".onnx"
_TAKEN = "serve takes filter files (.onnx), folders of them, and names that `pix2style gallery` lists"
# A comma, a colon and an @ have a meaning in blends; other characters would have to be quoted in addresses.
_UNFIT = re.compile(r"[^\w.-]+")
_MOST_PARTS = 8
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class ServedFilter:
    """A filter that requests can name.

    Attributes:
        name: Its name in requests.
        path: Its file, which answers never show.
        sha256: Digest of the file.
        title: Title for people.
        summary: What the style looks like; empty if there is no description.
        author: Painter of the style image; empty if it is unknown.
        licence: Licence of the filter.
        styles: Names of its styles; empty if it has only one.
        trained_at_px: Side in pixels of the photos of its training, which determines the size of its strokes.
        from_gallery: Whether it comes with pix2style.
    """

    name: str
    path: Path
    sha256: str
    title: str
    summary: str
    author: str
    licence: str
    styles: tuple[str, ...]
    trained_at_px: int
    from_gallery: bool

    def to_json(self) -> dict[str, Any]:
        """Return the description of the filter for clients."""
        return {
            "name": self.name,
            "title": self.title,
            "summary": self.summary,
            "author": self.author,
            "licence": self.licence,
            "styles": list(self.styles),
            "trained_at_px": self.trained_at_px,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, slots=True)
class FilterPart:
    """A served filter as one part of a request, which may blend several.

    Attributes:
        name: Name of the filter.
        style: Number of one of its styles, or a weight for each; None for the first style.
        weight: Its weight in a blend. Only the ratios matter.
    """

    name: str
    style: str | None = None
    weight: float = 1.0


class ServedFilters:
    """The filters of a server, in order. The first one is the default.

    Args:
        filters: The filters; their names differ.
    """

    def __init__(self, filters: Sequence[ServedFilter]) -> None:
        self._filters = {served.name: served for served in filters}

    @classmethod
    def from_sources(cls, sources: Sequence[str]) -> ServedFilters:
        """Read the descriptions of filters.

        Args:
            sources: Names in the gallery, filter files, and folders of filter files; none at all for the whole gallery.

        Raises:
            ArtifactError: A source is not a filter, is damaged or does not exist.
            ConfigError: There is no filter at all.
        """
        paths = dict.fromkeys(path for source in sources or gallery.names() for path in _paths_of(source))
        if not paths:
            raise ConfigError("this pix2style comes without a gallery: name filter files, or folders of them")
        filters: dict[str, ServedFilter] = {}
        for path in paths:
            name = _free_name(path.name.removesuffix(_SUFFIX), filters)
            filters[name] = _describe(path, name)
        return cls(list(filters.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all filters."""
        return tuple(self._filters)

    @property
    def default(self) -> str:
        """Name of the filter for requests that name none."""
        return self.names[0]

    def all(self) -> tuple[ServedFilter, ...]:
        """Return all filters."""
        return tuple(self._filters.values())

    def get(self, name: str) -> ServedFilter:
        """Return a filter.

        Raises:
            ConfigError: No filter has this name. The message names a similar one.
        """
        if name not in self._filters:
            similar = difflib.get_close_matches(name.lower()[:_LONGEST_SHOWN], self.names, n=1, cutoff=0.55)
            advice = f"did you mean {similar[0]}?" if similar else f"the names are {_joined(self.names)}"
            raise ConfigError(f"filter {_shown(name)} is not served here: {advice}")
        return self._filters[name]

    def parse(self, text: str, style: str | None = None) -> tuple[FilterPart, ...]:
        """Return the filter that a request names, or the parts of a blend and their weights.

        Args:
            text: A name, or several with or without weights, as in `great-wave:0.6,ejiri:0.4`. If a filter has several
                styles, @ and the number of a style may follow its name, as in `letters@1`.
            style: The parameter `style`: number of a style of a single filter, or a weight for each of its styles.

        Raises:
            ConfigError: No filter has such a name, or a weight or a style is wrong.
        """
        pieces = [piece.strip() for piece in text.split(",")]
        if len(pieces) > _MOST_PARTS:
            raise ConfigError(f"filter is a blend of {len(pieces)}: blend at most {_MOST_PARTS} filters")
        parts = [self._part(piece) for piece in pieces]
        weights = [part.weight for part in parts]
        if len(parts) == 1 and ":" in text:
            raise ConfigError(f"filter {parts[0].name} alone takes no weight: use strength for less of its style")
        if not math.isfinite(sum(weights)):
            raise ConfigError("filter has too large weights: only their ratios matter, as in great-wave:0.6,ejiri:0.4")
        if not math.fsum(weights):
            raise ConfigError("filter has no weight above 0: give a filter of the blend a weight, as in great-wave:0.6")
        if len({":" in piece for piece in pieces}) > 1:
            raise ConfigError("filter is a blend in which only some filters have a weight: give one to all or to none")
        if style is not None:
            if len(parts) > 1 or parts[0].style is not None:
                raise ConfigError("style is for one filter: in a blend write NAME@STYLE, as in great-wave@0:0.6")
            parts = [FilterPart(parts[0].name, style)]
        for part in parts:
            self._check_style(part)
        return tuple(parts)

    def _part(self, piece: str) -> FilterPart:
        named, colon, weight_text = piece.partition(":")
        name, at, style = named.partition("@")
        weight = 1.0
        if colon:
            try:
                weight = float(weight_text)
            except ValueError:
                weight = math.nan
            if not 0 <= weight < math.inf:
                raise ConfigError(
                    f"filter {_shown(piece)}: {_shown(weight_text)} is not a weight: give a number of at least 0"
                )
        return FilterPart(self.get(name).name, style if at else None, weight)

    def _check_style(self, part: FilterPart) -> None:
        styles = self.get(part.name).styles
        if part.style is None:
            return
        if not styles:
            raise ConfigError(f"style {_shown(part.style)}: {part.name} has only one style: leave out style")
        try:
            check_style_choice(parse_style(part.style), len(styles))
        except (ValueError, ConfigError) as error:
            raise ConfigError(f"style {_shown(part.style)}: {error}") from error


def _paths_of(source: str) -> list[Path]:
    """Return the filter files of a source."""
    path = Path(expand_home(source))
    in_gallery = gallery.find(source)
    if path.is_file():
        if in_gallery:
            print_note(f"{path}: this file is served, not the filter of the gallery with the same name")
        return [path.absolute()]
    if in_gallery:
        return [in_gallery]
    if (path / "checkpoints").is_dir():
        raise ArtifactError(f"{source}: is a run: export it first with `pix2style export`, because {_TAKEN}")
    if path.is_dir():
        if files := sorted(path.glob(f"*{_SUFFIX}")):
            return [file.absolute() for file in files]
        raise ArtifactError(f"{source}: holds no filter files: {_TAKEN}")
    raise ArtifactError(f"{source}: {_why_not(source)}")


def _why_not(source: str) -> str:
    """Return why a source that does not exist cannot be served, and what to do."""
    if "," in source:
        return f"is a blend: name its filters one by one, and requests can blend them; {_TAKEN}"
    if parse_teacher(source):
        return f"is a teacher, which is too slow for a server: make pairs, train and export a filter; {_TAKEN}"
    before, at, _ = source.rpartition("@")
    if at and (Path(before).exists() or gallery.find(before)):
        return f"names a style: name only {before}, because requests choose the style"
    similar = [] if re.search(r"[/\\.]", source) else gallery.nearest(source)
    return f"no such filter: {f'did you mean {similar[0]}?' if similar else _TAKEN}"


def _describe(path: Path, name: str) -> ServedFilter:
    """Read and check the file of a filter, and its card in the gallery."""
    data = read_file(path)
    metadata = read_metadata(data)
    if not metadata:
        raise ArtifactError(f"{path}: is not a filter of pix2style: expected a file that pix2style export wrote")
    spec = spec_in(metadata, path)
    check_digest(data, path)
    from_gallery = path.parent == gallery.folder.FOLDER
    title, summary, author, licence = spec.name, "", "", spec.licence
    if from_gallery and path.with_suffix(".json").is_file():
        card = read_card(path)
        title, summary, author, licence = card.title, card.summary, card.artist, card.licence
    digest = sha256_bytes(data)
    return ServedFilter(
        name, path, digest, title, summary, author, licence, spec.styles, spec.trained_at_px, from_gallery
    )


def _free_name(stem: str, taken: dict[str, ServedFilter]) -> str:
    """Return a name that no other filter has, and that can be written in addresses and blends."""
    name = _UNFIT.sub("-", stem).strip("-") or "filter"
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return next(free for free in (name, *numbered) if free not in taken)


def _joined(names: Sequence[str]) -> str:
    """Return the first names of a list, for a message."""
    shown = 12
    return ", ".join(names[:shown]) + (" ..." if len(names) > shown else "")


def _shown(text: str) -> str:
    """Return a text from a request for a message, short and on one line."""
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")
