"""`python -m pix2style`."""

from pix2style.cli import run

run()
