"""The command line. One file a command: parse, call, print. Heavy imports stand inside bodies."""

from pix2style.cli.app import main

__all__ = ["main"]
