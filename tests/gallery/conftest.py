"""A gallery with small filters, so that what is tested does not depend on those that come with pix2style."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from pix2style.export.metadata import serialize_with_digest, write_metadata
from pix2style.gallery import folder as gallery_folder
from pix2style.spec import INPUT_NAME, OUTPUT_NAME, GeneratorSpec, Provenance

CARD: dict[str, Any] = {
    "title": "Dark Negative",
    "summary": "Light turns into darkness.",
    "painting": {
        "title": "Red",
        "artist": "Anna Ancher",
        "year": "1890",
        "source": "a test",
        "licence": "public domain",
        "sha256": "3" * 64,
    },
    "teacher": {"name": "watercolor", "source": "pix2style", "licence": "Apache-2.0"},
    "licence": "CC0-1.0",
    "photos": {"list": "photos.md", "count": 2, "licences": ["CC0-1.0"]},
    "figures": {
        "held_out_photos": 2,
        "psnr_db": 24.5,
        "ssim": 0.8,
        "gram_distance": 0.1,
        "shift_error": 0.02,
        "noise_gain": 1.5,
    },
    "limits": ["It is a test."],
}


SPEC = GeneratorSpec(
    name="negative",
    architecture="negative",
    parameters=0,
    size_multiple=4,
    receptive_field_px=0,
    global_context=False,
    trained_at_px=64,
    licence="CC0-1.0",
    pix2style_version="0.1.0",
    provenance=Provenance("1" * 64, "watercolor", "2" * 64, ("3" * 64,), "4" * 64, 5, 6),
)


def negative_graph() -> onnx.ModelProto:
    """The graph of a filter that turns every byte into its negative; it needs no torch and takes no time."""
    shape = ["batch", "height", "width", 3]
    ends = [helper.make_tensor_value_info(name, TensorProto.UINT8, shape) for name in (INPUT_NAME, OUTPUT_NAME)]
    node = helper.make_node("BitwiseNot", [INPUT_NAME], [OUTPUT_NAME])
    graph = helper.make_graph([node], "filter", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.fixture
def write_filter() -> Callable[..., Path]:
    """`write_filter(path, name=...)` writes a filter that makes negatives; keywords are fields of its description."""

    def write(path: Path, **fields: Any) -> Path:
        graph = negative_graph()
        write_metadata(graph, dataclasses.replace(SPEC, **fields))
        path.write_bytes(serialize_with_digest(graph))
        return path

    return write


@pytest.fixture
def small_gallery(write_filter: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a gallery with the filters negative and second, in an empty working folder."""
    folder = tmp_path / "gallery"
    folder.mkdir()
    for name in ("negative", "second"):
        write_filter(folder / f"{name}.onnx", name=name)
        (folder / f"{name}.json").write_text(json.dumps(CARD))
    monkeypatch.setattr(gallery_folder, "FOLDER", folder)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return folder


@pytest.fixture
def write_card(small_gallery: Path) -> Callable[..., Path]:
    """`write_card(key=value)` writes the card of the filter `second`; None leaves the key out."""

    def write(**changes: object) -> Path:
        path = small_gallery / "second.json"
        path.write_text(json.dumps({key: value for key, value in (CARD | changes).items() if value is not None}))
        return path

    return write
