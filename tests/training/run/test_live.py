"""What a run shows while it trains: lines or a bar, and the preview."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pix2style import progress
from pix2style.config import Config
from pix2style.durations import duration_text
from pix2style.images import read_picture
from pix2style.progress import LiveStatus
from pix2style.training.run import step_monitor, training_loop
from pix2style.training.run.slow_cpu import slow_cpu_advice
from pix2style.training.run.step_monitor import SmoothedLoss
from pix2style.training.run.train import TrainOptions, train
from pix2style.training.run.validation import preview as preview_module

Experiment = Callable[..., Config]
SIDE, GAP, TOP = 48, 8, 18 + 2 * 8  # pixels: photos of the pair set, and the layout of a sheet


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.4, "4 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_without_a_terminal_there_is_a_line_every_15_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with LiveStatus("training") as status:
        for second in range(50):
            now[0] = float(second)
            status.update(second / 50, 200 - second, "" if second < 20 else "loss 1.500")
    assert capsys.readouterr().err.splitlines() == [
        "training: 30% done, 3 min 05 s left",
        "training: 60% done, 2 min 50 s left, loss 1.500",
        "training: 90% done, 2 min 35 s left, loss 1.500",
    ]


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with LiveStatus("training") as status:
        status.update(0.5, 61, "loss 1.500")
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", terminal.getvalue())
    assert re.search(r"training\s+\S+ +50% 1 min 01 s left, loss 1.500", shown)


def test_a_run_prints_how_far_it_is(
    tmp_path: Path, experiment: Experiment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LiveStatus.__init__, "__defaults__", (0.0,))  # a line for every step
    train(experiment("train.validate_every_images=16"), tmp_path / "run")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("training: ")]
    assert len(lines) == 12
    held_out = r"held-out L1 [\d.]+ of 255, PSNR [\d.]+ dB, SSIM -?[\d.]+"
    assert all(re.fullmatch(rf"training: \d+% done, .*\d+ s left, loss [\d.]+(, {held_out})?", line) for line in lines)
    assert lines[5].startswith("training: 50% done")
    assert "held-out" not in lines[0]
    assert "held-out" in lines[-1]


def test_the_loss_that_is_shown_does_not_jump_with_losses_of_every_fourth_step(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(step_monitor.time, "monotonic", lambda: now[0])
    smoothed = SmoothedLoss(torch.device("cpu"), every=4)
    assert smoothed.text() == ""
    shown = []
    for step in range(400):
        now[0] += 1
        smoothed.add(torch.tensor(float("nan") if step == 200 else 1.0 + 4 * 2.0 * (step % 4 == 0)))
        shown.append(float(smoothed.text().removeprefix("loss ")))
    assert all(2.7 < loss < 3.3 for loss in shown[32:]), "the loss of single steps is 1 or 9"


def test_the_loss_is_read_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(step_monitor.time, "monotonic", lambda: now[0])
    smoothed = SmoothedLoss(torch.device("cpu"), every=1)
    smoothed.add(torch.tensor(1.0))
    assert smoothed.text() == "loss 1.000"
    smoothed.add(torch.tensor(3.0))
    assert smoothed.text() == "loss 1.000"
    now[0] = 1.0
    assert smoothed.text() == "loss 2.010"


def test_the_preview_shows_photo_teacher_and_filter(tmp_path: Path, experiment: Experiment) -> None:
    """The filter's column is what the last validation saw."""
    train(experiment(), tmp_path / "run")
    shown = read_picture(tmp_path / "run/preview.png").rgb
    grid = read_picture(tmp_path / "run/samples/step-0000012.png").rgb

    def cell(image: np.ndarray, column: int, row: int) -> np.ndarray:
        top, left = TOP + row * (SIDE + GAP), GAP + column * (SIDE + GAP)
        return image[top : top + SIDE, left : left + SIDE]

    for row in range(2):
        for column, of_grid in enumerate((0, 2, 1)):  # the grid's columns are content, output and target
            np.testing.assert_array_equal(cell(shown, column, row), cell(grid, of_grid, row))


def test_the_page_shows_the_picture_and_reloads_itself(
    tmp_path: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = []
    write = preview_module.write_bytes
    monkeypatch.setattr(
        preview_module, "write_bytes", lambda path, data: (pages.append(data.decode()), write(path, data))
    )
    monkeypatch.setattr(preview_module, "_EVERY_S", 0.0)
    monkeypatch.setattr(preview_module, "_LARGEST_SHARE", 1e9)
    elsewhere = tmp_path / "out/filter.png"
    train(experiment("train.images=16"), tmp_path / "run", options=TrainOptions(preview=elsewhere))
    assert elsewhere.is_file()
    assert not list((tmp_path / "run").glob("preview*"))
    assert len(pages) == 1 + 4 + 1, "before the first step, after each step, and at the end"
    for step, page in enumerate(pages):
        assert f'src="filter.png?step={min(step, 4)}"' in page
        assert ('http-equiv="refresh"' in page) == (step < 5)
        assert "//" not in page, "nothing is fetched from elsewhere"
    assert "50% done" in pages[2]
    assert "after 16 images" in pages[-1]


def test_readers_never_see_half_a_picture(
    tmp_path: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_module, "_EVERY_S", 0.0)
    monkeypatch.setattr(preview_module, "_LARGEST_SHARE", 1e9)
    file, ended, read = tmp_path / "run/preview.png", threading.Event(), []

    def keep_reading() -> None:
        while not ended.is_set():
            if file.exists():
                read.append(read_picture(file).rgb.shape)

    thread = threading.Thread(target=keep_reading, daemon=True)
    thread.start()
    train(experiment(), tmp_path / "run")
    ended.set()
    thread.join()
    read.append(read_picture(file).rgb.shape)  # if this machine gave the thread no time
    assert len(set(read)) == 1


def test_the_preview_changes_no_weights(
    tmp_path: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_module, "_EVERY_S", 0.0)
    random = "train.augment.discriminator=[color]"  # draws from the random stream that a preview must not change
    for name, change in (("with", "train.preview=true"), ("without", "train.preview=false")):
        train(experiment(change, random, "train.images=16", "train.ema_halflife_images=0"), tmp_path / name)
    a, b = (tmp_path / name / "checkpoints/step-0000004/generator.safetensors" for name in ("with", "without"))
    assert a.read_bytes() == b.read_bytes()
    assert not list((tmp_path / "without").glob("preview*"))


def test_the_preview_takes_a_fiftieth_of_the_time_at_most(
    tmp_path: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(preview_module.clock, "now_s", lambda: now[0])
    slow = preview_module.Preview.__new__(preview_module.Preview)
    monkeypatch.setattr(slow.__class__, "_write", lambda *_, **__: now.__setitem__(0, now[0] + 2))
    slow._next_s, slow._failures = 0.0, 0
    assert slow.is_due
    slow.renew("")
    due_at = next(second for second in range(1000) if now.__setitem__(0, float(second)) is None and slow.is_due)
    assert due_at == pytest.approx(2 + 100, abs=1)


def test_a_preview_is_tried_again_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when a viewer has the file open for a moment; after several failures in a row no time is lost with it."""
    now, results = [0.0], iter([OSError("busy"), None, *[OSError("gone")] * 9])
    monkeypatch.setattr(preview_module.clock, "now_s", lambda: now[0])

    def write(*_: object, **__: object) -> None:
        if error := next(results):
            raise error

    preview = preview_module.Preview.__new__(preview_module.Preview)
    monkeypatch.setattr(preview.__class__, "_write", write)
    preview._next_s, preview._failures, preview._has_failed = 0.0, 0, False
    tries = 0
    for second in range(0, 1000, 20):
        now[0] = float(second)
        if preview.is_due:
            preview.renew("")
            tries += 1
    assert tries == 2 + 5
    assert capsys.readouterr().err.count("busy: the preview was not renewed") == 1


def test_a_preview_that_cannot_be_written_does_not_end_the_run(
    tmp_path: Path, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    options = TrainOptions(preview=tmp_path / "file/preview.png")
    assert train(experiment(), tmp_path / "run", options=options).step == 12
    assert capsys.readouterr().err.count("the preview was not renewed") == 1


def test_photos_without_targets_have_no_column_for_the_teacher(tmp_path: Path, experiment: Experiment) -> None:
    unpaired = experiment(
        "train.unpaired=true",
        "losses={l1: 0, adversarial: {weight: 0}, total_variation: 1, perceptual: {weight: 0}}",
    )
    train(unpaired, tmp_path / "unpaired")
    width = read_picture(tmp_path / "unpaired/preview.png").rgb.shape[1]
    assert width == 2 * SIDE + 3 * GAP


def test_days_on_a_cpu_name_configurations_that_suit_it(
    tmp_path: Path, experiment: Experiment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert slow_cpu_advice("cpu", 3600) is None
    assert slow_cpu_advice("cuda", 1e6) is None
    assert slow_cpu_advice("cpu", None) is None
    monkeypatch.setattr(training_loop, "MEASURED_AFTER_S", 0.0)
    monkeypatch.setattr(training_loop.TrainingLoop, "_left_s", lambda _self: 20 * 24 * 3600.0)
    train(experiment(), tmp_path / "run")
    assert capsys.readouterr().err.count("on this CPU the training would take 20 days: --config finetune") == 1
