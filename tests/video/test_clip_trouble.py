"""What goes wrong with one clip neither ends the work on the others nor keeps a person from going on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import grey_frames, write_clip
from negative_stylizer import Negative

from pix2style.cli.infer_print import interrupted_advice
from pix2style.errors import ArtifactError, ConfigError, DataError
from pix2style.video import clip_job, stylize_clip
from pix2style.video.clip_job import ClipInterrupted
from pix2style.video.clip_settings import ClipSettings
from pix2style.video.stylize_inputs import stylize_inputs
from pix2style.video.work_folder import work_folder_path


def raise_(error: BaseException) -> Callable[..., Any]:
    def fail(*_args: object, **_options: object) -> Any:
        raise error

    return fail


def make(frame: int, error: BaseException | None, clip: Path, out: Path) -> Any:
    """Stylize a clip; the error, if any, is raised before a certain frame of this call."""
    at = (frame, raise_(error)) if error else None
    return stylize_clip(Negative(at), clip, out, segment_frames=12)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", grey_frames(50))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name in "abc":
        write_clip(tmp_path / "in" / f"{name}.mp4", grey_frames(5))
    return tmp_path / "in"


# --- several clips ------------------------------------------------------------------------------------------


def test_a_quality_that_only_opaque_clips_have_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in" / "a.mov", grey_frames(3))
    clear = [np.dstack((frame, frame[..., 0])) for frame in grey_frames(3)]
    write_clip(tmp_path / "in" / "b.mov", clear, codec="png", pix_fmt="rgba", array_format="rgba")
    with pytest.raises(ConfigError, match="crf"):
        stylize_inputs(Negative(), [tmp_path / "in"], tmp_path / "out", clips=ClipSettings(crf=18))
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("error", [ArtifactError("damaged"), ConfigError("no such"), OSError(5, "input or output")])
def test_the_other_clips_are_made(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    real = clip_job.join_segments

    def fails_for_b(segments: Any, facts: Any, *args: Any, **options: Any) -> Any:
        if facts.path.name == "b.mp4":
            raise error
        return real(segments, facts, *args, **options)

    monkeypatch.setattr(clip_job, "join_segments", fails_for_b)
    report = stylize_inputs(Negative(), [folder], tmp_path / "out")
    assert [path.name for path in report.written] == ["a.mp4", "c.mp4"]
    assert [failure.path.name for failure in report.failures] == ["b.mp4"]


def test_a_folder_or_what_cannot_be_removed_inside_the_work_folder(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (work_folder_path(out / "a.mp4") / "x" / "y").mkdir(parents=True)
    (work_folder_path(out / "b.mp4") / "job.json").mkdir(parents=True)
    report = stylize_inputs(Negative(), [folder], out)
    assert [path.name for path in report.written] == ["a.mp4", "c.mp4"]
    assert [failure.path.name for failure in report.failures] == ["b.mp4"]
    assert "b.mp4: cannot be written: " in report.failures[0].reason


# --- Ctrl-C -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [DataError("full"), ArtifactError("damaged"), OSError(28, "full")])
def test_ctrl_c_when_the_playable_file_cannot_be_written(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(clip_job, "join_segments", raise_(error))
        with pytest.raises(ClipInterrupted) as stopped:
            make(30, KeyboardInterrupt(), clip, tmp_path / "out.mp4")
    assert (stopped.value.partial, stopped.value.kept_frames) == (None, 24)
    assert stopped.value.frames >= 30
    advice = interrupted_advice(stopped.value)
    assert "frames are done, but no playable file could be written; the same command goes on after frame 24" in advice
    assert make(0, None, clip, tmp_path / "out.mp4").resumed_frames == 24


def test_ctrl_c_when_the_last_segment_cannot_be_written(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = clip_job.encode_segment

    def fails_at_the_end(frames: Any, path: Path, video: Any) -> Any:
        taken = list(frames)
        if len(taken) < 12:
            raise DataError("full")
        return real(iter(taken), path, video)

    monkeypatch.setattr(clip_job, "encode_segment", fails_at_the_end)
    with pytest.raises(ClipInterrupted) as stopped:
        make(30, KeyboardInterrupt(), clip, tmp_path / "out.mp4")
    assert stopped.value.partial == tmp_path / "out.partial.mp4"
    assert (stopped.value.frames, stopped.value.kept_frames) == (24, 24)
