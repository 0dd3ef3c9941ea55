"""The command `pix2style infer` with clips: alone, in folders with photos, and with wrong options."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from clips import grey_frames, write_clip

from pix2style import errors, progress
from pix2style.cli import main
from pix2style.images import Image8, Picture, write_picture
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.video.clip_progress import ClipMeter


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Infer = Callable[..., Done]


@pytest.fixture
def infer(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Infer:
    def call(*arguments: object) -> Done:
        monkeypatch.setattr("sys.argv", ["pix2style", "infer", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capfd.readouterr()
        return Done(int(left.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", grey_frames(20, 72, 128))


@pytest.fixture
def folder(clip: Path, photos: Callable[..., list[Image8]], tmp_path: Path) -> Path:
    """A folder with two clips, of which one has a format that is not written, a photo, and a text."""
    write_picture(tmp_path / "in" / "a.jpg", Picture(photos(1)[0]))
    (tmp_path / "in" / "sub").mkdir()
    shutil.copy(clip, tmp_path / "in" / "sub" / "b.mp4")
    write_clip(tmp_path / "in" / "c.avi", grey_frames(10, 72, 128), codec="mpeg4")
    (tmp_path / "in" / "notes.txt").write_text("none of both")
    return tmp_path / "in"


@pytest.fixture
def no_av(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without PyAV."""
    real = errors.importlib.import_module

    def import_module(name: str) -> object:
        if name.partition(".")[0] == "av":
            raise ModuleNotFoundError("No module named 'av'", name="av")
        return real(name)

    monkeypatch.setattr(errors.importlib, "import_module", import_module)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def frames_of(path: Path) -> list[Image8]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


# --- what is stylized ---------------------------------------------------------------------------------------


def test_one_clip(
    infer: Infer, red_filter: Path, clip: Path, tmp_path: Path, red_negative: Callable[..., Image8]
) -> None:
    done = infer(red_filter, clip, "-o", tmp_path / "out.mp4", "--crf", 1)
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(
        rf"{re.escape(str(tmp_path))}/out\.mp4: 1 clip stylized, 20 frames, [\d.]+ frames/s, [\d.]+ s in all\n",
        done.out,
    )
    assert files(tmp_path) == ["out.mp4"]
    before, after = frames_of(clip), frames_of(tmp_path / "out.mp4")
    for old, new in zip(before, after, strict=True):
        assert np.abs(red_negative(old).astype(int) - new).mean() < 6


def test_a_folder_of_photos_and_clips(infer: Infer, red_filter: Path, folder: Path, tmp_path: Path) -> None:
    done = infer(red_filter, folder, "-o", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    assert files(tmp_path / "out") == ["a.jpg", "c.mp4", "sub/b.mp4"]
    report = json.loads(done.out)
    assert [Path(path).name for path in report["written"]] == ["a.jpg", "c.mp4", "b.mp4"]
    assert [(Path(made["path"]).name, made["frames"], made["resumed_frames"]) for made in report["clips"]] == [
        ("c.avi", 10, 0),
        ("b.mp4", 20, 0),
    ]
    assert all(made["frames_per_s"] > 0 and made["times_real_time"] > 0 for made in report["clips"])
    assert report["clip_frames_per_s"] > 0
    assert report["ms_per_picture"] > 0
    assert report["left_out_counts"] == {"other file": 1}
    again = infer(red_filter, folder, "-o", tmp_path / "out")
    assert (again.code, again.err) == (0, "")
    assert "3 existed already (--overwrite replaces them)" in again.out
    (tmp_path / "out" / "c.mp4").unlink()
    third = infer(red_filter, folder, "-o", tmp_path / "out")
    assert "1 clip stylized, 10 frames" in third.out
    assert "2 existed already" in third.out
    assert "photo" not in third.out.partition(": ")[2]


def test_clips_of_alike_names(infer: Infer, red_filter: Path, clip: Path, tmp_path: Path) -> None:
    for name in ("one/a.mp4", "two/a.mp4", "one/a.MOV"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(clip, tmp_path / name)
    write_clip(tmp_path / "one" / "a.avi", grey_frames(3, 72, 128), codec="mpeg4")
    done = infer(red_filter, tmp_path / "one", tmp_path / "two", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert files(tmp_path / "out") == ["a.MOV", "a.avi.mp4", "one/a.mp4", "two/a.mp4"]


def test_another_filter_asks(
    infer: Infer, red_filter: Path, lite_file: Callable[..., Path], clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mkv"
    infer(red_filter, clip, "-o", out)
    before = out.read_bytes()
    for changed in (
        [lite_file()],
        [red_filter, "--strength", 0.5],
        [red_filter, "--crf", 30],
        [red_filter, "--steady", "off"],
    ):
        done = infer(*changed, clip, "-o", out)
        assert done.code == 3
        assert "out.mkv: was made by another filter or with other settings: add --overwrite to replace it" in done.err
        assert out.read_bytes() == before
    other = write_clip(tmp_path / "other.mp4", grey_frames(5, 72, 128))
    assert "was made of another clip" in infer(red_filter, other, "-o", out).err
    assert infer(red_filter, other, "-o", out, "--overwrite").code == 0
    assert len(frames_of(out)) == 5


def test_clips_that_fail_are_listed(infer: Infer, red_filter: Path, folder: Path, tmp_path: Path) -> None:
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mkv").write_text("no clip")
    (folder / "still.mov").write_bytes((folder / "a.jpg").read_bytes())
    done = infer(red_filter, folder, "-o", tmp_path / "out")
    assert done.code == 1
    assert "1 photo stylized" in done.out
    assert "2 clips stylized, 30 frames" in done.out
    assert "3 failed" in done.out
    assert len(done.err.splitlines()) == 3
    assert f"failed: {folder / 'empty.mp4'}: the file is empty" in done.err
    assert files(tmp_path / "out") == ["a.jpg", "c.mp4", "sub/b.mp4"]


def test_animations_stay_animations(infer: Infer, red_filter: Path, clip: Path, tmp_path: Path) -> None:
    from PIL import Image

    frames = [Image.fromarray(frame) for frame in grey_frames(3)]
    (tmp_path / "in").mkdir()
    frames[0].save(tmp_path / "in" / "a.gif", save_all=True, append_images=frames[1:])
    shutil.copy(clip, tmp_path / "in" / "b.mp4")
    done = infer(red_filter, tmp_path / "in", "-o", tmp_path / "out", "--format", "webp")
    assert (done.code, files(tmp_path / "out")) == (0, ["a.webp", "b.mp4"])
    assert "3 frames and pages in 1 file, each stylized by itself; 1 clip stylized, 20 frames" in done.out


# --- without the extra ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_av")
def test_without_the_extra(infer: Infer, red_filter: Path, folder: Path, clip: Path, tmp_path: Path) -> None:
    done = infer(red_filter, clip, "-o", tmp_path / "out.mp4")
    assert (done.code, done.out) == (5, "")
    assert "clip.mp4: is a clip, and this needs av, which is not installed: install the extra video with" in done.err
    assert len(done.err.splitlines()) == 1
    both = infer(red_filter, clip, folder, "-o", tmp_path / "out")
    assert both.code == 5
    assert not (tmp_path / "out").exists()
    mixed = infer(red_filter, folder, "-o", tmp_path / "out")
    assert mixed.code == 1
    assert "1 photo stylized" in mixed.out
    assert "2 failed" in mixed.out
    assert re.search(r"^failed: .*c\.avi and 1 more: a clip, and this needs av", mixed.err, re.MULTILINE)
    assert files(tmp_path / "out") == ["a.jpg"]


# --- options ----------------------------------------------------------------------------------------------


def test_a_part_in_another_container(infer: Infer, red_filter: Path, clip: Path, tmp_path: Path) -> None:
    options = ("--start", "0:00.2", "--end", "0.6", "--max-side", 64, "--codec", "hevc", "--crf", 30, "--steady", "off")
    done = infer(red_filter, clip, "-o", tmp_path / "out.mkv", *options)
    assert done.code == 0, done.err
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.format.name.startswith("matroska")
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("hevc", 64, 36)
        assert len(list(container.decode(stream))) == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--start", "soon"], "--start 'soon' is no time: give seconds such as 90 or 90.5, or a clock time"),
        (["--start", "1:75"], "--start '1:75' is no time"),
        (["--start", "-3"], "--start '-3' is no time"),
        (["--end", "0"], "end is 0 s, but start is 0 s: end has to be later"),
        (["--start", "5", "--end", "4"], "end is 4 s, but start is 5 s"),
        (["--max-side", "1"], "max-side is 1: give at least 16 pixels"),
        (["--crf", "-1"], "--crf -1"),
        (["--crf", "52"], "--crf 52"),
        (["--codec", "prores"], "--codec prores"),
        (["--codec", "nonsense"], "--codec nonsense"),
        (["--quality", "80"], "--quality: for photos only, and no input is a photo: leave out --quality"),
        (["--format", "png"], "--format: for photos only, and no input is a photo: leave out --format"),
        (["--timeline", "none.txt"], "none.txt: cannot be read: No such file or directory"),
    ],
)
def test_wrong_options_of_clips(
    infer: Infer, red_filter: Path, clip: Path, tmp_path: Path, *, options: list[str], message: str
) -> None:
    done = infer(red_filter, clip, "-o", tmp_path / "out.mp4", *options)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_steady_has_three_values(infer: Infer, red_filter: Path, clip: Path, tmp_path: Path) -> None:
    assert infer(red_filter, clip, "-o", tmp_path / "out.mp4", "--steady", "rock").code == 2


@pytest.mark.parametrize("option", [["--steady", "lock"], ["--start", "1"], ["--crf", "20"], ["--codec", "h264"]])
def test_options_of_clips_with_photos_only(
    infer: Infer, red_filter: Path, folder: Path, tmp_path: Path, option: list[str]
) -> None:
    done = infer(red_filter, folder / "a.jpg", "-o", tmp_path / "out", *option)
    assert done.code == 2
    assert f"{option[0]}: for clips only, and no input is a clip: leave out {option[0]}" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("inputs", "out", "message"),
    [
        (
            ["sub/b.mp4"],
            "x.png",
            r"x\.png: names one image file, but .*b\.mp4 is a clip: name a clip such as x\.mp4, or",
        ),
        (["a.jpg"], "x.mp4", r"x\.mp4: names one clip, but .*a\.jpg is a photo: name an image file, or a folder"),
        (["a.jpg", "c.avi"], "x.mp4", r"x\.mp4: names one clip, but there may be several inputs: give a folder"),
        (["."], "x.mkv", r"x\.mkv: names one clip, but there may be several inputs"),
        (["c.avi"], "x.avi", r"x\.avi: cannot write the format '\.avi': use one of .*\.mp4"),
        (["c.avi"], "in/c.avi", r"c\.avi: cannot write the format"),
        (["sub/b.mp4"], "in/sub/b.mp4", r"b\.mp4: is one of the clips and would be overwritten: choose another OUT"),
        (["."], "in", r"b\.mp4: is one of the|a\.jpg: is one of the photos and would be overwritten"),
    ],
)
def test_outputs_that_cannot_be(
    infer: Infer, red_filter: Path, folder: Path, tmp_path: Path, *, inputs: list[str], out: str, message: str
) -> None:
    before = {name: (folder / name).read_bytes() for name in files(folder)}
    done = infer(red_filter, *(folder / name for name in inputs), "-o", tmp_path / out, "--overwrite")
    assert done.code == 3
    assert re.search(message, done.err)
    assert {name: (folder / name).read_bytes() for name in files(folder)} == before


def test_progress_without_a_terminal(
    infer: Infer, red_filter: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress.LiveStatus.__init__, "__defaults__", (0.0,))
    monkeypatch.setattr("pix2style.video.clip_progress._EVERY_S", 0.0)
    done = infer(red_filter, clip, "-o", tmp_path / "out.mp4")
    assert re.search(
        r"^clip: 50% done, \d+ s left, 10 of 20 frames, [\d.]+ frames/s, [\d.]+ times real time$",
        done.err,
        re.MULTILINE,
    )


@pytest.mark.parametrize("frame", [0, 7])
def test_ctrl_c(
    infer: Infer, red_filter: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, frame: int
) -> None:
    real, left = ClipMeter.count, iter(range(frame))

    def count(meter: ClipMeter, time: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        real(meter, time)

    with monkeypatch.context() as patch:
        patch.setattr(ClipMeter, "count", count)
        done = infer(red_filter, clip, "-o", tmp_path / "my out.mp4")
    assert (done.code, done.out) == (130, "")
    command = f"pix2style infer {red_filter} {clip} -o '{tmp_path}/my out.mp4'"
    if frame == 0:
        assert done.err == f"pix2style: interrupted; no frame was done; the same command starts again: {command}\n"
        assert files(tmp_path) == []
    else:
        partial = tmp_path / "my out.partial.mp4"
        start = f"pix2style: interrupted; 7 frames are in {partial}; the same command starts again: {command}\n"
        assert done.err == start
        assert len(frames_of(partial)) == 7
    assert infer(red_filter, clip, "-o", tmp_path / "my out.mp4").code == 0
    assert files(tmp_path) == ["my out.mp4"]


def test_any_stylizer(infer: Infer, clip: Path, tmp_path: Path) -> None:
    done = infer("watercolor", clip, "-o", tmp_path / "out.mp4", "--end", "0.2")
    assert done.code == 0, done.err
    assert len(frames_of(tmp_path / "out.mp4")) == 5
    (tmp_path / "t.txt").write_text("0 strength=0.5")
    refused = infer("watercolor", clip, "-o", tmp_path / "other.mp4", "--timeline", tmp_path / "t.txt")
    assert refused.code == 2
    assert "strength and style change over time with filter files (.onnx) only, not with watercolor" in refused.err


# --- strength and style over time -------------------------------------------------------------------------


def test_strength_over_time(infer: Infer, red_filter: Path, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("# from the clip to the style\n0 strength=0\n\n0:00.4 strength=1 # all\n")
    infer(red_filter, clip, "-o", tmp_path / "out.mp4", "--timeline", tmp_path / "t.txt", "--crf", 1)
    before, after = frames_of(clip), frames_of(tmp_path / "out.mp4")
    for i, (old, new) in enumerate(zip(before, after, strict=True)):
        expected = OnnxStylizer(red_filter, strength=min(1.0, i / 10))(old)
        assert np.abs(expected.astype(int) - new).mean() < 6, i


def test_style_over_time(infer: Infer, lite_file: Callable[..., Path], clip: Path, tmp_path: Path) -> None:
    many = lite_file(styles=2)
    (tmp_path / "t.txt").write_text("0 style=0\n0.4 style=0.5,0.5\n0.76 style=1\n")
    (tmp_path / "half.txt").write_text("0 style=0.5,0.5\n")
    common = ("--crf", 1, "--steady", "off", "--max-side", 64)
    infer(many, clip, "-o", tmp_path / "changing.mp4", "--timeline", tmp_path / "t.txt", *common)
    for name, style in {"first": 0, "second": 1, "half": "0.5,0.5"}.items():
        infer(many, clip, "-o", tmp_path / f"{name}.mp4", "--style", style, *common)
    changing, first, half, second = (
        frames_of(tmp_path / f"{name}.mp4") for name in ("changing", "first", "half", "second")
    )
    for i, expected in ((0, first), (10, half), (19, second)):
        others = [other for other in (first, half, second) if other is not expected]
        distance = np.abs(changing[i].astype(int) - expected[i]).mean()
        assert all(distance < np.abs(changing[i].astype(int) - other[i]).mean() / 2 for other in others)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.txt: has no lines"),
        ("# nothing\n\n", "t.txt: has no lines"),
        ("0 strength=2", "t.txt:1: strength=2: give a number from 0"),
        ("0 strength=nan", "t.txt:1: strength=nan: give a number"),
        ("0 strength", "t.txt:1: 'strength' is unknown"),
        ("0 colour=1", "t.txt:1: 'colour=1' is unknown: give strength=0.5 or style=0.5,0.5"),
        ("0 strength=0\n\n5 strength = 1", "t.txt:3: 'strength' is unknown"),
        ("0 strength=0 strength=1", "t.txt:1: strength is given twice"),
        ("0", "t.txt:1: nothing follows the time"),
        ("strength=0", "t.txt:1: 'strength=0' is no time"),
        ("1:99 strength=0", "t.txt:1: '1:99' is no time"),
        ("5 strength=0\n4 strength=1", "t.txt:2: 4 is not later than the line before (0:05): sort the lines"),
        ("5 strength=0\n5 strength=1", "t.txt:2: 5 is not later"),
        ("0 style=1", "t.txt:1: style=1: the filter holds one style"),
        (b"0 strength=0\xff", "t.txt: is no text in UTF-8"),
        (b"\0" * (1 << 21), "t.txt: is too large for a timeline"),
    ],
)
def test_wrong_timelines(
    infer: Infer, red_filter: Path, clip: Path, tmp_path: Path, *, text: str | bytes, message: str
) -> None:
    (tmp_path / "t.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    done = infer(red_filter, clip, "-o", tmp_path / "out.mp4", "--timeline", tmp_path / "t.txt")
    assert done.code == 2
    assert message in done.err
    assert files(tmp_path) == ["t.txt"]


def test_wrong_styles_in_a_timeline(infer: Infer, lite_file: Callable[..., Path], clip: Path, tmp_path: Path) -> None:
    for text in ("0 style=2", "0 style=0.5,0.6", "0 style=1,0,0", "0 style=x"):
        (tmp_path / "t.txt").write_text(text)
        done = infer(lite_file(styles=2), clip, "-o", tmp_path / "out.mp4", "--timeline", tmp_path / "t.txt")
        assert (done.code, "t.txt:1: " in done.err) == (2, True)


def test_parts_of_photos_and_clips(infer: Infer, folder: Path, tmp_path: Path) -> None:
    def files(out: Path) -> dict[str, bytes]:
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}

    assert infer("watercolor", folder, "-o", tmp_path / "whole", "--steady", "off").code == 0
    for number in (3, 1, 2, 4):
        done = infer(
            "watercolor", folder, "-o", tmp_path / "out", "--steady", "off", "--shard", f"{number}/4", "--json"
        )
        report = json.loads(done.out)
        # Options for clips are not refused in a part without clips; one photo, then one clip after the other.
        assert (done.code, report["inputs"], len(report["clips"]), len(report["written"])) == (
            0,
            3,
            int(number in (2, 3)),
            int(number < 4),
        )
    assert files(tmp_path / "out") == files(tmp_path / "whole")
