"""The sections `export` and `eval`: the filter file, and its evaluation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pix2style.config.paths import UserPath
from pix2style.config.section import Section


class ExportConfig(Section):
    """The filter file that `export` writes."""

    licence: str = "unspecified"
    """Licence of the filter, for example `CC-BY-4.0`; it is written into the file. Licences of the photos and paintings
    may restrict your choice."""
    weights: Literal["ema", "raw"] = "ema"
    """Which weights are exported. `ema`: exponential moving average over the training. `raw`: weights of the last
    step."""
    precision: Literal["fp32", "fp16", "int8"] = "fp32"
    """Number format of the file. `fp32`: 32-bit floats. `fp16`: weights stored as 16-bit floats, half the size. `int8`:
    weights and computation in 8 bits, only for the lightweight generator."""
    calibration_photos: int = Field(64, ge=1, le=4096)
    """Number of training photos that calibrate the ranges of activations for `int8`. Too few miss the ranges of rare
    photos, such as dark or smooth ones."""
    held_out_photos: int = Field(12, ge=1, le=4096)
    """Number of held-out photos on which the quality of the file is measured."""
    int8_min_psnr_db: float = Field(30.0, ge=0)
    """Lowest PSNR, in dB, of an `int8` file against the network in float32 on the held-out photos. A file below it is
    refused."""


class EvalConfig(Section):
    """Which photos `eval` evaluates stylizers on."""

    photos: tuple[UserPath, ...] = ()
    """Folders (searched recursively) and files of photos. If empty, the test split of the pair set is used."""
    max_side: int = Field(512, ge=32, le=8192)
    """Photos with a longer side above this many pixels are shrunk to it. Pairs keep their size."""
