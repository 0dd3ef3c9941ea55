"""The stylizers of a worker process: its loaded filters, with the settings of a job."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from pix2style.effects.blend import Blend
from pix2style.effects.preserve_color import PreserveColor
from pix2style.effects.stroke import StrokeSize
from pix2style.errors import ArtifactError
from pix2style.runtime.devices import CPU, providers_of
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.serve.served_filters import FilterPart, ServedFilters
from pix2style.stylizer import Stylizer

_MOST_LOADED = 16


class Stylizers:
    """Loads each filter when it is used for the first time, and keeps those that were used most recently.

    Other settings of a job need no loading: strength, style and effects use the same session of ONNX Runtime.

    Args:
        filters: The filters that jobs may name.
        threads: Threads of ONNX Runtime.
        device: Where the filters run; see `runtime.devices`.
    """

    def __init__(self, filters: ServedFilters, threads: int, device: str = CPU) -> None:
        self._filters, self._threads, self._device = filters, threads, device
        self._loaded: OrderedDict[str, OnnxStylizer] = OrderedDict()

    def load(self, name: str) -> OnnxStylizer:
        """Return a filter.

        Raises:
            ArtifactError: It cannot be loaded, or its file was changed after the start of the server.
        """
        if name not in self._loaded:
            served = self._filters.get(name)
            providers = providers_of(self._device)
            stylizer = OnnxStylizer(served.path, threads=self._threads, providers=providers, spinning="never")
            if stylizer.identity.sha256 != served.sha256:
                raise ArtifactError(
                    f"filter {name}: its file was changed after the start of the server: start the server again"
                )
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
        """Return the stylizer of a job, which does the same as that of `load_stylizer` with the same settings.

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
