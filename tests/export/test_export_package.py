"""A package of a run and its pair set: filter files, weights that load again, a model card; and the photos used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from pix2style.cli import main
from pix2style.config import Config, parse_config
from pix2style.errors import ArtifactError, DataError
from pix2style.export import package
from pix2style.export.licence_ids import licence_header
from pix2style.export.package import export_package
from pix2style.export.photos import load_photos
from pix2style.export.run import open_run
from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.files import write_json
from pix2style.images import read_picture, to_batch
from pix2style.pairs.format.reader import PairReader
from pix2style.runs.folder import EMA_FILE, META_FILE, RUN_VERSION, CheckpointMeta
from pix2style.runs.networks import build_generator
from pix2style.runtime.onnx_stylizer import OnnxStylizer


def config_for(pairs: Path | None, **model: Any) -> Config:
    lite = {"generator": "lite", "lite": {"channels": 8, "blocks": 1}}
    return parse_config({"name": "small", "model": {**lite, **model}, "pairs": {"path": str(pairs) if pairs else None}})


def make_run(path: Path, config: Config) -> Path:
    write_json(path / "config.json", {"schema_version": RUN_VERSION, "config": config.model_dump(mode="json")})
    folder = path / "checkpoints" / "step-0000010"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    generator = build_generator(config.model)
    with torch.no_grad():
        for weights in generator.parameters():
            weights.add_(torch.randn_like(weights), alpha=0.02)
    save_file(dict(generator.state_dict()), folder / EMA_FILE)
    write_json(folder / META_FILE, CheckpointMeta(10, 40, "1" * 64, "sepia", "2" * 64, ("3" * 64,)).to_json())
    (path / "checkpoints" / "latest").write_text("step-0000010\n")
    return path


def test_package(pair_set: Path, tmp_path: Path) -> None:
    source = open_run(make_run(tmp_path / "run", config_for(pair_set)))
    out = tmp_path / "package"
    reports = export_package(source, out)
    files = ["small.onnx", "small.fp16.onnx", "small.int8.onnx"]
    assert [report.path.name for report in reports] == files
    beside = ["README.md", "before-after.jpg", "config.json", "model.safetensors"]
    assert sorted(path.name for path in out.iterdir()) == sorted([*files, *beside])
    card = (out / "README.md").read_text()
    assert card.startswith("---\nlicense: unknown\nlibrary_name: pix2style\n")
    for text in (*files, "sepia", "1" * 64, "3" * 64, "before-after.jpg", "cv2.dnn", "onnxruntime-web", "LiteHub"):
        assert text in card
    photo = load_photos(source.config).held_out[0].photo
    picture = read_picture(out / "before-after.jpg").rgb
    assert picture.shape == (photo.shape[0], 2 * photo.shape[1] + 8, 3)
    with pytest.raises(ArtifactError, match="is not empty: name a new folder"):
        export_package(source, out)
    _check_weights_load(out)


def test_a_package_for_opencv(
    pair_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", config_for(pair_set))
    command = ["pix2style", "export", str(run), "--package", str(tmp_path / "package"), "--for", "opencv", "--json"]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    int8 = json.loads(capsys.readouterr().out)[-1]
    assert int8["precision"] == "int8"
    assert int8["opencv"].startswith("checked in OpenCV")


def _check_weights_load(folder: Path) -> None:
    """The network that the hub client loads gives the same output as the filter file."""
    pytest.importorskip("huggingface_hub", reason="extra hub")
    from pix2style.hub import LiteHub

    network = LiteHub.from_pretrained(folder).eval()
    photo = synthetic_photo(40, 56)
    with torch.no_grad():
        output = network(torch.from_numpy(to_batch([photo])))[0].permute(1, 2, 0).numpy() * 127.5 + 127.5
    assert np.abs(OnnxStylizer(folder / "small.onnx")(photo) - np.rint(output)).max() <= 1


def test_weights_are_folded(pair_set: Path, tmp_path: Path) -> None:
    source = open_run(make_run(tmp_path / "run", config_for(pair_set)))
    export_package(source, tmp_path / "package")
    tensors = load_file(tmp_path / "package" / "model.safetensors")
    expected = source.generator.folded().state_dict()
    assert set(tensors) == set(expected)
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)
    assert json.loads((tmp_path / "package" / "config.json").read_text())["channels"] == 8


def test_an_interrupted_package_leaves_no_folder(
    pair_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does what a killed process left behind keep the same command from working."""
    source, out = open_run(make_run(tmp_path / "run", config_for(pair_set))), tmp_path / "package"

    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(package, "card_text", interrupt)
        with pytest.raises(KeyboardInterrupt):
            export_package(source, out)
    assert not out.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    unfinished = tmp_path / ".package.unfinished"  # as after kill -9
    unfinished.mkdir()
    (unfinished / "small.onnx").write_bytes(b"half a file")
    out.mkdir()  # an empty folder may be there
    reports = export_package(source, out)
    assert all(report.path.parent == out and report.path.is_file() for report in reports)
    assert not unfinished.exists()


@pytest.mark.parametrize(
    ("licence", "lines"),
    [
        ("CC BY-NC 4.0", ["license: cc-by-nc-4.0"]),
        ("cc-by-4.0", ["license: cc-by-4.0"]),
        ("Apache License 2.0", ["license: apache-2.0"]),
        ("MIT License", ["license: mit"]),
        ("GPL-3.0-or-later", ["license: gpl-3.0"]),
        ("CC0", ["license: cc0-1.0"]),
        ("BSD 3-Clause", ["license: bsd-3-clause"]),
        ("", ["license: unknown"]),
        ("unspecified", ["license: unknown"]),
        ("My own: free\nfor all # yes", ["license: other", 'license_name: "my-own-free-for-all-yes"']),
        ("no", ["license: other", 'license_name: "no"']),
        ("日本", ["license: other", 'license_name: "custom"']),
    ],
)
def test_the_licence_in_the_card_is_one_that_hubs_accept(licence: str, lines: list[str]) -> None:
    assert licence_header(licence) == lines
    header = yaml.safe_load("\n".join(lines))
    assert all(isinstance(value, str) for value in header.values())


def test_calibration_and_held_out_photos_do_not_overlap(pair_set: Path) -> None:
    photos, reader = load_photos(config_for(pair_set)), PairReader(pair_set)
    test = [reader.read(entry) for entry in reader.entries("test")]
    assert len(photos.held_out) == len(test)
    for example, (photo, target) in zip(photos.held_out, test, strict=True):
        assert np.array_equal(example.photo, photo)
        assert example.target is not None
        assert np.array_equal(example.target, target)
    calibration = {photo.tobytes() for photo in photos.calibration}
    assert not calibration & {example.photo.tobytes() for example in photos.held_out}
    assert load_photos(config_for(pair_set), mixed=True).held_out[0].target is None


def test_missing_pair_set(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", config_for(tmp_path / "moved"))
    source = open_run(run)
    with pytest.raises(DataError, match=r"moved: the photos .* were not found: name the pair set with --pairs"):
        source.export(tmp_path / "f.onnx", "int8", None)
    assert source.export(tmp_path / "f.onnx", "fp32", None).quality == {}


def test_other_generators_cannot_be_packaged(pair_set: Path, tmp_path: Path) -> None:
    resnet = config_for(pair_set, generator="resnet", resnet={"channels": 4, "blocks": 1})
    with pytest.raises(ArtifactError, match="a package can only hold the lightweight generator, not resnet"):
        export_package(open_run(make_run(tmp_path / "run", resnet)), tmp_path / "package")


def test_command_writes_all_precisions(
    pair_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run, out = make_run(tmp_path / "run", config_for(None)), tmp_path / "f.onnx"
    arguments = ["export", str(run), "-o", str(out), "--precision", "all", "--pairs", str(pair_set), "--json"]
    monkeypatch.setattr("sys.argv", ["pix2style", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    reports = json.loads(capfd.readouterr().out)
    assert [report["precision"] for report in reports] == ["fp32", "fp16", "int8"]
    assert [Path(report["path"]).name for report in reports] == ["f.onnx", "f.fp16.onnx", "f.int8.onnx"]
    assert OnnxStylizer(tmp_path / "f.int8.onnx").spec.quality["photos"] > 0
