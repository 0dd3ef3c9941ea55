"""W&B artifacts: the pair set is an input of a run and the model an output, and uploads never delay metrics."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from wandb_artifacts import ArtifactStore, Lineage, RefusedError, Version, b64_md5
from wandb_client import wandb_sync
from wandb_server import WandbServer

from pix2style.config import Config
from pix2style.runs.folder import CheckpointMeta, RunFolder
from pix2style.training.run.train import train
from pix2style.training.tracking import wandb_tracker
from pix2style.training.tracking.artifact_uploads import ArtifactUploads

pytestmark = pytest.mark.usefixtures("own_wandb")
ONLINE = "tracking.wandb=online"


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch, own_wandb: None) -> None:
    monkeypatch.setattr(wandb_tracker, "_UPLOAD_TIMEOUT_S", 1)
    monkeypatch.setattr(wandb_tracker, "_FINISH_TIMEOUT_S", 15)
    # W&B would otherwise send the metrics of so short a run only at its end.
    monkeypatch.setenv("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "1")


def test_the_pair_set_is_an_input_and_the_model_an_output(
    tmp_path: Path, pair_set: Path, wandb_server: WandbServer, experiment: Callable[..., Config]
) -> None:
    train(experiment(ONLINE), tmp_path / "run")
    meta = _meta(tmp_path / "run")
    pairs, model = _only(wandb_server, "pair-set"), _only(wandb_server, "model")
    assert wandb_server.artifacts.lineage(str(meta.wandb_id)) == Lineage(
        frozenset({pairs.name}), frozenset({model.name})
    )
    # No maker: the pair set is no output of the run.
    assert (pairs.name, pairs.maker) == (f"pairs-{meta.pairs_sha256[:12]}:v0", None)
    assert pairs.metadata["sha256"] == meta.pairs_sha256
    assert pairs.files.keys() == {"manifest.json", "pairs.json"}  # no images
    assert pairs.files["manifest.json"] == (pair_set / "manifest.json").read_bytes()
    assert json.loads(pairs.files["pairs.json"]) == pairs.metadata
    assert model.name == f"model-{meta.wandb_id}:v0"
    _check_model(model, tmp_path / "run", {"best", "latest", "step-0000012", "v0"})
    assert _steps(wandb_server) == list(range(1, 13))


def test_a_second_run_on_the_same_pairs_uses_the_same_version(
    tmp_path: Path, wandb_server: WandbServer, experiment: Callable[..., Config]
) -> None:
    for name in ("first", "second"):
        train(experiment(ONLINE, "train.images=8", f"seed={len(name)}"), tmp_path / name)
    runs = {str(_meta(tmp_path / name).wandb_id) for name in ("first", "second")}
    assert len(runs) == 2
    assert _only(wandb_server, "pair-set").users == runs
    assert {model.maker for model in wandb_server.artifacts.of_type("model")} == runs


def test_a_resumed_run_has_one_pair_set_and_a_newer_model(
    tmp_path: Path, wandb_server: WandbServer, experiment: Callable[..., Config]
) -> None:
    train(experiment(ONLINE, "train.images=8"), tmp_path / "run")
    train(experiment(ONLINE, "train.images=16"), tmp_path / "run", resume=True)
    [run] = wandb_server.runs
    assert _only(wandb_server, "pair-set").users == {run}
    older, newer = wandb_server.artifacts.of_type("model")
    assert (
        wandb_server.artifacts.lineage(run).made == {older.name, newer.name} == {f"model-{run}:v0", f"model-{run}:v1"}
    )
    assert older.aliases == {"step-0000002", "v0"}
    _check_model(newer, tmp_path / "run", {"best", "latest", "step-0000004", "v1"})


def test_refused_artifacts_give_a_warning_and_are_uploaded_after_resuming(
    tmp_path: Path, wandb_server: WandbServer, experiment: Callable[..., Config], capfd: pytest.CaptureFixture[str]
) -> None:
    wandb_server.refuses = {"CreateArtifact"}
    assert train(experiment(ONLINE), tmp_path / "run").step == 12
    stderr = capfd.readouterr().err
    for what in ("pair set", "model"):
        assert stderr.count(f"W&B: the {what} could not be linked (ArtifactSaver.createArtifact") == 1
    assert wandb_server.artifacts.versions == []
    assert _steps(wandb_server) == list(range(1, 13))
    wandb_server.refuses = set()
    train(experiment(ONLINE), tmp_path / "run", resume=True)
    [run] = wandb_server.runs
    assert (_only(wandb_server, "pair-set").users, _only(wandb_server, "model").maker) == ({run}, run)
    assert "could not be linked" not in capfd.readouterr().err


@pytest.mark.usefixtures("short_timeouts")
@pytest.mark.parametrize("operation", ["ArtifactType", "CommitArtifact"])
def test_a_server_that_ignores_artifacts_delays_neither_run_nor_metrics(
    operation: str,
    tmp_path: Path,
    wandb_server: WandbServer,
    experiment: Callable[..., Config],
    capfd: pytest.CaptureFixture[str],
) -> None:
    wandb_server.ignores = {operation}
    assert train(experiment(ONLINE), tmp_path / "run").step == 12
    stderr = capfd.readouterr().err
    assert "the program no longer waits for it" not in stderr  # the tracker closed within its own time limits
    assert (
        stderr.count("W&B: the pair set could not be linked") == stderr.count("W&B: the model could not be linked") == 1
    )
    assert not [version for version in wandb_server.artifacts.versions if version.state == "COMMITTED"]
    assert _steps(wandb_server) == list(range(1, 13))


def test_late_uploads_finish_while_the_run_ends(
    tmp_path: Path,
    wandb_server: WandbServer,
    experiment: Callable[..., Config],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    wait = ArtifactUploads.wait

    def wait_too_short(uploads: ArtifactUploads, timeout_s: float) -> None:
        wait(uploads, min(timeout_s, 1.0))
        threading.Timer(1.0, wandb_server.answer_again).start()

    monkeypatch.setattr(ArtifactUploads, "wait", wait_too_short)
    wandb_server.ignores = {"CommitArtifact"}
    train(experiment(ONLINE), tmp_path / "run")
    [run] = wandb_server.runs
    assert (_only(wandb_server, "pair-set").users, _only(wandb_server, "model").maker) == ({run}, run)
    assert "could not be linked" not in capfd.readouterr().err


def test_synced_offline_runs_have_their_inputs_and_outputs(
    tmp_path: Path, pair_set: Path, wandb_server: WandbServer, experiment: Callable[..., Config]
) -> None:
    for name in ("first", "second"):
        train(experiment("tracking.wandb=offline", "train.images=8"), tmp_path / name)
    assert wandb_server.requests == []
    wandb_sync("-n", "1", *(tmp_path / name / "wandb" for name in ("first", "second")))
    pairs = _only(wandb_server, "pair-set")
    assert pairs.files["manifest.json"] == (pair_set / "manifest.json").read_bytes()
    assert pairs.maker is None
    models = {model.maker: model for model in wandb_server.artifacts.of_type("model")}
    for name in ("first", "second"):
        run = str(_meta(tmp_path / name).wandb_id)
        assert wandb_server.artifacts.lineage(run) == Lineage(frozenset({pairs.name}), frozenset({f"model-{run}:v0"}))
        _check_model(models[run], tmp_path / name, {"best", "latest", "step-0000002", "v0"})


def test_the_stand_in_refuses_to_commit_what_was_not_uploaded() -> None:
    store = ArtifactStore("http://127.0.0.1", lambda _: True)
    new = {"runName": None, "artifactCollectionName": "x", "artifactTypeName": "t", "digest": "d", "clientID": "c"}
    new |= {"digestAlgorithm": "MANIFEST_MD5", "enableDigestDeduplication": True, "aliases": [], "metadata": None}
    made = store.answer("CreateArtifact", {"input": new})["createArtifact"]["artifact"]
    assert made["state"] == "PENDING"
    manifest = json.dumps({"contents": {"a.txt": {"digest": b64_md5(b"a")}}}).encode()
    wanted = {"artifactID": made["id"], "name": "wandb_manifest.json", "digest": b64_md5(manifest)}
    store.answer("CreateArtifactManifest", {**wanted, "manifestType": "FULL", "includeUpload": True})
    with pytest.raises(RefusedError, match="the manifest is missing"):
        store.answer("CommitArtifact", {"artifactID": made["id"]})
    path = f"/artifacts/manifest/{quote(made['id'], safe='')}/wandb_manifest.json"
    assert not store.put(path, b"other bytes", {"content-md5": b64_md5(manifest)})
    assert store.put(path, manifest, {"content-md5": b64_md5(manifest)})
    with pytest.raises(RefusedError, match="files are missing"):
        store.answer("CommitArtifact", {"artifactID": made["id"]})
    assert store.versions[0].state == "PENDING"


def _meta(run: Path) -> CheckpointMeta:
    return CheckpointMeta.read(RunFolder(run).checkpoint() / "meta.json")


def _only(server: WandbServer, kind: str) -> Version:
    [version] = server.artifacts.of_type(kind)
    assert version.state == "COMMITTED"
    return version


def _check_model(model: Version, run: Path, aliases: set[str]) -> None:
    """Check that its files equal those of the newest checkpoint, which is the best one here."""
    folder = RunFolder(run).checkpoint()
    paths = folder / "generator.ema.safetensors", folder / "meta.json", run / "config.json"
    assert model.files == {path.name: path.read_bytes() for path in paths}
    assert model.aliases == aliases
    assert model.metadata["step"] == _meta(run).step


def _steps(server: WandbServer) -> list[int]:
    return [line["trainer/step"] for line in server.history() if "generator/total" in line]
