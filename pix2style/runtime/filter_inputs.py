"""The inputs that a filter file really has. Tools that simplify ONNX files remove those that are optional."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pix2style.errors import ArtifactError
from pix2style.light_dataclass import dataclass
from pix2style.spec import GLIMPSE_NAME, INPUT_NAME, OUTPUT_NAME, STRENGTH_NAME, STYLE_NAME

Shape = tuple[int | str | None, ...]
_OPTIONAL = (STRENGTH_NAME, STYLE_NAME, GLIMPSE_NAME)
_TYPES = {
    INPUT_NAME: ("tensor(uint8)", 4),
    OUTPUT_NAME: ("tensor(uint8)", 4),
    STRENGTH_NAME: ("tensor(float)", 1),
    STYLE_NAME: ("tensor(float)", 1),
    GLIMPSE_NAME: ("tensor(uint8)", 4),
}
_CHANNELS = 3
_MOST_STYLES = 100_000


@dataclass(frozen=True, slots=True)
class FilterInputs:
    """The inputs of a filter file.

    Attributes:
        photo: Shape of the input `photo`: numbers for fixed sizes, names for free ones.
        others: Shapes of those of the inputs `strength`, `style` and `glimpse` that the file has, by name.
        defaults: Values for those of them without a default in the file, by name.
    """

    photo: Shape
    others: dict[str, Shape]
    defaults: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def styles(self) -> int:
        """Number of styles that can be chosen."""
        size = self.others[STYLE_NAME][0] if STYLE_NAME in self.others else 1
        return size if isinstance(size, int) else 1

    @property
    def any_size(self) -> bool:
        """Whether photos of any height and width are accepted."""
        return not any(isinstance(size, int) for size in self.photo[1:3])

    def accepts(self, shape: Sequence[int]) -> bool:
        """Return whether a batch of photos has a shape that the file takes."""
        return all(not isinstance(size, int) or size == n for size, n in zip(self.photo, shape, strict=True))


def read_inputs(session: onnxruntime.InferenceSession, source: str) -> FilterInputs:
    """Read the inputs of a filter from its graph, and check that they can be used.

    Args:
        session: Session on the filter file.
        source: Name of the file, for messages.

    Raises:
        ArtifactError: The graph is not that of a filter.
    """
    try:
        required, outputs = _values(session.get_inputs()), _values(session.get_outputs())
        optional = [value for value in _values(session.get_overridable_initializers()) if value.name in _OPTIONAL]
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{source}: names in its graph are no text: it is damaged; export it again") from error
    names = [value.name for value in (*required, *outputs)]
    if [name for name in names if name not in _OPTIONAL] != [INPUT_NAME, OUTPUT_NAME]:
        raise ArtifactError(
            f"{source}: has the inputs and outputs {ascii(', '.join(names))[1:-1]}, but a filter has {INPUT_NAME} and"
            f" {OUTPUT_NAME}: the file was changed after its export; export it again"
        )
    for value in (*required, *outputs, *optional):
        _check(value, source)
    shapes = {value.name: value.shape for value in (*required, *optional)}
    defaults = {value.name: _default(value) for value in required if value.name in _OPTIONAL}
    return FilterInputs(shapes.pop(INPUT_NAME), shapes, defaults)


class _Value(NamedTuple):
    """Name, type and shape of an input or output of a graph."""

    name: str
    type: str
    shape: Shape


def _values(nodes: Sequence[onnxruntime.NodeArg]) -> list[_Value]:
    return [_Value(node.name, node.type, tuple(node.shape or ())) for node in nodes]


def _check(value: _Value, source: str) -> None:
    (kind, rank), shape = _TYPES[value.name], value.shape
    free_output = value.name == OUTPUT_NAME and not shape  # tools may drop the output's shape
    fits = value.type == kind and (len(shape) == rank or free_output)
    if fits and value.name == STYLE_NAME:
        fits = isinstance(shape[0], int) and 1 <= shape[0] <= _MOST_STYLES
    if fits and value.name == INPUT_NAME:
        fits = shape[3] == _CHANNELS or not isinstance(shape[3], int)
    if not fits:
        raise ArtifactError(
            f"{source}: {value.name} is {ascii(value.type)[1:-1]} {list(shape)!a}, which no filter of pix2style"
            " has: the file was changed after its export; export it again"
        )


def _default(value: _Value) -> NDArray[Any]:
    """Return what an exported file has as the default of an input."""
    if value.name == GLIMPSE_NAME:
        return np.zeros((1, 1, 1, 1), np.uint8)
    values = np.zeros(int(value.shape[0] or 1) if value.name == STYLE_NAME else 1, np.float32)
    values[0] = 1
    return values
