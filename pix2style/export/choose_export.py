"""Choose how a generator is exported: the one place that maps kinds of generators to their export."""

from __future__ import annotations

from pix2style.export.generator_export import GeneratorExport
from pix2style.export.lite.lite_export import LiteExport
from pix2style.export.traced_export import TracedExport
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite


def choose_export(generator: Generator) -> GeneratorExport:
    """Return the export of a generator: by hand for the lightweight generator, by tracing for all others."""
    return LiteExport(generator) if isinstance(generator, Lite) else TracedExport(generator)
