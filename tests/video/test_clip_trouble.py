"""What goes wrong with one clip neither ends the work on the others nor keeps a person from going on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import grey_frames, write_clip
from negative_stylizer import Negative

from pix2style.cli.infer_print import interrupted_advice, print_report
from pix2style.errors import ArtifactError, ConfigError, DataError
from pix2style.runtime.files_report import FailedFile, FilesReport
from pix2style.video import clip_job, stylize_clip
from pix2style.video.clip_settings import ClipSettings
from pix2style.video.interrupted import ClipInterrupted
from pix2style.video.stylize_inputs import stylize_inputs
from pix2style.video.work_folder import remove_stale, work_folder_path


def raise_(error: BaseException) -> Callable[..., Any]:
    def fail(*_args: object, **_options: object) -> Any:
        raise error

    return fail


def make(frame: int, error: BaseException | None, clip: Path, out: Path, **options: Any) -> Any:
    """Stylize a clip; the error, if any, is raised before a certain frame of this call."""
    at = (frame, raise_(error)) if error else None
    return stylize_clip(Negative(at), clip, out, segment_frames=12, **options)


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


def test_a_link_in_place_of_the_work_folder_is_refused(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    work_folder_path(tmp_path / "out.mp4").symlink_to("mine")
    report = stylize_inputs(Negative(), [clip], tmp_path / "out.mp4")
    assert "is a link and no folder: remove the link" in report.failures[0].reason
    remove_stale(tmp_path / "out.mp4")
    assert (tmp_path / "mine" / "letter").read_text() == "dear"


# --- Ctrl-C -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [DataError("full"), ArtifactError("damaged"), OSError(28, "full"), KeyboardInterrupt()]
)
def test_ctrl_c_when_the_playable_file_cannot_be_written(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(clip_job, "join_segments", raise_(error))
        with pytest.raises(ClipInterrupted) as stopped:
            make(30, KeyboardInterrupt(), clip, tmp_path / "out.mp4")
    assert (stopped.value.partial, stopped.value.kept_frames) == (None, 24)
    assert stopped.value.frames >= 30
    advice = interrupted_advice(stopped.value)
    assert "frames are done, but no playable file was written; the same command goes on after frame 24" in advice
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


def test_an_early_second_ctrl_c_does_not_forget_the_playable_file(clip: Path, tmp_path: Path) -> None:
    for frame in (5, 0):
        with pytest.raises(ClipInterrupted):
            make(frame, KeyboardInterrupt(), clip, tmp_path / "out.mp4")
        assert (tmp_path / "out.partial.mp4").is_file()
    make(0, None, clip, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_what_lies_beside_a_complete_output_goes(clip: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "out.mp4", work_folder_path(tmp_path / "kept.mp4")
    for name in ("out.mp4", "kept.mp4"):
        with pytest.raises(ClipInterrupted):
            make(5, KeyboardInterrupt(), clip, tmp_path / name)
    (tmp_path / "kept.partial.mp4").write_bytes(b"another file")
    for path in (out, tmp_path / "kept.mp4"):
        path.touch()
        remove_stale(path)
    assert not kept.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.mp4", "kept.partial.mp4", "out.mp4"]


def test_a_second_ctrl_c_while_the_last_segment_is_written_ends_at_once(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No second encoder is waited for, and no playable file is put together."""
    joined: list[Path] = []
    with monkeypatch.context() as patch:
        patch.setattr(clip_job.WriteBehind, "finish", raise_(KeyboardInterrupt()))
        patch.setattr(clip_job, "join_segments", lambda segments, *_args, **_options: joined.extend(segments) or [])
        with pytest.raises(ClipInterrupted) as stopped:
            make(30, KeyboardInterrupt(), clip, tmp_path / "out.mp4")
    assert (stopped.value.partial, joined) == (None, [])
    assert make(0, None, clip, tmp_path / "out.mp4").frames == 50


# --- damaged work folders -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "keep", "resumed"),
    [
        ("000001.segment", 0.5, 12),
        ("000000.segment", 0.0, 0),
        ("000001.npz", 0.0, 12),
        ("000001.npz", 0.5, 12),
        ("000000.npz", 0.0, 24),
        ("job.json", 0.5, 0),
    ],
)
def test_what_is_damaged_is_made_again(clip: Path, tmp_path: Path, *, name: str, keep: float, resumed: int) -> None:
    out = tmp_path / "out.mp4"
    with pytest.raises(ClipInterrupted):
        make(30, KeyboardInterrupt(), clip, out)
    path = work_folder_path(out) / name
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    report = make(0, None, clip, out)
    assert (report.frames, report.resumed_frames) == (50, resumed)
    assert any("is damaged" in note for note in report.notes) is (resumed < 24 and name != "job.json")
    make(0, None, clip, tmp_path / "whole.mp4")
    assert out.read_bytes() == (tmp_path / "whole.mp4").read_bytes()


@pytest.mark.parametrize(("damaged", "resumed"), [((), 36), ((2,), 24), ((1, 2), 0)])
def test_two_states_are_kept(clip: Path, tmp_path: Path, damaged: tuple[int, ...], resumed: int) -> None:
    """Of large frames they are large, and a long clip has many segments."""
    out = tmp_path / "out.mp4"
    with pytest.raises(ClipInterrupted):
        make(45, KeyboardInterrupt(), clip, out, steady="full")
    folder = work_folder_path(out)
    assert sorted(path.name for path in folder.glob("*.npz")) == ["000001.npz", "000002.npz"]
    for number in damaged:
        (folder / f"00000{number}.npz").write_bytes(b"")
    report = make(0, None, clip, out, steady="full")
    assert (report.frames, report.resumed_frames) == (50, resumed)
    make(0, None, clip, tmp_path / "whole.mp4", steady="full")
    assert out.read_bytes() == (tmp_path / "whole.mp4").read_bytes()


@pytest.mark.parametrize("package", ["pix2style.video.api.__version__", "numpy.__version__"])
def test_another_version_begins_again(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    with pytest.raises(ClipInterrupted):
        make(30, KeyboardInterrupt(), clip, tmp_path / "out.mp4")
    monkeypatch.setattr(package, "0.0")
    assert make(0, None, clip, tmp_path / "out.mp4").resumed_frames == 0


# --- the report ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failed", "start"), [(["a.mp4"], "0 clips stylized; 1 failed"), (["a.mp4", "b.jpg"], "0 photos stylized; 2 ")]
)
def test_the_report_names_what_failed(capsys: pytest.CaptureFixture[str], failed: list[str], start: str) -> None:
    report = FilesReport(failures=[FailedFile(Path(name), "damaged") for name in failed])
    print_report(report, Path("out"), 0, as_json=False)
    assert capsys.readouterr().out.startswith(f"out: {start}")
