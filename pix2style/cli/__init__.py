"""The command line: one module per command, which parses options, calls the work and prints the result.

Modules import what a command needs inside its function, so that `--help` and short commands start without torch. A new
command gets a line in `commands.py`.
"""

from pix2style.cli.program import main, run

__all__ = ["main", "run"]
