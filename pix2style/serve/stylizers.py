"""The stylizers of a worker process: filters that are loaded, and what a job's settings make of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from pix2style.effects.blend import Blend
from pix2style.effects.preserve_color import PreserveColor
from pix2style.effects.stroke import StrokeSize
from pix2style.errors import ArtifactError
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.serve.served_filters import FilterPart, ServedFilters
from pix2style.stylizer import Stylizer

_MOST_LOADED = 16


class Stylizers:
    """Loads filters when they are first asked for, and keeps those that were used last.

    Strength, style and effects need no loading: they are settings around the session of a filter.

    Args:
        filters: The filters that may be asked for.
        threads: Threads of ONNX Runtime.
    """

    def __init__(self, filters: ServedFilters, threads: int) -> None:
        self._filters, self._threads = filters, threads
        self._loaded: OrderedDict[str, OnnxStylizer] = OrderedDict()

    def load(self, name: str) -> OnnxStylizer:
        """Return a filter.

        Raises:
            ArtifactError: It cannot be loaded, or its file is not that with which the server was started.
        """
        if name not in self._loaded:
            served = self._filters.get(name)
            stylizer = OnnxStylizer(served.path, threads=self._threads, spinning="never")
            if stylizer.identity.sha256 != served.sha256:
                raise ArtifactError(f"filter {name} was changed after the server had started: start the server again")
            self._loaded[name] = stylizer
            while len(self._loaded) > _MOST_LOADED:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(name)
        return self._loaded[name]

    def get(
        self,
        parts: Sequence[FilterPart],
        *,
        strength: float = 1.0,
        stroke: float | None = None,
        look_px: int | None = None,
        preserve_color: bool = False,
    ) -> Stylizer:
        """Return what stylizes as a job asks for it, which is what `load_stylizer` returns for the same settings.

        Raises:
            ArtifactError: A filter cannot be loaded.
            ConfigError: A setting is out of its range, or not possible with the filter.
        """
        if len(parts) == 1:
            stylizer: Stylizer = self.load(parts[0].name).with_settings(strength=strength, style=parts[0].style)
        else:
            loaded = [(self.load(part.name).with_settings(style=part.style), part.weight) for part in parts]
            stylizer = Blend(loaded, strength=strength, names=[part.name for part in parts])
        if stroke is not None or look_px is not None:
            stylizer = StrokeSize(stylizer, stroke=stroke, look_px=look_px, threads=self._threads)
        return PreserveColor(stylizer) if preserve_color else stylizer
