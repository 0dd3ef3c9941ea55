"""Say why a filter could not stylize a batch of photos: because of its size, or because of the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pix2style.errors import ArtifactError, DataError, MemoryNeededError
from pix2style.onnx_session import is_out_of_memory
from pix2style.runtime.filter_file import short_reason
from pix2style.runtime.filter_inputs import FilterInputs


def run_error(
    error: Exception, path: Path, name: str, inputs: FilterInputs, shape: Sequence[int], *, can_tile: bool
) -> DataError | ArtifactError:
    """Return the error to raise for one of ONNX Runtime's.

    Args:
        error: One of `onnx_session.RUN_ERRORS`.
        path: Path of the filter file.
        name: Name of the filter.
        inputs: Inputs of the filter.
        shape: Shape of the batch, [batch, height, width, 3].
        can_tile: Whether tiles are possible with this filter.
    """
    height, width = shape[1:3]
    if is_out_of_memory(error):
        advice = _memory_advice(can_tile)
        reason = f"{width}x{height} pixels need more memory than there is for the filter {name!r}"
        return MemoryNeededError(f"{reason}: {advice}")
    if not inputs.accepts(shape):
        return DataError(
            f"a photo of {width}x{height} pixels does not fit the filter {path}, whose input was fixed to"
            f" {list(inputs.photo)} after its export: export it again"
        )
    return ArtifactError(
        f"{path}: cannot be run on {width}x{height} pixels: it is damaged or was changed after its export;"
        f" export it again ({short_reason(error)})"
    )


def _memory_advice(can_tile: bool) -> str:
    if can_tile:
        return "use smaller tiles (--tile 256), or close other programs"
    return (
        "make the photo smaller, or close other programs (tiles are not possible, because with this filter every pixel"
        " depends on the whole photo)"
    )
