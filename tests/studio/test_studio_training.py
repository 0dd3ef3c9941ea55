"""Trainings: a process that is followed and stopped, and whose filter is taken; here, a small one in its place."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pix2style.errors import ConfigError
from pix2style.page_server.refusals import BusyError, NotHereError
from pix2style.recipes import quickstart as package
from pix2style.studio import training, training_process
from pix2style.studio.jobs import Job
from pix2style.studio.studio import Studio
from pix2style.studio.training import TrainingJob, TrainingOrder
from pix2style.studio.uploads import Upload

# As quickstart: prints lines, shows a picture, and writes the filter when its input is closed.
_PROCESS = """
import json, pathlib, shutil, sys
out, source = map(pathlib.Path, sys.argv[1:])
out.mkdir(parents=True, exist_ok=True)
(out / "preview.png").write_bytes(b"picture")
(out / "run").mkdir(exist_ok=True)
(out / "run" / "config.json").write_text("{}")
print("training ...", flush=True)
sys.stdin.read()
shutil.copy(source, out / "great-wave.onnx")
(out / "report.json").write_text(json.dumps({"filter": str(out / "great-wave.onnx"), "psnr_db": 18.5}))
"""


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch, red_filter: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Start the small process instead of quickstart."""
    started: list[subprocess.Popen[str]] = []

    def start(order: TrainingOrder) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _PROCESS, order.out, str(red_filter)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        started.append(subprocess.Popen(command, text=True, start_new_session=True, **pipes))
        return started[-1]

    monkeypatch.setattr(training, "_start", start)
    yield started
    for one in started:
        one.kill()
        one.wait()


def test_a_training_that_is_stopped_gives_a_filter(
    studio: Studio, add: Callable[..., Upload], photo_file: Path, tmp_path: Path
) -> None:
    upload = add(photo_file)
    job = studio.start_training({"painting": upload.id, "photos": [upload.id], "minutes": 5})
    assert isinstance(job, TrainingJob)
    assert Path(str(job.order.style)).name == "a photo.png"
    assert [path.name for path in Path(str(job.order.content)).iterdir()] == ["0000.png"]
    _wait(lambda: bool(job.to_json()["preview"]) and bool(job.lines))
    with pytest.raises(BusyError, match="another training is going on"):
        studio.start_training({"photos": [], "minutes": 5})
    job.stop()
    _wait(lambda: not job.is_running)
    assert job.state == "done", job.message
    assert job.result == tmp_path / "kept" / "great-wave.onnx"
    assert job.to_json()["figures"]["psnr_db"] == 18.5
    assert studio.describe()["filters"][-1] == {"id": "filter-2", "name": "great-wave", "trained_here": True}
    assert studio.photos.thumbnail(upload, "filter-2")
    longer = studio.start_training({"go_on": job.id, "minutes": 10})
    assert isinstance(longer, TrainingJob)
    assert longer.order.out == job.order.out
    assert 10 < longer.order.minutes < 15  # the first one was stopped long before its five minutes
    assert longer.to_json()["message"].endswith(" of 10 min 00 s")
    _wait(lambda: bool(longer.lines))
    longer.stop()
    _wait(lambda: not longer.is_running)
    assert longer.result == tmp_path / "kept" / "great-wave-2.onnx"


def test_a_training_that_goes_on_shows_its_own_time(tmp_path: Path) -> None:
    """Its limit is that of quickstart, which counts all calls; what the page shows is about this training alone."""
    order = TrainingOrder(str(tmp_path / "work"), None, None, minutes=0.01)
    job = TrainingJob(tmp_path / "1", order, tmp_path / "kept", lambda _path: None)
    job.start()
    _wait(lambda: bool(job.lines))
    time.sleep(0.6)
    job.stop()
    _wait(lambda: not job.is_running)
    longer = job.longer(5)
    assert (longer.minutes, longer.used_minutes) == (5.01, 0.01)  # it had used all of its time, and no more than that
    going_on = TrainingJob(tmp_path / "2", longer, tmp_path / "kept", lambda _path: None)
    going_on.start()
    state = going_on.to_json()
    assert state["message"].endswith(" of 5 min 00 s")
    going_on.stop()
    _wait(lambda: not going_on.is_running)


def test_photos_that_are_gone_are_counted_and_leave_no_folder(
    studio: Studio, add: Callable[..., Upload], photo_file: Path
) -> None:
    uploads = [add(photo_file) for _ in range(3)]
    for upload in uploads[:2]:
        studio.uploads.remove(upload.id)
    before = sorted(studio.folder.iterdir())
    with pytest.raises(NotHereError, match=r"^2 of 3 photos can no longer be used, because unused .* add the photos"):
        studio.start_training({"photos": [upload.id for upload in uploads], "minutes": 5})
    with pytest.raises(NotHereError, match=r"^the painting is no longer here: add it again"):
        studio.start_training({"painting": uploads[0].id, "photos": [], "minutes": 5})
    assert sorted(studio.folder.iterdir()) == before


def test_a_refused_training_leaves_no_folder(studio: Studio, add: Callable[..., Upload], photo_file: Path) -> None:
    photo = add(photo_file)
    job = studio.start_training({"photos": [], "minutes": 5})
    before = sorted(studio.folder.iterdir())
    with pytest.raises(BusyError):
        studio.start_training({"photos": [photo.id], "minutes": 5})
    assert sorted(studio.folder.iterdir()) == before
    job.stop()
    _wait(lambda: not job.is_running)


def test_what_was_stopped_before_it_trained_has_used_nothing(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", "import sys; print('pairs ...', flush=True); sys.stdin.read(); sys.exit(130)"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    monkeypatch.setattr(training, "_start", lambda _order: subprocess.Popen(command, text=True, **pipes))
    job = studio.start_training({"photos": [], "minutes": 5})
    assert isinstance(job, TrainingJob)
    _wait(lambda: bool(job.lines))
    job.stop()
    _wait(lambda: not job.is_running)
    assert (job.longer(3).minutes, job.longer(3).used_minutes) == (3, 0)


def test_ctrl_c_keeps_the_filter_of_a_training(studio: Studio, tmp_path: Path) -> None:
    job = studio.start_training({"photos": [], "minutes": 5})
    _wait(lambda: bool(job.lines))
    said: list[str] = []
    studio.finish_trainings(said.append)
    assert said[0] == "the training is ending: its filter is written within 60 s (Ctrl-C leaves without it)"
    assert said[1] == f"{tmp_path / 'kept' / 'great-wave.onnx'}: the filter, as far as it was trained"
    assert (tmp_path / "kept" / "great-wave.onnx").is_file()
    studio.finish_trainings(said.append)
    assert len(said) == 2


def test_a_filter_that_cannot_be_copied_leaves_no_part_of_it(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    seen: list[Any] = []

    def copy(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:9])
        seen.extend([job.result, *(path.suffix for path in kept.iterdir())])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(training.shutil, "copyfile", copy)
    trained: list[Path] = []
    job = TrainingJob(tmp_path, TrainingOrder(str(tmp_path / "work"), None, None, 1.0), kept, trained.append)
    job.start()
    _wait((tmp_path / "work" / "preview.png").is_file)
    job.stop()
    _wait(lambda: not job.is_running)
    assert seen == [None, ".partial"]
    assert list(kept.iterdir()) == []
    assert job.result == trained[0] == tmp_path / "work" / "great-wave.onnx"
    assert "cannot be written (No space left on device): download the filter" in job.lines[-1]


def test_ctrl_c_says_that_a_training_has_left_no_filter(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", "import sys; print('making pairs', flush=True); sys.stdin.read(); sys.exit(130)"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    monkeypatch.setattr(training, "_start", lambda _order: subprocess.Popen(command, text=True, **pipes))
    job = studio.start_training({"photos": [], "minutes": 5})
    _wait(lambda: bool(job.lines))
    said: list[str] = []
    studio.finish_trainings(said.append)
    assert said[1] == "the training has left no filter: making pairs"


def test_the_end_of_the_studio_ends_a_training_at_once(
    studio: Studio, process: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    job = studio.start_training({"photos": [], "minutes": 5})
    _wait(lambda: bool(job.lines))
    studio.close()
    assert process[0].wait(10) != 0
    assert not studio.folder.exists()
    assert not (tmp_path / "kept").exists()


def test_a_failure_is_shown_with_its_last_line(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_order: TrainingOrder) -> subprocess.Popen[str]:
        code = "import sys; print('no photos'); sys.exit(3)"
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen([sys.executable, "-c", code], text=True, **pipes)

    monkeypatch.setattr(training, "_start", fail)
    job: Job = studio.start_training({"photos": [], "minutes": 5})
    _wait(lambda: not job.is_running)
    assert (job.state, job.message) == ("failed", "no photos")


@pytest.mark.parametrize("minutes", [None, "5", 0.1, 1e9, float("nan"), True])
def test_minutes_have_a_range(studio: Studio, minutes: Any) -> None:
    with pytest.raises(ConfigError, match=r"minutes: .* is no number from 0\.5 to 240"):
        studio.start_training({"photos": [], "minutes": minutes})


def test_the_process_runs_quickstart_and_ends_as_after_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    reader, writer = os.pipe()
    output, program = os.pipe()
    waits_for_ever = threading.Timer(100, os.write, (program, b"too late"))

    def quickstart(options: Any, log: Callable[[str], None]) -> None:
        given.append(options)
        os.close(writer)
        os.read(output, 1)  # as of make-pairs: only a signal to this thread ends it, and so the end of the input does

    monkeypatch.setattr(package, "quickstart", quickstart)
    monkeypatch.setattr(sys, "argv", ["x", '{"out": "o", "content": null, "style": "s.jpg", "minutes": 2.5}'])
    with os.fdopen(reader) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        waits_for_ever.start()
        try:
            assert training_process.main() == 130
            assert waits_for_ever.is_alive()
        finally:
            waits_for_ever.cancel()
            waits_for_ever.join()
            os.close(output)
            os.close(program)
    assert (given[0].out, given[0].content, given[0].style, given[0].minutes) == (Path("o"), None, Path("s.jpg"), 2.5)


def test_after_the_training_a_stop_does_not_lose_the_filter(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()

    def quickstart(_options: Any, log: Callable[[str], None]) -> None:
        log("export ...")
        os.close(writer)
        _wait(lambda: all(thread.name != "stop" for thread in threading.enumerate()))
        log("written")

    monkeypatch.setattr(package, "quickstart", quickstart)
    monkeypatch.setattr(sys, "argv", ["x", '{"out": "o", "content": null, "style": null, "minutes": 1}'])
    with os.fdopen(reader) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert training_process.main() == 0
    assert capsys.readouterr().out == "export ...\nwritten\n"


def _wait(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, at most as long as a very busy machine may need."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError
