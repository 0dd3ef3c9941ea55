"""A filter is run only if it stylizes the patch in its metadata as it did where it was exported."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pix2style import load_stylizer
from pix2style.cli import main
from pix2style.errors import ArtifactError
from pix2style.export.metadata import serialize_with_digest
from pix2style.images import Image8
from pix2style.runtime import prove
from pix2style.runtime.content_digest import DIGEST_KEY
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.proof import PROOF_KEY, Proof, make_proof, proof_patch

from plain_filters import int8_graph, negative_graph, write_filter  # isort: skip


def changed(file: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    """Change a filter file, and let its digest be that of the new content."""
    model = onnx.load(file)
    change(model)
    model.metadata_props.remove(next(entry for entry in model.metadata_props if entry.key == DIGEST_KEY))
    file.write_bytes(serialize_with_digest(model))
    return file


def set_proof(text: str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        next(entry for entry in model.metadata_props if entry.key == PROOF_KEY).value = text

    return change


def wrong_8_bits(monkeypatch: pytest.MonkeyPatch, *, wrong_floats: bool = False) -> None:
    """Let this machine compute as those do whose 8-bit convolutions are not exact."""
    original = prove._holds

    def holds(session, inputs, proof) -> bool:
        is_exact = session._in_floats or ".fp16." in session._path.name
        return not wrong_floats and is_exact and original(session, inputs, proof)

    monkeypatch.setattr(prove, "_holds", holds)


def test_the_patch_is_the_same_everywhere_and_like_a_photo() -> None:
    patch = proof_patch()
    assert hashlib.sha256(patch.tobytes()).hexdigest().startswith("79fe7087d8acfef5")
    assert len(np.unique(patch.reshape(-1, 3), axis=0)) > 500


def test_what_differs_by_rounding_holds_and_what_is_wrong_does_not(photos: Callable[..., list[Image8]]) -> None:
    proof = make_proof(lambda patch: 255 - patch)
    right, rng = proof.stylized, np.random.default_rng(0)
    rounded = np.clip(right.astype(int) + rng.integers(-1, 2, right.shape), 0, 255).astype(np.uint8)
    assert proof.holds(right)
    assert proof.holds(rounded)
    row = right.copy()
    row[5] = 255 - row[5]  # 1 of 32 rows
    darker = np.clip(right.astype(int) - 3, 0, 255).astype(np.uint8)
    assert not any(proof.holds(wrong) for wrong in (row, darker, proof.patch, right[:, :, ::-1], right[1:]))
    assert np.array_equal(Proof.from_text(proof.to_text()).stylized, right)


@pytest.mark.parametrize(("graph", "precision"), [(negative_graph, "fp32"), (int8_graph, "int8")])
def test_sound_filters_pass(graph: Callable[[], onnx.ModelProto], precision: str, tmp_path: Path) -> None:
    stylizer = OnnxStylizer(write_filter(tmp_path / "a.onnx", graph(), precision=precision))
    assert (stylizer.digest, stylizer.proof) == ("matches", "passed")
    proof = Proof.from_text(_proof_text(tmp_path / "a.onnx"))
    assert np.abs(stylizer(proof_patch()).astype(int) - proof.stylized).max() <= 1


def _proof_text(file: Path) -> str:
    return next(entry.value for entry in onnx.load(file).metadata_props if entry.key == PROOF_KEY)


def test_files_without_a_proof_load_as_before(tmp_path: Path) -> None:
    assert OnnxStylizer(write_filter(tmp_path / "old.onnx", has_proof=False)).proof == "absent"
    later = changed(write_filter(tmp_path / "later.onnx"), set_proof(json.dumps({"version": 2, "curve": []})))
    assert OnnxStylizer(later).proof == "absent"


def test_files_of_a_fixed_size_cannot_be_compared(tmp_path: Path) -> None:
    proof = _proof_text(write_filter(tmp_path / "any.onnx"))
    fixed = negative_graph((48, 64))
    fixed.metadata_props.add(key=PROOF_KEY, value=proof)
    assert OnnxStylizer(write_filter(tmp_path / "fixed.onnx", fixed, has_proof=False)).proof == "not possible"


def _other_weights(model: onnx.ModelProto) -> None:
    weights = next(tensor for tensor in model.graph.initializer if tensor.name == "weights")
    weights.CopyFrom(numpy_helper.from_array(np.full((3, 1, 3, 3), 8, np.int8), "weights"))


def _other_node(model: onnx.ModelProto) -> None:
    model.graph.node[5].attribute.append(onnx.helper.make_attribute("dilations", [2, 2]))
    model.graph.node[5].attribute[1].ints[:] = [2, 2, 2, 2]


@pytest.mark.parametrize("change", [_other_weights, _other_node])
@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_filters_that_compute_something_else_are_refused(
    change: Callable[[onnx.ModelProto], None], precision: str, tmp_path: Path
) -> None:
    file = changed(write_filter(tmp_path / "a.onnx", int8_graph(), precision=precision), change)
    with pytest.raises(ArtifactError, match=r"a\.onnx: is refused, because with ONNX Runtime .* update onnxruntime"):
        OnnxStylizer(file)


@pytest.mark.parametrize("text", ["", "{}", '{"version": 1, "patch": "AA", "stylized": "AA"}', "[" * 100_000])
def test_damaged_proofs(text: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"a\.onnx: its proof is damaged: export it again"):
        OnnxStylizer(changed(write_filter(tmp_path / "a.onnx"), set_proof(text)))


def test_inexact_8_bits_are_replaced_by_floats(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    photos: Callable[..., list[Image8]],
) -> None:
    file = write_filter(tmp_path / "a.onnx", int8_graph(), precision="int8")
    photo = proof_patch()[::2]
    right = load_stylizer(file)(photo)
    wrong_8_bits(monkeypatch)
    stylizer = load_stylizer(file)
    assert isinstance(stylizer, OnnxStylizer)
    assert (stylizer.proof, stylizer.copy_for_clips()._session._in_floats) == ("in floats", True)
    assert "a.onnx: runs in float32, because 8-bit convolutions are not exact" in capsys.readouterr().err
    assert np.abs(stylizer(photo).astype(int) - right).max() <= 1  # halfway between two levels
    assert np.array_equal(pickle.loads(pickle.dumps(stylizer))(photo), stylizer(photo))
    wrong_8_bits(monkeypatch, wrong_floats=True)
    with pytest.raises(ArtifactError, match="is refused"):
        load_stylizer(file)


def test_inexact_8_bits_are_replaced_by_the_float16_file_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_filter(tmp_path / "a.onnx", int8_graph(), precision="int8")
    float16 = write_filter(tmp_path / "a.fp16.onnx", negative_graph(), precision="fp16")
    assert load_stylizer(file).identity.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    wrong_8_bits(monkeypatch)
    assert load_stylizer(file).identity.sha256 == hashlib.sha256(float16.read_bytes()).hexdigest()
    assert capsys.readouterr().err == (
        f"note: {file}: 8-bit convolutions are not exact on this processor: its float16 version a.fp16.onnx is used\n"
    )


def test_a_refused_8_bit_filter_is_replaced_by_the_float16_file_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_filter(tmp_path / "a.onnx", int8_graph(), precision="int8")
    float32 = write_filter(tmp_path / "b.onnx", negative_graph())
    for path in (file, float32):
        write_filter(path.with_suffix(".fp16.onnx"), negative_graph(), precision="fp16")
    original = prove._holds

    def holds(session, inputs, proof) -> bool:  # as normalised filters, which differ in float32, too
        return ".fp16." in session._path.name and original(session, inputs, proof)

    monkeypatch.setattr(prove, "_holds", holds)
    assert load_stylizer(file).spec.precision == "fp16"
    assert capsys.readouterr().err == (
        f"note: {file}: 8-bit convolutions are not exact on this processor: its float16 version a.fp16.onnx is used\n"
    )
    with pytest.raises(ArtifactError, match=r"b\.onnx: is refused"):
        load_stylizer(float32)
    file.with_suffix(".fp16.onnx").unlink()
    with pytest.raises(ArtifactError, match=r"a\.onnx: is refused"):
        load_stylizer(file)


def test_inspect_says_whether_there_is_a_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = write_filter(tmp_path / "a.onnx", int8_graph(), precision="int8")
    for begin in (lambda: None, lambda: wrong_8_bits(monkeypatch)):
        begin()
        monkeypatch.setattr("sys.argv", ["pix2style", "inspect", str(file)])
        with pytest.raises(SystemExit):
            main()
    printed = capfd.readouterr().out
    assert "proof:       passed: a patch is stylized here" in printed
    assert "proof:       passed in float32 only" in printed
