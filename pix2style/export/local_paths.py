"""Keep out of exported files what would tell on which machine and by whom they were made."""

from __future__ import annotations

import contextlib
import getpass
import site
import sys
from pathlib import Path

import onnx
import torch

from pix2style.errors import ArtifactError

# Shorter texts, such as "/" or "/w", may be part of the bytes of a tensor by chance.
_SHORTEST = 5


def refuse_local_paths(model: onnx.ModelProto) -> None:
    """Check that no text in a graph names this machine or its user. The bytes of the weights are not searched.

    Raises:
        ArtifactError: The graph contains one of `local_paths`.
    """
    graph = model.graph
    messages = [message.SerializeToString() for message in (*graph.node, *graph.input, *graph.output)]
    text = b"\0".join([*messages, *(tensor.name.encode() for tensor in graph.initializer)])
    for local in local_paths():
        if local.encode("utf-8", "surrogateescape") in text:
            raise ArtifactError(f"the exported graph contains the local path {local}: this is a bug of pix2style")


def local_paths() -> list[str]:
    """Return texts that must not appear in an exported file: folders of this machine, its user, source files."""
    folders = [
        Path.cwd(),
        Path(sys.prefix),
        Path(torch.__file__).parent,
        *map(Path, site.getsitepackages()),
    ]
    with contextlib.suppress(RuntimeError):  # the user of a container may have no home folder and no name
        folders.append(Path.home())
    names = [str(folder) for folder in folders if len(str(folder)) >= _SHORTEST]
    with contextlib.suppress(KeyError, OSError, ImportError):  # ImportError: Windows without USERNAME, Python 3.11
        names += [f"/{getpass.getuser()}/", f"\\{getpass.getuser()}\\"]
    return [*names, "site-packages", 'File "']
