"""Which module registers which command: only that of the command which is called gets imported."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

COMMAND_MODULES = {
    "quickstart": "quickstart_cli",
    "make-pairs": "make_pairs_cli",
    "pairs": "pairs_cli",
    "train": "train_cli",
    "distill": "distill_cli",
    "train-features": "train_features_cli",
    "export": "export_cli",
    "inspect": "inspect_cli",
    "infer": "infer_registration",
    "gallery": "gallery_cli",
    "sheet": "sheet_cli",
    "live": "live_cli",
    "studio": "studio_cli",
    "serve": "serve_cli",
    "eval": "eval_cli",
    "judge": "judge_cli",
    "report": "report_cli",
    "config": "config_cli",
    "doctor": "doctor_cli",
    "data": "data_cli",
    "stylize": "stylize_cli",
    "teacher": "teacher_cli",
}
"""Commands and groups of commands, in the order of `--help`, and their modules in this package."""


def import_commands(arguments: Sequence[str] = ()) -> None:
    """Import the module of a command, which registers it.

    Args:
        arguments: Arguments of the command line. If their first word is no command, as for `--help`, for completion and
            for misspelled commands, all commands are registered.
    """
    called = next((argument for argument in arguments if not argument.startswith("-")), "")
    for name in [called] if called in COMMAND_MODULES else COMMAND_MODULES:
        import_module(f"pix2style.cli.{COMMAND_MODULES[name]}")
