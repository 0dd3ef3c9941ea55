"""The command `pix2style report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pix2style.cli.app import app
from pix2style.cli.common_options import JsonOption
from pix2style.cli.terminal import json_text
from pix2style.errors import ConfigError, require


@app.command("report")
def report_command(
    source: Annotated[
        Path,
        typer.Argument(metavar="RUN|SET|EVAL", help="A run folder, a pair set, or a file that eval --json printed."),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="The HTML file to write; one that exists is replaced.")
    ] = Path("report.html"),
    as_json: JsonOption = False,
) -> None:
    """Write one HTML file about a run, a pair set or an evaluation, which any browser shows without a network.

    Of a run: curves of losses, learning rates and validation; validation grids over time with a slider; metrics, and
    the best and the worst held-out photos; digests of pairs, paintings and weights.

    Of a pair set: metrics, pairs of each split, failures and origin.

    Of an evaluation: its table; `eval --html` adds photos. Needs the extra train.

    Example: pix2style report runs/lite -o report.html
    """
    require("train", "pydantic", "yaml", "torch")
    from pix2style.progress import ProgressBar
    from pix2style.reports.write_report import write_report
    from pix2style.writable import check_can_write

    check_html(out, "--out")
    check_can_write(out)
    with ProgressBar("photos", 0) as bar:
        size = write_report(source, out, bar.set_counts)
    print(json_text({"report": str(out), "bytes": size}) if as_json else f"{out}: {size / 1e6:.1f} MB")


def check_html(path: Path, option: str) -> None:
    """Refuse a report whose name does not end in .html.

    Raises:
        ConfigError: It does not.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"{option} {path}: the report is an HTML file: give it a name that ends in .html")
