"""Write a folder that ComfyUI loads as a custom node, with filters in it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from pix2style.files import write_bytes
from pix2style.pairs.exchange.atomic_folder import atomic_folder

_INIT = """from .node import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
"""
_REQUIREMENTS = "onnxruntime\n"
_README = """# Filters of pix2style as a node of ComfyUI

1. Copy this folder into `custom_nodes` of ComfyUI.
2. Install `onnxruntime` into the Python of ComfyUI: `python -m pip install -r requirements.txt`.
3. Restart ComfyUI. The node is called *Filter (pix2style)*, under *image/filters*.

More filter files can be put into `filters`. Each holds its own licence, which `pix2style inspect FILE` prints.
"""


def write_comfyui(filters: Sequence[tuple[str, bytes]], out: Path) -> None:
    """Write a new folder with the node and filter files.

    Args:
        filters: Name, without a suffix, and content of each filter file.
        out: Folder to write; new or empty.

    Raises:
        DataError: The folder is not empty, or cannot be written.
    """
    node = resources.files("pix2style.export.editors.comfyui").joinpath("node.py").read_text(encoding="utf-8")
    with atomic_folder(out) as folder:
        for name, text in (
            ("__init__.py", _INIT),
            ("node.py", node),
            ("requirements.txt", _REQUIREMENTS),
            ("README.md", _README),
        ):
            write_bytes(folder / name, text.encode())
        for name, data in filters:
            write_bytes(folder / "filters" / f"{name}.onnx", data)
