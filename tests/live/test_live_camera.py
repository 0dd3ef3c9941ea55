"""Cameras, clips and addresses, without a camera: FFmpeg's test pictures are a device like any other."""

from __future__ import annotations

import errno
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from live_parts import write_clip

from pix2style.errors import DataError
from pix2style.live import camera
from pix2style.live.camera import open_camera
from pix2style.live.source import ClipSource, open_source
from pix2style.live.upright import UprightFrames
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames

TEST_PICTURES = "lavfi:testsrc2=size=64x48:rate=100"


def opened(text: object, *, loops: bool = False) -> Any:
    return open_source(str(text), size=(64, 48), loops=loops, on_note=lambda _: None)


def test_a_device_of_ffmpeg_sends_frames_until_it_is_stopped() -> None:
    source, stop = opened(TEST_PICTURES), threading.Event()
    frames = source.frames(stop)
    shapes = [next(frames).shape for _ in range(5)]
    stop.set()
    assert shapes == [(48, 64, 3)] * 5
    assert (source.height_px, source.width_px, source.is_camera) == (48, 64, False)
    source.close()


def test_a_clip_at_an_address_is_played_to_its_end_at_its_pace(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", count=11, rate=50)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = opened(f"http://127.0.0.1:{server.server_port}/clip.mp4")
        begin = time.monotonic()
        assert len(list(source.frames(threading.Event()))) == 11
        assert time.monotonic() - begin >= 0.19
        source.close()
        server.shutdown()


@pytest.mark.parametrize("turn", [0, 90, 180])
def test_a_clip_at_an_address_looks_as_the_clip(tmp_path: Path, turn: int) -> None:
    """HD that does not say how its colours are meant, of a phone that was turned."""
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream: Any = container.add_stream("libx264", rate=50)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        stream.set_display_rotation(-turn)
        pixels = np.zeros((720, 1280, 3), np.uint8)
        pixels[:360, :640], pixels[360:, 640:] = (200, 30, 20), (20, 180, 40)
        for _ in range(2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode(None))
    wanted = [frame.rgb for frame in read_frames(read_facts(tmp_path / "clip.mp4"))]
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = opened(f"http://127.0.0.1:{server.server_port}/clip.mp4")
        assert (source.height_px, source.width_px) == wanted[0].shape[:2]
        frames = list(source.frames(threading.Event()))
        source.close()
        server.shutdown()
    assert len(frames) == 2
    assert all(np.array_equal(found, frame) for found, frame in zip(frames, wanted, strict=True))


def test_colours_of_a_camera_that_does_not_state_them() -> None:
    """Those of a USB camera are meant as BT.601 in HD, too, and those of an address as players take them."""
    red = av.VideoFrame.from_ndarray(np.full((720, 1280, 3), (200, 30, 20), np.uint8), "rgb24")
    found = []
    with av.open("testsrc2=size=1280x720", format="lavfi") as container:
        for is_camera in (True, False):
            frame = red.reformat(format="yuv422p", dst_colorspace="ITU601")
            frame.colorspace = 2
            found.append(UprightFrames(container, container.streams.video[0], "a", is_camera=is_camera).convert(frame))
    of_camera, of_address = found
    assert np.abs(of_camera.astype(int) - (200, 30, 20)).max() <= 3
    assert np.abs(of_address.astype(int) - (200, 30, 20)).max() > 10


def test_a_device_without_a_frame_is_reported() -> None:
    with pytest.raises(DataError, match="sent no frame"):
        list(opened(TEST_PICTURES + ":duration=0").frames(threading.Event()))


def test_a_device_that_ends_ends_the_frames() -> None:
    assert len(list(opened(TEST_PICTURES + ":duration=0.1").frames(threading.Event()))) == 10


def test_a_clip_is_played_at_its_pace(tmp_path: Path) -> None:
    source = opened(write_clip(tmp_path / "clip.mp4", count=11, rate=50))
    begin = time.monotonic()
    brightness = [float(frame.mean()) for frame in source.frames(threading.Event())]
    assert 0.2 <= time.monotonic() - begin < 3
    assert len(brightness) == 11
    assert brightness == sorted(brightness)


@pytest.mark.parametrize(("options", "size"), [({"aspect": 2}, (48, 128)), ({"aspect": 2, "turn": 90}, (128, 48))])
def test_a_clip_is_shown_upright_and_in_square_pixels(
    tmp_path: Path, options: dict[str, int], size: tuple[int, int]
) -> None:
    source = opened(write_clip(tmp_path / "clip.mp4", count=2, **options))
    assert (source.height_px, source.width_px) == size
    assert [frame.shape[:2] for frame in source.frames(threading.Event())] == [size, size]


def test_a_clip_loops_if_asked_and_stops_at_once(tmp_path: Path) -> None:
    source, stop = opened(write_clip(tmp_path / "clip.mp4", count=3), loops=True), threading.Event()
    frames = source.frames(stop)
    brightness = [float(next(frames).mean()) for _ in range(7)]
    assert brightness[:3] == brightness[3:6]
    stop.set()
    assert list(frames) == []


def test_a_clip_of_one_frame_loops_without_spinning(tmp_path: Path) -> None:
    source, stop = opened(write_clip(tmp_path / "clip.mp4", count=1, rate=10), loops=True), threading.Event()
    threading.Timer(0.45, stop.set).start()
    assert len(list(source.frames(stop))) <= 6


def test_numbers_name_cameras_and_paths_name_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.mp4", count=2).rename("7")
    assert isinstance(opened("./7"), ClipSource)
    with pytest.raises(DataError, match="camera 7: there is none"):
        opened("7")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing.mp4", "nothing.mp4: no such clip or camera: give a clip"),
        ("Face Cam", "Face Cam: no such clip or camera"),
        ("/dev/null", "/dev/null: is no camera"),
        (".", ".: is a folder: name a clip in it"),
        ("ftp://host/x", "ftp://host/x: unknown kind of address"),
        ("file:///etc/passwd", "file:///etc/passwd: unknown kind of address"),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x: cannot be opened (Connection refused)"),
        ("lavfi:nonsense", "lavfi:nonsense: cannot be opened"),
        ("v4l2:/dev/video99", "v4l2:/dev/video99: cannot be opened (No such file or directory)"),
        ("concat:a|b", "concat:a|b: no such clip or camera"),
        ("\0", "no such clip or camera"),
        ("x" * 5000, "no such clip or camera"),
        ("", "is a folder"),
    ],
)
def test_what_is_no_source_is_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        opened(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"no video\n", bytes(5000), b"#EXTM3U\nhttp://127.0.0.1/x\n", b"\x1aE\xdf\xa3"]
)
def test_hostile_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(DataError, match=r"clip\.mp4"):
        opened(tmp_path / "clip.mp4")


def test_a_clip_that_is_cut_off_plays_what_there_is(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", count=40, height=240, width=320)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 0 < len(list(opened(path).frames(threading.Event()))) < 40


class Fakes:
    """Stands in for `av.open`: fails by these errors, one after another, and keeps the options."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: int) -> None:
        self.errors, self.options = list(errors), list[dict[str, str]]()
        monkeypatch.setattr(camera, "_open", self.open)
        monkeypatch.setattr(camera, "_exists", lambda _: True)

    def open(self, _address: str, _format: str, options: dict[str, str]) -> object:
        self.options.append(options)
        if self.errors:
            number = self.errors.pop(0)
            raise OSError(number, f"error {number}")
        codec = SimpleNamespace(height=480, width=640)
        stream = SimpleNamespace(codec_context=codec, thread_type="")
        return SimpleNamespace(streams=SimpleNamespace(video=[stream]), close=lambda: None)


@pytest.mark.skipif(sys.platform != "linux", reason="names of cameras on Linux")
def test_a_camera_without_the_wanted_format_is_opened_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = Fakes(monkeypatch, errno.EINVAL, errno.EINVAL)
    source = open_camera("0", (1280, 720))
    assert (source.name, source.is_camera, source.width_px) == ("/dev/video0", True, 640)
    assert fakes.options[0] == {"video_size": "1280x720", "framerate": "30", "input_format": "mjpeg"}
    assert fakes.options[2] == {}


@pytest.mark.skipif(sys.platform != "linux", reason="names of cameras on Linux")
@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, 'no permission to use the camera: add yourself to the group "video"'),
        (errno.EBUSY, "another program uses the camera"),
        (errno.ENODEV, "is no camera"),
    ],
)
def test_a_camera_that_cannot_be_opened_is_explained(
    monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    fakes = Fakes(monkeypatch, number)
    with pytest.raises(DataError, match=message):
        open_camera("/dev/video0", (1280, 720))
    assert len(fakes.options) == 1  # another format would not help


def test_a_camera_that_opens_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import av

    released = threading.Event()
    monkeypatch.setattr(av, "open", lambda *_, **__: released.wait(20))
    monkeypatch.setattr(camera, "_OPEN_TIMEOUT_S", 0.1)
    monkeypatch.setattr(camera, "_READ_TIMEOUT_S", 0.1)
    with pytest.raises(DataError, match=r"no frame came in 0 s: unplug the camera"):
        opened(TEST_PICTURES)
    released.set()


@pytest.mark.parametrize(("platform", "format_"), [("darwin", "avfoundation"), ("win32", "dshow")])
def test_cameras_of_macos_and_windows_are_found_by_number_and_name(
    monkeypatch: pytest.MonkeyPatch, platform: str, format_: str
) -> None:
    import av

    def devices(kind: str) -> list[SimpleNamespace]:
        assert kind == format_
        return [
            SimpleNamespace(name="0", description="FaceTime HD Camera", media_types=["video"]),
            SimpleNamespace(name="1", description="Microphone", media_types=["audio"]),
            SimpleNamespace(name="2", description="USB Webcam", media_types=["video"]),
        ]

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(av, "enumerate_input_devices", devices, raising=False)
    addresses = [camera._find_device(text).address for text in ("0", "1", "webcam")]
    assert [address.removeprefix("video=").removesuffix(":none") for address in addresses] == [
        "FaceTime HD Camera",
        "USB Webcam",
        "USB Webcam",
    ]
    with pytest.raises(DataError, match="camera 2: there is none: the cameras here are FaceTime HD Camera, USB Webcam"):
        camera._find_device("2")
