"""The command `pix2style studio`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from pix2style.cli.app import app
from pix2style.errors import require
from pix2style.printable import printable
from pix2style.progress import print_note

_FiltersArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILTERS|RUN...]",
        help="Filter files (.onnx; FILE@1 for its style 1), folders of them, runs, names of the gallery, or other"
        " stylizers, as for infer. Default: the whole gallery.",
    ),
]
_PortOption = Annotated[
    int, typer.Option(min=0, max=65535, metavar="PORT", help="Port of the page, for example 8080; 0 for any free one.")
]
_HostOption = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Address to listen at. With 0.0.0.0 others in the network can use the page, by its token.",
    ),
]
_TokenOption = Annotated[
    bool,
    typer.Option(
        "--token", help="Ask for a token on this computer, too, for example where other people have accounts on it."
    ),
]
_OpenOption = Annotated[
    bool | None,
    typer.Option("--open/--no-open", help="Open the page in the browser. Default: if started from a terminal."),
]
_OutOption = Annotated[
    Path,
    typer.Option("-o", "--out", help="Folder into which filters are copied that were trained in the page."),
]


@app.command("studio")
def studio_command(
    filters: _FiltersArgument = None,
    out: _OutOption = Path("trained-filters"),
    port: _PortOption = 7860,
    host: _HostOption = "127.0.0.1",
    token: _TokenOption = False,
    open_: _OpenOption = None,
) -> None:
    """Open a page in the browser to play with filters: photos, webcam, video clips, and training of your own.

    It runs on this computer only, unless --host opens it to others. Needs the extra studio.

    What is uploaded lies in a temporary folder, which Ctrl-C and SIGTERM delete. Trained filters stay in --out.
    If a training is running, Ctrl-C ends it as its stop button does: the filter is written first.

    Example: pix2style studio great-wave my-filter.onnx --port 8080
    """
    require("studio", "starlette", "uvicorn")
    from pix2style.listening import listen
    from pix2style.page_server.run_server import address, make_access, make_server, open_browser
    from pix2style.studio.http_app import make_app
    from pix2style.studio.studio import Studio

    with listen(host, port, program="studio", usual_port=7860) as listener:
        access = make_access(host, with_token=token, program="studio")
        url = address(host, listener.getsockname()[1], access.token)
        with contextlib.suppress(KeyboardInterrupt), Studio(filters or [], out) as studio:

            def say_where() -> None:
                print(printable(f"studio: {url}   (Ctrl-C ends it and deletes what was uploaded)"), flush=True)
                if open_ or (open_ is None and sys.stdout.isatty()):
                    open_browser(url)

            with contextlib.suppress(KeyboardInterrupt):
                make_server(make_app(studio, access), say_where).run(sockets=[listener])
            studio.finish_trainings(print_note)
