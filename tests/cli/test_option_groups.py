"""Options of a command that stand in dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from pix2style.cli.app import Application
from pix2style.cli.option_groups import with_option_groups


@dataclass(frozen=True, slots=True)
class _Size:
    width: Annotated[int, typer.Option(help="Width.")] = 3
    high: Annotated[int | None, typer.Option(help="Height.")] = None


def test_fields_are_options() -> None:
    app, seen = Application(), []

    @app.command()
    def _draw(name: Annotated[str, typer.Argument()], size: _Size, loud: bool = False) -> None:
        seen.append((name, size, loud))

    for arguments in (["x"], ["x", "--high", "4", "--width", "5", "--loud"]):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    assert seen == [("x", _Size(3, None), False), ("x", _Size(5, 4), True)]
    assert "--width" in CliRunner().invoke(app, ["--help"]).output


def test_a_name_that_two_groups_have_is_refused() -> None:
    def command(size: _Size, width: int = 1) -> None:
        """Never called."""

    with pytest.raises(TypeError, match="command: two options are called width"):
        with_option_groups(command)
