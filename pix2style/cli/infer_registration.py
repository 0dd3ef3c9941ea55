"""Registers the command `infer`, whose own module works without Typer."""

from pix2style.cli.app import app
from pix2style.cli.infer_cli import infer_command

app.command("infer")(infer_command)
