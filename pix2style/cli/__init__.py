"""The command line: one module per command, which parses options, calls the work and prints the result.

Modules import what a command needs inside its function, so that `--help` and short commands start without torch.
"""

# Importing a module registers its commands. `--help` lists them in this order.
from pix2style.cli import quickstart_cli  # noqa: F401, I001
from pix2style.cli import make_pairs_cli  # noqa: F401
from pix2style.cli import pairs_cli  # noqa: F401
from pix2style.cli import train_cli  # noqa: F401
from pix2style.cli import distill_cli  # noqa: F401
from pix2style.cli import train_features_cli  # noqa: F401
from pix2style.cli import export_cli  # noqa: F401
from pix2style.cli import inspect_cli  # noqa: F401
from pix2style.cli import infer_cli  # noqa: F401
from pix2style.cli import gallery_cli  # noqa: F401
from pix2style.cli import sheet_cli  # noqa: F401
from pix2style.cli import live_cli  # noqa: F401
from pix2style.cli import studio_cli  # noqa: F401
from pix2style.cli import eval_cli  # noqa: F401
from pix2style.cli import config_cli  # noqa: F401
from pix2style.cli import doctor_cli  # noqa: F401
from pix2style.cli import data_cli  # noqa: F401
from pix2style.cli import stylize_cli  # noqa: F401
from pix2style.cli import teacher_cli  # noqa: F401
from pix2style.cli.app import main

__all__ = ["main"]
