"""Weights that were damaged or deleted are never used in silence, whoever reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pix2style import load_stylizer
from pix2style.config import parse_config
from pix2style.errors import ArtifactError
from pix2style.export.package import write_weights
from pix2style.export.run import export_run
from pix2style.files import sha256_file, write_json
from pix2style.nets.autoencoder import Autoencoder, load_autoencoder, save_autoencoder
from pix2style.nets.base import BASE_FILE, load_base
from pix2style.nets.lite import Lite
from pix2style.runs.folder import EMA_FILE, GENERATOR_FILE, META_FILE, RUN_VERSION, CheckpointMeta, RunFolder
from pix2style.runs.generator import load_generator
from pix2style.runs.networks import build_generator
from pix2style.training.objective.distillation import build_distiller
from pix2style.training.run.checkpoints.pretrained import load_pretrained_weights
from pix2style.training.step.build import build_state

LITE = {"generator": "lite", "lite": {"channels": 8, "blocks": 1}}
Reader = Callable[[Path], object]


def make_run(path: Path, *files: str, digests: bool = True) -> Path:
    """A run folder with one checkpoint of the named files, whose weights are all different."""
    config = parse_config({"name": "small", "model": LITE})
    write_json(path / "config.json", {"schema_version": RUN_VERSION, "config": config.model_dump(mode="json")})
    folder = path / "checkpoints" / "step-0000010"
    folder.mkdir(parents=True)
    for seed, file in enumerate(files):
        torch.manual_seed(seed)
        save_file(dict(build_generator(config.model).state_dict()), folder / file)
    sha256 = {file: sha256_file(folder / file) for file in files} if digests else {}
    meta = CheckpointMeta(10, 40, "1" * 64, "sepia", "2" * 64, ("3" * 64,), files_sha256=sha256)
    write_json(folder / META_FILE, meta.to_json())
    (path / "checkpoints" / "latest").write_text("step-0000010\n")
    return path


def flip_bytes(file: Path, count: int = 5) -> None:
    """Flip bits in the middle of the weights, so that the file can still be read."""
    data = bytearray(file.read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + count):
        data[at] ^= 1
    file.write_bytes(data)


def start_from(run: Path) -> None:
    load_pretrained_weights(build_state(parse_config({"model": LITE, "train": {"device": "cpu"}})), run)


def distil(run: Path) -> None:
    config = parse_config({"model": LITE, "distill": {"teacher_run": str(run), "features": 0}})
    build_distiller(config, build_generator(config.model))


READERS: dict[str, Reader] = {
    "infer and eval": load_stylizer,
    "export": export_run,
    "distill": distil,
    "start_from": start_from,
}


@pytest.mark.parametrize("name", READERS)
def test_flipped_bytes_in_the_averaged_weights_are_refused(tmp_path: Path, name: str) -> None:
    run = make_run(tmp_path / "run", GENERATOR_FILE, EMA_FILE)
    READERS[name](run)
    flip_bytes(run / "checkpoints" / "step-0000010" / EMA_FILE)
    with pytest.raises(ArtifactError, match=r"generator\.ema\.safetensors: is damaged: its digest differs"):
        READERS[name](run)


@pytest.mark.parametrize("name", READERS)
def test_deleted_averaged_weights_do_not_become_the_raw_ones(tmp_path: Path, name: str) -> None:
    run = make_run(tmp_path / "run", GENERATOR_FILE, EMA_FILE)
    (run / "checkpoints" / "step-0000010" / EMA_FILE).unlink()
    with pytest.raises(ArtifactError, match=r"generator\.ema\.safetensors: (the averaged .* missing|cannot be read)"):
        READERS[name](run)


def test_damaged_raw_weights_are_refused_where_they_are_used(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", GENERATOR_FILE, EMA_FILE)
    flip_bytes(run / "checkpoints" / "step-0000010" / GENERATOR_FILE)
    load_generator(RunFolder(run))
    with pytest.raises(ArtifactError, match=r"generator\.safetensors: is damaged"):
        load_generator(RunFolder(run), weights="raw")


def test_a_run_that_averages_no_weights_gives_its_raw_ones(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", GENERATOR_FILE)
    (averaged, _), (raw, _) = load_generator(RunFolder(run)), load_generator(RunFolder(run), weights="raw")
    assert all(map(torch.equal, averaged.parameters(), raw.parameters()))


def test_checkpoints_without_digests_load_if_their_averaged_weights_are_there(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", GENERATOR_FILE, EMA_FILE, digests=False)
    load_generator(RunFolder(run))
    (run / "checkpoints" / "step-0000010" / EMA_FILE).unlink()
    with pytest.raises(ArtifactError, match="averaged weights of this checkpoint are missing"):
        load_generator(RunFolder(run))


def test_a_pointer_that_is_no_text_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", EMA_FILE)
    (run / "checkpoints" / "latest").write_bytes(b"\xff\xfe\0")
    with pytest.raises(ArtifactError, match="has no checkpoint 'latest'"):
        load_generator(RunFolder(run))


def test_damaged_features_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "features.safetensors"
    save_autoencoder(file, Autoencoder((4, 4, 4, 4)))
    load_autoencoder(["enc1"], file)
    flip_bytes(file)
    with pytest.raises(ArtifactError, match=r"features\.safetensors: is damaged: its weights differ"):
        load_autoencoder(["enc1"], file)


def test_damaged_base_weights_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "base.safetensors"
    file.write_bytes(BASE_FILE.read_bytes())
    load_base(file)
    flip_bytes(file)
    with pytest.raises(ArtifactError, match=r"base\.safetensors: is damaged: its weights differ .* reinstall"):
        load_base(file)


def test_damaged_weights_of_a_package_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="extra hub")
    from pix2style.hub import LiteHub

    sizes = {"channels": 8, "blocks": 1, "scale": 4, "styles": 1}
    write_weights(Lite(**sizes), sizes, tmp_path)
    network = LiteHub.from_pretrained(tmp_path)
    network.save_pretrained(tmp_path / "mine")
    assert "weights_sha256" not in json.loads((tmp_path / "mine" / "config.json").read_text())
    LiteHub.from_pretrained(tmp_path / "mine")
    flip_bytes(tmp_path / "model.safetensors")
    with pytest.raises(ArtifactError, match=r"model\.safetensors: is damaged"):
        LiteHub.from_pretrained(tmp_path)
