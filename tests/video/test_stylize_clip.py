"""One clip from file to file: every frame is stylized, and a job that is stopped anywhere goes on to the same bytes."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import grey_frames, write_clip
from negative_stylizer import Negative

import pix2style
from pix2style.errors import ConfigError, DataError
from pix2style.images import Image8
from pix2style.stylizer import Stylizer
from pix2style.video import clip_job, stylize_clip
from pix2style.video.facts import read_facts
from pix2style.video.interrupted import ClipInterrupted
from pix2style.video.read import read_frames
from pix2style.video.work_folder import work_folder_path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 40, (72, 128, 3), np.uint8)
    frames = [np.roll(frame + noise, i, 1) for i, frame in enumerate(grey_frames(50, 72, 128))]
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames)


def frames_of(path: Path) -> list[Image8]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def make(stylizer: Stylizer, clip: Path, out: Path, **options: Any) -> Any:
    return stylize_clip(stylizer, clip, out, segment_frames=12, **options)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_frame_of_a_clip(clip: Path, tmp_path: Path) -> None:
    shown: list[Any] = []
    report = make(Negative(), clip, tmp_path / "out.mp4", on_progress=shown.append, crf=1)
    assert (report.frames, report.resumed_frames) == (50, 0)
    assert report.frames_per_s is not None
    assert report.frames_per_s > 1
    before, after = frames_of(clip), frames_of(tmp_path / "out.mp4")
    assert len(after) == 50
    for old, new in zip(before, after, strict=True):
        assert np.abs(255 - old.astype(int) - new).mean() < 4
    assert left_in(tmp_path) == ["out.mp4"]


def raise_(error: BaseException) -> Callable[..., Any]:
    def fail(*_args: object, **_options: object) -> Any:
        raise error

    return fail


@pytest.fixture(scope="module")
def whole(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """`whole(steady)`: the output of a call that nothing interrupts."""

    @functools.cache
    def build(steady: str) -> bytes:
        out = tmp_path_factory.mktemp(steady) / "out.mp4"
        make(Negative(), clip, out, steady=steady)
        return out.read_bytes()

    return build


@pytest.mark.parametrize(("steady", "frame"), [("lock", 0), ("lock", 12), ("lock", 30), ("full", 30)])
def test_a_stylizer_that_fails_at_any_frame(
    clip: Path, tmp_path: Path, whole: Callable[[str], bytes], *, steady: str, frame: int
) -> None:
    """The finished segments are kept, and the next call makes the same bytes from there."""
    out = tmp_path / "out.mp4"
    out.write_bytes(b"before")
    failing = Negative((frame, raise_(DataError("no memory"))))
    with pytest.raises(DataError, match="no memory"):
        make(failing, clip, out, steady=steady)
    assert out.read_bytes() == b"before"
    done = frame // 12 * 12
    # The encoder may have been given up before it had ended a segment whose frames it had.
    assert work_folder_path(out).is_dir() in {done > 0, done > 12}
    again = Negative()
    report = make(again, clip, out, steady=steady)
    assert report.resumed_frames in {done, max(0, done - 12)}
    assert again.count == 50 - report.resumed_frames
    assert out.read_bytes() == whole(steady)
    assert left_in(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize("place", ["read_frames", "encode_segment", "join_segments"])
def test_errors_at_every_place_end_all_threads(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    real, calls = getattr(clip_job, place), 0

    def fails_late(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if place == "read_frames":
            return read_some()
        if place == "join_segments" or calls == 3:
            raise OSError(28, "No space left on device")
        return real(*args, **options)

    def read_some() -> Iterator[Any]:
        for frame in real(read_facts(clip)):
            if frame.index == 30:
                raise DataError("the clip is damaged")
            yield frame

    with monkeypatch.context() as patch:
        patch.setattr(clip_job, place, fails_late)
        with pytest.raises(DataError, match=r"damaged|out\.mp4: cannot be written: No space left on device: make room"):
            make(Negative(), clip, tmp_path / "out.mp4")
    assert [thread for thread in threading.enumerate() if thread.name.startswith("pix2style-")] == []
    assert not (tmp_path / "out.mp4").exists()
    report = make(Negative(), clip, tmp_path / "out.mp4")
    assert report.resumed_frames == {"read_frames": 24, "encode_segment": 24, "join_segments": 50}[place]
    assert len(frames_of(tmp_path / "out.mp4")) == 50
    assert left_in(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize(("steady", "frame"), [("lock", 5), ("lock", 30), ("off", 30)])
def test_ctrl_c_leaves_a_playable_file(
    clip: Path, tmp_path: Path, whole: Callable[[str], bytes], *, steady: str, frame: int
) -> None:
    out, partial = tmp_path / "out.mp4", tmp_path / "out.partial.mp4"
    out.write_bytes(b"before")
    for _ in range(2):  # the second call is interrupted, too
        with pytest.raises(ClipInterrupted) as stopped:
            make(Negative((frame, raise_(KeyboardInterrupt()))), clip, out, steady=steady)
        assert stopped.value.partial == partial
        assert len(frames_of(partial)) == stopped.value.frames >= frame
        assert out.read_bytes() == b"before"
        assert stopped.value.kept_frames == stopped.value.frames // 12 * 12
        frame = 4
    report = make(Negative(), clip, out, steady=steady)
    assert report.resumed_frames == stopped.value.frames // 12 * 12
    assert out.read_bytes() == whole(steady)
    assert left_in(tmp_path) == ["out.mp4"]


def test_ctrl_c_before_the_first_frame_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ClipInterrupted) as stopped:
        make(Negative((0, raise_(KeyboardInterrupt()))), clip, tmp_path / "out.mp4")
    assert (stopped.value.partial, stopped.value.frames) == (None, 0)
    assert left_in(tmp_path) == []


def test_a_file_of_somebody_else_is_not_taken_for_the_partial_one(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out.partial.mp4").write_bytes(b"mine")
    with pytest.raises(ClipInterrupted) as stopped:
        make(Negative((30, raise_(KeyboardInterrupt()))), clip, tmp_path / "out.mp4")
    assert stopped.value.partial == tmp_path / "out.partial-2.mp4"
    make(Negative(), clip, tmp_path / "out.mp4")
    assert (tmp_path / "out.partial.mp4").read_bytes() == b"mine"
    assert left_in(tmp_path) == ["out.mp4", "out.partial.mp4"]


def test_other_settings_discard_what_was_done(clip: Path, tmp_path: Path) -> None:
    failing = Negative((30, raise_(DataError("no memory"))))
    with pytest.raises(DataError, match="no memory"):
        make(failing, clip, tmp_path / "out.mp4")
    report = make(Negative(), clip, tmp_path / "out.mp4", crf=30)
    assert report.resumed_frames == 0
    assert any("other settings" in note for note in report.notes)
    make(Negative(), clip, tmp_path / "other.mp4", crf=30)
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "other.mp4").read_bytes()


def test_two_calls_for_one_output(clip: Path, tmp_path: Path) -> None:
    def second() -> None:
        with pytest.raises(DataError, match=r"out\.mp4: another process is writing it"):
            make(Negative(), clip, tmp_path / "out.mp4")

    report = make(Negative((20, second)), clip, tmp_path / "out.mp4")
    assert report.frames == 50
    assert left_in(tmp_path) == ["out.mp4"]


def test_a_part_of_a_clip(clip: Path, tmp_path: Path) -> None:
    report = make(Negative(), clip, tmp_path / "out.mkv", start_s=0.4, end_s=1.0, max_side_px=32)
    assert report.frames == 15
    frames = frames_of(tmp_path / "out.mkv")
    assert frames[0].shape == (18, 32, 3)
    with pytest.raises(DataError, match="has no frames in the part"):
        make(Negative(), clip, tmp_path / "none.mp4", start_s=100)
    assert left_in(tmp_path) == ["out.mkv"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steady": "very"}, "steady is 'very': give one of off, lock, full"),
        ({"start_s": -1}, "start is -1: give seconds"),
        ({"start_s": 2, "end_s": 1}, "end is 1 s, but start is 2 s"),
        ({"max_side_px": 3}, "max-side is 3: give at least 16"),
        ({"crf": 99}, "crf 99"),
        ({"codec": "vp9x"}, "vp9x"),
    ],
)
def test_wrong_settings(clip: Path, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(Negative(), clip, tmp_path / "out.mp4", **options)
    assert left_in(tmp_path) == []


def test_the_clip_itself_is_not_overwritten(clip: Path, tmp_path: Path) -> None:
    before = clip.read_bytes()
    (tmp_path / "link.mp4").symlink_to(clip)
    with pytest.raises(DataError, match="would be overwritten"):
        make(Negative(), tmp_path / "link.mp4", clip)
    assert clip.read_bytes() == before


# --- frames from Python ------------------------------------------------------------------------------------


def test_frames_are_made_when_they_are_asked_for(clip: Path) -> None:
    stylizer = Negative()
    frames = pix2style.stylize_video(stylizer, str(clip), start_s=0.4)
    assert stylizer.count == 0
    first = next(frames)
    assert (first.shape, first.dtype, stylizer.count) == ((72, 128, 3), np.uint8, 1)
    frames.close()  # type: ignore[attr-defined]
    assert [thread for thread in threading.enumerate() if thread.name.startswith("pix2style-")] == []
    made = pix2style.stylize_video(Negative(), clip, steady="off")
    for new, old in zip(made, read_frames(read_facts(clip)), strict=True):
        assert np.array_equal(new, 255 - old.rgb)


def test_frames_of_an_endless_iterable(photos: Callable[..., list[Image8]]) -> None:
    taken = 0

    def camera() -> Iterator[Image8]:
        nonlocal taken
        while True:
            taken += 1
            yield photos(1)[0]

    frames = pix2style.stylize_video(Negative(), camera(), steady="lock")
    assert [np.array_equal(next(frames), 255 - photos(1)[0]) for _ in range(3)] == [True] * 3
    assert taken == 3
    with pytest.raises(ConfigError, match="start_s: for paths of clips only"):
        pix2style.stylize_video(Negative(), camera(), start_s=1)
    with pytest.raises(ConfigError, match="steady is 'no'"):
        pix2style.stylize_video(Negative(), camera(), steady="no")
