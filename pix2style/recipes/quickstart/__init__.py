"""Quickstart: run every stage once, from photos and a painting to a filter file, within a given number of minutes."""

from pix2style.recipes.quickstart.materials import bundled_config, sample_painting, sample_photos
from pix2style.recipes.quickstart.options import QuickstartOptions
from pix2style.recipes.quickstart.report import QuickstartReport
from pix2style.recipes.quickstart.run import quickstart

__all__ = [
    "QuickstartOptions",
    "QuickstartReport",
    "bundled_config",
    "quickstart",
    "sample_painting",
    "sample_photos",
]
