"""A resumed run equals an uninterrupted one, bit for bit, wherever it was interrupted."""

from __future__ import annotations

import dataclasses
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from launch import command, environment, finish, popen
from matrix import PLACES, assert_same_end, checkpoints, copy_interrupted_at, metrics, run_matrix

from pix2style.config import Config, load_config, parse_config
from pix2style.config.pairs import PairsConfig
from pix2style.errors import ArtifactError, ConfigError, DataError
from pix2style.files import write_json
from pix2style.images import Image8, Picture, write_picture
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.pairs.format.reader import PairReader
from pix2style.runs.folder import META_FILE, CheckpointMeta, RunFolder
from pix2style.teachers.watercolor import WatercolorTeacher
from pix2style.training.run.dry_run import plan_run
from pix2style.training.run.prepare import check_run_folder, create_run
from pix2style.training.run.train import train
from pix2style.training.step import device

Experiment = Callable[..., Config]
SCRIPT = Path(__file__).parents[1] / "matrix.py"
HOLDING = Path(__file__).with_name("holding_step.py")
WAIT_S = 200


@pytest.fixture(scope="module")
def even_pairs(tmp_path_factory: pytest.TempPathFactory, photos: Callable[..., list[Image8]]) -> Path:
    """Make a pair set whose number of training pairs is even, so that its epochs end with a full batch."""
    for count in range(16, 32):
        folder = tmp_path_factory.mktemp("even")
        for i, photo in enumerate(photos(count, 48, 60)):
            write_picture(folder / "photos" / f"{i:02d}.png", Picture(photo))
        config = PairsConfig(content=(folder / "photos",), size=48, val_share=0.1, test_share=0.1)
        make_pairs(config, WatercolorTeacher(), folder / "pairs")
        reader = PairReader(folder / "pairs")
        if len(reader.entries("train")) % 2 == 0 and reader.entries("val"):
            return folder / "pairs"
    raise AssertionError("no such pair set")


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use one thread in this process and its children, because rounding depends on the number of threads."""
    threads = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def matrix_config(experiment: Experiment, pairs: Path) -> Config:
    """Use everything that has a state: dropout, DiffAugment and motion draw numbers, BatchNorm and EMA keep means."""
    n = len(PairReader(pairs).entries("train"))
    return experiment(
        f"pairs.path={pairs}",
        f"train.images={n + 8}",
        "train.batch=2",
        "model.generator=unet-2017",
        "model.discriminator.norm=batch",
        "train.augment.discriminator=[color,translation,cutout]",
        "train.augment.color_jitter=0.2",
        "train.checkpoint_every_images=2",
        "train.validate_every_images=8",
        "train.validate_photos=1",
        "train.keep_last=1000",
        "losses.adversarial.start_images=4",
        "losses.consistency={weight: 1, every: 2}",
    )


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("processes", [1, 2])
def test_resumed_equals_uninterrupted(tmp_path: Path, experiment: Experiment, even_pairs: Path, processes: int) -> None:
    """Try {mid-epoch, end of epoch, just after} x {1, 2 processes} x {0, 2 loader workers}."""
    config = matrix_config(experiment, even_pairs)
    if processes == 1:
        run_matrix(config, tmp_path)
    else:
        started = command(config, tmp_path / "matrix", processes, script=SCRIPT)
        completed = subprocess.run(started, capture_output=True, text=True, env=environment(), timeout=150, check=False)
        assert completed.returncode == 0, completed.stderr
    for place in PLACES:
        for workers in (0, 2):
            assert_same_end(tmp_path / "whole", tmp_path / f"{place}-{workers}")


def test_the_number_of_workers_changes_nothing(tmp_path: Path, experiment: Experiment) -> None:
    train(experiment(), tmp_path / "none")
    train(experiment("train.workers=2"), tmp_path / "two")
    train(experiment("train.decoded_cache_gb=0"), tmp_path / "decoding")
    assert_same_end(tmp_path / "none", tmp_path / "two")
    assert_same_end(tmp_path / "none", tmp_path / "decoding")


def test_another_seed_changes_the_weights(tmp_path: Path, experiment: Experiment) -> None:
    train(experiment(), tmp_path / "a")
    train(experiment("seed=1"), tmp_path / "b")
    a, b = (tmp_path / run / "checkpoints/step-0000012/generator.safetensors" for run in "ab")
    assert a.read_bytes() != b.read_bytes()


def wait_for(is_so: Callable[[], bool], process: subprocess.Popen[str], *about: object) -> None:
    """Wait until the condition is true; fail if the process ends before."""
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert process.poll() is None, (*about, process.communicate())
        assert time.monotonic() < deadline
        time.sleep(0.01)


KILLED = ("train.images=600", "train.batch=2", "train.checkpoint_every_images=40", "train.log_every=5")


@pytest.mark.usefixtures("one_thread")
def test_kills_at_random_moments_change_nothing(tmp_path: Path, experiment: Experiment) -> None:
    """The training holds at a later step each time, so that it does not end before it is killed."""
    config, run = experiment(*KILLED), tmp_path / "killed"
    seed = time.time_ns()
    rng = random.Random(seed)
    for kind, hold_at in ((signal.SIGKILL, 90), (signal.SIGKILL, 180), (signal.SIGTERM, 270)):
        before = checkpoints(run)[-1] if run.exists() else ""
        process = popen(config, run, script=HOLDING, before=(tmp_path, hold_at, "signal"))
        wait_for(lambda before=before: run.exists() and checkpoints(run)[-1:] > [before], process, seed)
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(kind)
        code, _, stderr = finish(process)
        assert code == (-9 if kind == signal.SIGKILL else 130), (seed, stderr)
        lost = (
            metrics(run)[-1]["step"] - CheckpointMeta.read(run / "checkpoints" / checkpoints(run)[-1] / META_FILE).step
        )
        assert lost <= (20 if kind == signal.SIGKILL else 0), seed
    assert "interrupted; run the same command again with --resume to go on" in stderr
    assert checkpoints(run)[-1] < "step-0000300", "the run had ended before the last kill"
    train(config, run, resume=True)
    train(config, tmp_path / "whole")
    assert_same_end(tmp_path / "whole", run)
    assert not list((run / "checkpoints").glob(".*")), f"an incomplete file is left ({seed})"


def test_a_second_ctrl_c_exits_at_once(tmp_path: Path, experiment: Experiment) -> None:
    """The first step never ends here, so that the process ends by the second Ctrl-C or not at all."""
    run = tmp_path / "run"
    with popen(experiment(), run, script=HOLDING, before=(tmp_path, 0, "library")) as process:
        try:
            wait_for((tmp_path / "holds").exists, process)
            process.send_signal(signal.SIGINT)
            wait_for((tmp_path / "signal").exists, process)
            assert (run / "cache" / "decoded.u8").exists()
            time.sleep(0.2)  # two that come at once count as one
            process.send_signal(signal.SIGINT)
            code, _, stderr = finish(process)
        finally:
            process.kill()
    assert code == 130, stderr
    assert stderr.count("left at once; repeat the command to go on (train and distill: with --resume)") == 1
    assert not list((run / "checkpoints").glob("*"))
    assert not (run / "cache" / "decoded.u8").exists()


def test_runs_that_cannot_be_resumed_are_refused(tmp_path: Path, experiment: Experiment) -> None:
    run = tmp_path / "run"
    with pytest.raises(ArtifactError, match="no run to resume"):
        train(experiment(), run, resume=True)
    train(experiment(), run)
    with pytest.raises(ConfigError, match="--resume"):
        train(experiment(), run)
    with pytest.raises(ConfigError, match=r"losses\.l1 was 10\.0, is now 20\.0"):
        train(experiment("losses.l1=20"), run, resume=True)
    (run / "checkpoints/step-0000012/generator.safetensors").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match=r"generator\.safetensors: is damaged.*No checkpoint of .* is intact"):
        train(experiment(), run, resume=True)


def test_resuming_with_other_pairs_is_refused(tmp_path: Path, experiment: Experiment) -> None:
    run = tmp_path / "run"
    train(experiment(), run)
    file = run / "checkpoints/step-0000012/meta.json"
    meta = CheckpointMeta.read(file)
    write_json(file, dataclasses.replace(meta, pairs_sha256="0" * 64).to_json())
    with pytest.raises(DataError, match=r"other pictures .* their splits may differ: .* begin a new run"):
        train(experiment("train.images=60"), run, resume=True)


def test_a_resumed_run_may_be_longer(tmp_path: Path, experiment: Experiment) -> None:
    run = tmp_path / "run"
    train(experiment(), run)
    assert train(experiment("train.images=60"), run, resume=True).step == 15


@pytest.mark.usefixtures("one_thread")
def test_a_run_that_compares_with_its_painting_resumes_exactly_and_refuses_another_painting(
    tmp_path: Path, experiment: Experiment, autoencoder: Path, paintings: list[Path]
) -> None:
    painting = tmp_path / "painting.png"
    painting.write_bytes(paintings[0].read_bytes())
    config = experiment(
        f"pairs.style='{painting}'",
        f"losses.features={{network: autoencoder, weights: '{autoencoder}'}}",
        "losses.style={weight: 1, painting_weight: 2, layers: {enc1: 1}, painting_layers: {enc4: 1}}",
        "losses.style.painting_side_px=32",
        "losses.adversarial.weight=0",
        "train.images=16",
        "train.checkpoint_every_images=8",
        "train.keep_last=1000",
    )
    train(config, tmp_path / "whole")
    assert "generator/painting_style" in metrics(tmp_path / "whole")[0]
    resumed = copy_interrupted_at(tmp_path / "whole", checkpoints(tmp_path / "whole")[0], tmp_path / "resumed")
    train(config, resumed, resume=True)
    assert_same_end(tmp_path / "whole", resumed)
    painting.write_bytes(paintings[1].read_bytes())
    with pytest.raises(ArtifactError, match="painting has changed"):
        train(config, resumed, resume=True)


def test_what_a_process_killed_at_its_start_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    config = parse_config({})
    for name in ("start.json", "budget.json", "features.json", ".config.json.0123abcd.partial"):
        (tmp_path / name).write_text("{")
    check_run_folder(tmp_path, config, resume=False)
    (tmp_path / "photo.jpg").write_text("mine")
    with pytest.raises(ConfigError, match="exists and is no run folder"):
        check_run_folder(tmp_path, config, resume=False)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_goes_on_with_its_own_precision_where_the_command_leaves_it_open(
    tmp_path: Path, experiment: Experiment, precision: str
) -> None:
    run, new = tmp_path / "run", ("train.precision=auto", "train.compile=auto", "train.device=auto")
    train(experiment("train.images=4", f"train.precision={precision}"), run)
    plan_run(experiment("train.images=8", *new), run, resume=True, measure=False)
    assert train(experiment("train.images=8", *new), run, resume=True).step == 2
    assert RunFolder(run).config.train.precision == precision


def test_auto_precision_may_be_written_out(
    tmp_path: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "has_fast_bfloat16", lambda _: True)
    create_run(tmp_path, experiment("train.precision=auto"))
    check_run_folder(tmp_path, experiment("train.precision=bf16"), resume=True)
    with pytest.raises(ConfigError, match=r"train\.precision was 'auto', is now 'fp32'"):
        check_run_folder(tmp_path, experiment("train.precision=fp32"), resume=True)


def test_runs_that_began_with_the_first_version_of_a_shipped_configuration_can_be_resumed(tmp_path: Path) -> None:
    for name in ("watercolor", "multi-style"):
        began = load_config(Path(name), ["train.precision=bf16", "train.compile=true"])
        (tmp_path / name).mkdir()
        create_run(tmp_path / name, began)
        check_run_folder(tmp_path / name, load_config(Path(name)), resume=True)
