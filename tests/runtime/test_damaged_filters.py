"""Filter files that were damaged, changed by other programs, or written by a stranger to do harm."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pix2style import load_stylizer
from pix2style.errors import ArtifactError, DataError
from pix2style.images import Image8
from pix2style.runtime.content_digest import DIGEST_KEY, check_content, content_digest
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.spec import SPEC_KEY, SPEC_VERSION

Photos = Callable[..., list[Image8]]
LiteFile = Callable[..., Path]
RANDOM = random.Random(19)


def spec_values(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": "x",
        "architecture": "lite",
        "parameters": 1,
        "size_multiple": 4,
        "receptive_field_px": 8,
        "global_context": False,
        "trained_at_px": 64,
        "licence": "",
        "pix2style_version": "0.1.0",
        "provenance": {
            "pairs_sha256": "1",
            "teacher": "t",
            "teacher_sha256": "2",
            "style_sha256": [],
            "run_config_sha256": "3",
            "step": 1,
            "images_seen": 1,
        },
        "schema_version": SPEC_VERSION,
    }
    return {**values, **changes}


def write_filter(path: Path, nodes: list[onnx.NodeProto], spec: str | None = None, **inputs: Any) -> Path:
    """A filter file of these nodes, from "photo" to "stylized", without a digest."""
    size = ["b", "h", "w", 3]
    graph = helper.make_graph(
        nodes,
        "filter",
        [
            helper.make_tensor_value_info("photo", inputs.get("kind", TensorProto.UINT8), inputs.get("size", size)),
            *inputs.get("others", []),
        ],
        [helper.make_tensor_value_info("stylized", inputs.get("out", TensorProto.UINT8), inputs.get("out_size", size))],
        inputs.get("initializers", []),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model.metadata_props.add(key=SPEC_KEY, value=json.dumps(spec_values()) if spec is None else spec)
    path.write_bytes(model.SerializeToString())
    return path


IDENTITY = [helper.make_node("Identity", ["photo"], ["stylized"])]


def changed(source: Path, out: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    model = onnx.load(source)
    change(model)
    onnx.save(model, out)
    return out


# Damage


def test_exported_files_hold_the_digest_of_their_content(red_filter: Path, lite_file: LiteFile) -> None:
    for file in (red_filter, lite_file()):
        [entry] = [entry for entry in onnx.load(file).metadata_props if entry.key == DIGEST_KEY]
        assert entry.value == content_digest(file.read_bytes())
        assert OnnxStylizer(file).digest == "matches"


def test_no_flipped_bit_changes_a_picture_in_silence(lite_file: LiteFile, tmp_path: Path, photos: Photos) -> None:
    """Bits anywhere in the file, also in names, lengths and the digest itself."""
    whole, photo, file = lite_file().read_bytes(), photos(1)[0], tmp_path / "x.onnx"
    expected = OnnxStylizer(lite_file())(photo)
    refused, places = 0, [*RANDOM.sample(range(len(whole)), 60), *range(8), *range(len(whole) - 140, len(whole), 4)]
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << RANDOM.randrange(8)
        file.write_bytes(data)
        try:
            stylizer = OnnxStylizer(file)
        except ArtifactError:
            refused += 1
            continue
        assert np.array_equal(stylizer(photo), expected), place
    assert refused >= 0.8 * len(places)


@pytest.mark.parametrize("how", ["swapped", "zeros", "cut off", "cut in the middle"])
def test_other_damage(lite_file: LiteFile, tmp_path: Path, how: str) -> None:
    data = bytearray(lite_file().read_bytes())
    middle = len(data) // 2
    if how == "swapped":
        data[middle : middle + 400], data[middle + 400 : middle + 800] = (
            data[middle + 400 : middle + 800],
            data[middle : middle + 400],
        )
    elif how == "zeros":
        data[middle : middle + 64] = bytes(64)
    elif how == "cut off":
        del data[-len(data) // 3 :]
    else:
        del data[middle : middle + 64]
    file = tmp_path / "x.onnx"
    file.write_bytes(data)
    with pytest.raises(ArtifactError, match=r"x\.onnx: .*(damaged)"):
        OnnxStylizer(file)


def test_a_damaged_description_is_found(red_filter: Path, tmp_path: Path) -> None:
    """A flipped digit of the description would cut tiles wrongly."""
    data = red_filter.read_bytes()
    assert b'"size_multiple": 4' in data
    file = tmp_path / "x.onnx"
    file.write_bytes(data.replace(b'"size_multiple": 4', b'"size_multiple": 5'))
    with pytest.raises(ArtifactError, match="is damaged, or was changed after its export: its content differs"):
        load_stylizer(file)


def test_files_without_a_digest_load(red_filter: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Those of older versions."""
    file = changed(red_filter, tmp_path / "old.onnx", lambda model: model.metadata_props.pop())
    stylizer = load_stylizer(file)
    assert isinstance(stylizer, OnnxStylizer)
    assert stylizer.digest == "absent"
    assert capfd.readouterr().err == ""


def test_files_that_a_program_has_written_anew_load_with_a_note(
    red_filter: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = changed(red_filter, tmp_path / "new.onnx", lambda model: model.metadata_props.add(key="mine", value="1"))
    stylizer = load_stylizer(file)
    assert isinstance(stylizer, OnnxStylizer)
    assert stylizer.digest == "changed"
    assert "new.onnx: another program has written the file anew since its export" in capfd.readouterr().err


def test_the_digest_costs_milliseconds() -> None:
    field = b"\x3a" + b"\x80\x80\x80\x01" + bytes(2**21)  # 2 MB in the field of the graph
    started = time.thread_time()  # of this thread alone: other programs may keep the machine busy
    assert check_content(field) == "absent"
    assert content_digest(field).endswith(f"of {len(field)} bytes")
    assert time.thread_time() - started < 0.5  # about 2 ms


@pytest.mark.parametrize(
    "data",
    [b"\xff" * 30, b"\x3a", b"\x3a\x05ab", b"\x39abc", b"\x3d", b"\x08", b"\x0b", b"\x3a" + b"\xff" * 9 + b"\x7f"],
)
def test_bytes_that_are_no_fields(data: bytes) -> None:
    assert check_content(data) == "absent"
    with pytest.raises(ValueError, match="byte"):
        content_digest(data)


# Programs that simplify ONNX files


def _without_optional_inputs(model: onnx.ModelProto) -> None:
    """What onnxslim and onnxsim do."""
    del model.graph.input[1:]


def _without_defaults(model: onnx.ModelProto) -> None:
    names = {value.name for value in model.graph.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in names]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _of_fixed_size(model: onnx.ModelProto) -> None:
    for value in (model.graph.input[0], model.graph.output[0]):
        for dim, size in zip(value.type.tensor_type.shape.dim, (1, 48, 64), strict=False):
            dim.dim_value = size


def test_without_optional_inputs_the_file_still_works(lite_file: LiteFile, tmp_path: Path, photos: Photos) -> None:
    file, photo = changed(lite_file(), tmp_path / "slim.onnx", _without_optional_inputs), photos(1)[0]
    slim, whole = OnnxStylizer(file), OnnxStylizer(lite_file())
    assert (slim.digest, slim.inputs.others, slim.can_tile) == ("changed", {}, False)
    assert np.array_equal(slim(photo), whole(photo))
    half = OnnxStylizer(file, strength=0.5)(photo)
    assert np.abs(half.astype(int) - OnnxStylizer(lite_file(), strength=0.5)(photo)).max() <= 1
    assert np.array_equal(OnnxStylizer(file, tile=16)(photo), whole(photo))  # whole, because tiles are not possible


def test_without_the_input_style_the_first_style_is_left(lite_file: LiteFile, tmp_path: Path, photos: Photos) -> None:
    original = changed(lite_file(3), tmp_path / "three.onnx", lambda m: _set(m, styles=["a", "b", "c"], glimpse_px=96))
    file, photo = changed(original, tmp_path / "slim.onnx", _without_optional_inputs), photos(1)[0]
    first = OnnxStylizer(original, style=0)(photo)
    for style in (None, "0"):
        assert np.abs(OnnxStylizer(file, style=style)(photo).astype(int) - first).max() <= 1
    with pytest.raises(ArtifactError, match=r"the input style was removed after the export.*only the first"):
        OnnxStylizer(file, style=1)


def test_without_defaults_the_inputs_get_them(lite_file: LiteFile, tmp_path: Path, photos: Photos) -> None:
    file, photo = changed(lite_file(3), tmp_path / "x.onnx", _without_defaults), photos(1)[0]
    assert np.array_equal(OnnxStylizer(file)(photo), OnnxStylizer(lite_file(3))(photo))
    assert np.array_equal(OnnxStylizer(file, style=2)(photo), OnnxStylizer(lite_file(3), style=2)(photo))


def test_photos_of_other_sizes_than_a_fixed_one_are_refused(
    lite_file: LiteFile, tmp_path: Path, photos: Photos
) -> None:
    stylize = OnnxStylizer(changed(lite_file(), tmp_path / "x.onnx", _of_fixed_size))
    assert not stylize.inputs.any_size
    stylize(photos(1, 48, 64)[0])
    with pytest.raises(DataError, match=r"a photo of 32x20 pixels does not fit the filter .*fixed to \[1, 48, 64, 3\]"):
        stylize(photos(1, 20, 32)[0])


def _set(model: onnx.ModelProto, **values: Any) -> None:
    [entry] = [entry for entry in model.metadata_props if entry.key == SPEC_KEY]
    entry.value = json.dumps({**json.loads(entry.value), **values})
    for entry in list(model.metadata_props):
        if entry.key == DIGEST_KEY:
            model.metadata_props.remove(entry)


# Files that a stranger wrote


@pytest.mark.parametrize(
    "changes",
    [
        {"size_multiple": 0},
        {"size_multiple": -4},
        {"size_multiple": "four"},
        {"size_multiple": 2.5},
        {"size_multiple": True},
        {"size_multiple": None},
        {"size_multiple": 10**9},
        {"receptive_field_px": -1},
        {"receptive_field_px": "8"},
        {"receptive_field_px": 10**30},
        {"glimpse_px": -96},
        {"parameters": [1]},
        {"trained_at_px": {}},
        {"global_context": "yes"},
        {"name": 7},
        {"licence": ["MIT"]},
        {"styles": "abc"},
        {"styles": [1, 2]},
        {"quality": {"psnr": "high"}},
        {"quality": {"psnr": 10**400}},
        {"quality": [1]},
        {"provenance": []},
        {"provenance": {"step\x1b[31m": 1, "style_sha256": []}},
        {"provenance": {**spec_values()["provenance"], "step": "x"}},
        {"provenance": {**spec_values()["provenance"], "style_sha256": "abc"}},
        {"schema_version": True},
        {"schema_version": [2]},
        {"schema_version": "\x1b[2J"},
    ],
    ids=lambda changes: next(iter(changes)) + "=" + repr(next(iter(changes.values())))[:12],
)
def test_impossible_descriptions_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    file = write_filter(tmp_path / "x.onnx", IDENTITY, json.dumps(spec_values(**changes)))
    with pytest.raises(ArtifactError, match=r"x\.onnx: (its description is damaged|has description version)") as caught:
        OnnxStylizer(file)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "null",
        "7",
        '"x"',
        "[]",
        "{}",
        "",
        "NaN",
        "9" * 10_000,
        '{"schema_version": NaN}',
    ],
)
def test_descriptions_that_are_something_else(tmp_path: Path, text: str) -> None:
    with pytest.raises(ArtifactError, match=r"x\.onnx: (its description is damaged|has description version)"):
        OnnxStylizer(write_filter(tmp_path / "x.onnx", IDENTITY, text))


def test_a_model_that_returns_another_size_is_refused(tmp_path: Path, photos: Photos) -> None:
    halved = [
        helper.make_node("Slice", ["photo", "from", "to", "axes", "steps"], ["stylized"]),
    ]
    numbers = {"from": [0, 0], "to": [10_000, 10_000], "axes": [1, 2], "steps": [2, 2]}
    constants = [numpy_helper.from_array(np.array(values, np.int64), name) for name, values in numbers.items()]
    file = write_filter(tmp_path / "half.onnx", halved, initializers=constants, out_size=["b", "h2", "w2", 3])
    for tile in (None, 16):
        with pytest.raises(ArtifactError, match=r"half\.onnx: turns photos of the shape .* into"):
            OnnxStylizer(file, tile=tile)(photos(1, 48, 64)[0])


def test_an_error_while_running_names_the_file(tmp_path: Path, photos: Photos) -> None:
    broken = [helper.make_node("Reshape", ["photo", "shape"], ["stylized"])]
    shape = [numpy_helper.from_array(np.array([1, 7, 7, 3], np.int64), "shape")]
    file = write_filter(tmp_path / "x.onnx", broken, initializers=shape)
    with pytest.raises(ArtifactError, match=r"x\.onnx: cannot be run on 64x48 pixels") as caught:
        OnnxStylizer(file)(photos(1)[0])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "inputs",
    [
        {"kind": TensorProto.FLOAT, "out": TensorProto.FLOAT},
        {"size": ["b", "h", "w"], "out_size": ["b", "h", "w"]},
        {"size": ["b", "h", "w", 4], "out_size": ["b", "h", "w", 4]},
        {"others": [helper.make_tensor_value_info("strength", TensorProto.UINT8, [1])]},
        {"others": [helper.make_tensor_value_info("style", TensorProto.FLOAT, ["n"])]},
        {"others": [helper.make_tensor_value_info("style", TensorProto.FLOAT, [0])]},
        {"others": [helper.make_tensor_value_info("style", TensorProto.FLOAT, [10**9])]},
        {"others": [helper.make_tensor_value_info("glimpse", TensorProto.UINT8, [1])]},
        {"others": [helper.make_tensor_value_info("another", TensorProto.UINT8, [1])]},
    ],
    ids=str,
)
def test_inputs_that_no_filter_has_are_refused(tmp_path: Path, inputs: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match=r"x\.onnx: .*changed after its export"):
        OnnxStylizer(write_filter(tmp_path / "x.onnx", IDENTITY, **inputs))


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = write_filter(tmp_path / "x.onnx", IDENTITY, json.dumps(spec_values(name="MARK")))
    file.write_bytes(file.read_bytes().replace(b"MARK", b"\xff\xfe\xfd\xfc"))
    with pytest.raises(ArtifactError, match=r"x\.onnx: "):
        OnnxStylizer(file)


def test_damage_without_a_digest_never_raises_anything_else(
    lite_file: LiteFile, tmp_path: Path, photos: Photos, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without a digest, so that ONNX Runtime sees the damage."""
    old = changed(lite_file(), tmp_path / "old.onnx", lambda model: model.metadata_props.pop())
    whole, photo, file = old.read_bytes(), photos(1, 24, 24)[0], tmp_path / "x.onnx"
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(RANDOM.randrange(1, 12)):
            data[RANDOM.randrange(len(data))] = RANDOM.randrange(256)
        file.write_bytes(data)
        with contextlib.suppress(ArtifactError, DataError):
            OnnxStylizer(file, threads=1)(photo)
    assert capfd.readouterr() == ("", "")
