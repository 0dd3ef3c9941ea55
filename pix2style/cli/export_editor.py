"""`pix2style export --for`: filters in the form in which another program takes them."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.errors import ArtifactError, ConfigError, require
from pix2style.plural import counted
from pix2style.progress import print_note
from pix2style.writable import check_can_write, check_can_write_folder

if TYPE_CHECKING:
    from pix2style.cli.export_options import RunOptions
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

_DARKTABLE_SUFFIX = ".dtmodel"
_LONGEST_NAME = 60


def export_darktable(sources: Sequence[Path], out: Path | None, run: RunOptions, *, as_json: bool) -> None:
    """Write a run or filter file as a model package of darktable, and print where it is.

    Raises:
        ConfigError: There are several filters, or the file has another suffix.
    """
    require("painting", "onnx")
    from pix2style.export.editors.darktable import write_darktable
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

    if len(sources) > 1:
        raise ConfigError(f"{sources[1]}: a package of darktable holds one filter: export them one by one")
    if out is not None and out.suffix.lower() != _DARKTABLE_SUFFIX:
        raise ConfigError(f"--out {out}: darktable imports files that end in {_DARKTABLE_SUFFIX}: give it such a name")
    if out is not None:
        check_can_write(out)
    with tempfile.TemporaryDirectory(prefix="pix2style-") as exported:
        [path] = _filter_files(sources, Path(exported), run)
        stylizer = OnnxStylizer(path)
        out = out or Path(f"{_plain_name(stylizer)}{_DARKTABLE_SUFFIX}")
        check_can_write(out)
        write_darktable(path.read_bytes(), stylizer.spec, out)
    _print(out, as_json, "in darktable: preferences, AI, import from file; then the module neural restore, denoise")


def export_comfyui(sources: Sequence[Path], out: Path | None, run: RunOptions, *, as_json: bool) -> None:
    """Write a folder that ComfyUI loads as a custom node, and print where it is.

    Raises:
        ConfigError: No folder is given, or two filters have one name.
    """
    from pix2style.export.editors.comfyui_folder import write_comfyui
    from pix2style.pairs.exchange.atomic_folder import check_new_folder
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

    if out is None:
        raise ConfigError("--for comfyui writes a folder: add -o FOLDER")
    check_new_folder(out)
    check_can_write_folder(out)
    with tempfile.TemporaryDirectory(prefix="pix2style-") as exported:
        paths = _filter_files(sources, Path(exported), run)
        filters = {_plain_name(OnnxStylizer(path)): path.read_bytes() for path in paths}
        if len(filters) < len(paths):
            raise ConfigError("two of the filters have one name: export them into folders of their own")
        write_comfyui(sorted(filters.items()), out)
    _print(out, as_json, "copy it into custom_nodes of ComfyUI; its README.md says what else it needs")


def _filter_files(sources: Sequence[Path], exported: Path, run: RunOptions) -> list[Path]:
    """Return the filter files that were named, also by a name in the gallery, or export those of runs."""
    from pix2style.loading import filter_path

    paths = [filter_path(source) for source in sources]
    run.check_sources(paths)
    for number, path in enumerate(paths):
        if path.is_dir():
            require("train", "torch", "onnx", "onnxscript", "safetensors", "pydantic", "yaml")
            exported_file = exported / f"{number}.onnx"
            run.open(path).export(exported_file, "fp32", run.pairs)
            paths[number] = exported_file
    return paths


def _plain_name(stylizer: OnnxStylizer) -> str:
    """Return the name of a filter for files, and say so if only one of its styles is of use to the program.

    The name comes from the file, which a stranger may have written: it must not lead to another folder.

    Raises:
        ArtifactError: The filter has inputs without a default, which the program would not give.
    """
    name = stylizer.spec.name
    if stylizer.inputs.defaults:
        needed = " and ".join(sorted(stylizer.inputs.defaults))
        raise ArtifactError(
            f"{stylizer.identity.name}: needs the input {needed} as well, as files of a web page do, which other"
            " programs do not give: take the filter file that the page was made from"
        )
    if stylizer.styles > 1:
        print_note(f"{name}: holds {counted(stylizer.styles, 'style')}, of which only the first one is used there")
    return re.sub(r"[^\w.-]+", "-", name)[:_LONGEST_NAME].strip("-.") or "filter"


def _print(out: Path, as_json: bool, next_step: str) -> None:
    size = sum(file.stat().st_size for file in out.rglob("*")) if out.is_dir() else out.stat().st_size
    if as_json:
        print(json.dumps({"path": str(out), "bytes": size}))
    else:
        print(f"{out}: {size / 1e6:.2f} MB\n{next_step}")
