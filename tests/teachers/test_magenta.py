"""Magenta's teacher against the hub module's own output, real downloads from a server on this machine, and damage."""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import ArtifactError, ImageError
from pix2style.files import sha256_file, sha256_folder
from pix2style.images import Image8, crop_to_square, encode_png, find_images, read_picture
from pix2style.loading import load_stylizer
from pix2style.teachers import magenta
from pix2style.teachers.magenta import MODULE_VARIABLE, MagentaTeacher

# Not importorskip: TensorFlow must not be loaded before triton (see _load_triton_first).
if importlib.util.find_spec("tensorflow_hub") is None:
    pytest.skip("TensorFlow is not installed: pix2style[magenta]", allow_module_level=True)


@pytest.fixture(scope="module")
def folder(assets: Path) -> Path:
    path = assets / "assets" / "teacher" / "magenta26"
    if not path.is_dir():
        pytest.skip(f"no SavedModel at {path}")
    return path


@pytest.fixture(scope="module")
def painting(assets: Path) -> Path:
    return assets / "data" / "styles" / "style08.jpg"


@pytest.fixture(scope="module")
def teacher(folder: Path, painting: Path) -> MagentaTeacher:
    return MagentaTeacher(painting, module=str(folder))


@pytest.fixture
def any_painting(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    path = tmp_path / "painting.png"
    path.write_bytes(encode_png(photos(1)[0]))
    return path


# --- what it paints ------------------------------------------------------------------------------------------------


def test_equals_the_hub_modules_own_output(teacher: MagentaTeacher, folder: Path, painting: Path, assets: Path) -> None:
    tf, hub = magenta._import_tensorflow()

    photo = read_picture(find_images([assets / "data" / "content"])[0].path).rgb[:320, :480]
    style = crop_to_square(read_picture(painting, to_srgb=True).on_white(), 256)
    module = hub.load(str(folder))
    own = module(tf.constant(photo[None] / np.float32(255)), tf.constant(style[None] / np.float32(255)))[0]
    expected = np.rint(np.clip(own.numpy()[0], 0, 1) * 255).astype(np.uint8)
    [stylized] = teacher.stylize([photo])
    np.testing.assert_array_equal(stylized, expected)
    assert np.abs(stylized.astype(int) - photo).mean() > 10  # it did paint


@pytest.mark.parametrize("size", [(127, 253), (321, 10), (5, 3), (1, 1), (1, 9), (8, 8)])
def test_sizes_come_out_as_they_went_in(
    teacher: MagentaTeacher, photos: Callable[..., list[Image8]], size: tuple[int, int]
) -> None:
    [stylized] = teacher.stylize(photos(1, *size))
    assert stylized.shape == (*size, 3)
    assert stylized.dtype == np.uint8


def test_odd_sizes_stay_aligned_with_the_photo(teacher: MagentaTeacher, photos: Callable[..., list[Image8]]) -> None:
    """A photo without its last rows is painted like the whole photo there, not shifted or stretched."""
    [photo] = photos(1, 128, 192)
    whole, part = teacher.stylize([photo, photo[:127, :190]])
    moved = np.abs(whole[:127, :190].astype(int) - part)[:100, :160].mean()
    shifted = np.abs(whole[1:101, 1:161].astype(int) - part[:100, :160]).mean()
    assert moved < 1.5
    assert shifted > 3 * moved


def test_a_photo_does_not_depend_on_the_others(teacher: MagentaTeacher, assets: Path) -> None:
    """Real photos at 320 pixels: painted as one batch by TensorFlow, some differ by a level."""
    found = find_images([assets / "data" / "content"])[:4]
    photos = [crop_to_square(read_picture(one.path).rgb, 320) for one in found]
    photos.insert(1, photos[0][:61, :90])
    for photo, stylized in zip(photos, teacher.stylize(photos), strict=True):
        np.testing.assert_array_equal(stylized, teacher.stylize([photo])[0])
    assert teacher.stylize([]) == []


def test_each_8_bit_value_survives_the_conversion() -> None:
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(magenta._from_unit(magenta._to_unit(levels)), levels)


def test_identity_names_network_and_painting(teacher: MagentaTeacher, folder: Path, painting: Path) -> None:
    identity = teacher.identity
    assert identity.name == "magenta:style08.jpg"
    assert identity.sha256 == sha256_folder(folder)
    assert identity.style_sha256 == (sha256_file(painting),)
    assert identity.licence == "Apache-2.0"
    assert str(folder) not in str(identity)


def test_another_painting_paints_otherwise(
    teacher: MagentaTeacher, folder: Path, assets: Path, photos: Callable[..., list[Image8]]
) -> None:
    night = load_stylizer(f"magenta:{assets / 'data' / 'styles' / 'style19.jpg'}", teacher_module=str(folder))
    [photo] = photos(1, 64, 64)
    assert np.abs(night(photo).astype(int) - teacher(photo)).mean() > 5


def test_the_environment_variable_names_the_module(
    folder: Path, painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODULE_VARIABLE, str(folder))
    assert MagentaTeacher(painting).identity.sha256 == sha256_folder(folder)
    with pytest.raises(ArtifactError, match="nowhere"):  # the argument comes first
        MagentaTeacher(painting, module="nowhere")


def test_nothing_is_said_on_stderr(folder: Path, painting: Path) -> None:
    code = (
        "import sys, numpy; from pathlib import Path; from pix2style.loading import load_stylizer;"
        "load_stylizer('magenta:' + sys.argv[1], teacher_module=sys.argv[2])(numpy.zeros((8, 8, 3), 'uint8'));"
        "import os; assert os.environ['TF_FORCE_GPU_ALLOW_GROWTH'] == 'true'; assert 'torch' not in sys.modules"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(painting), str(folder)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")
def test_torch_can_load_its_compiler_afterwards(any_painting: Path, folder: Path) -> None:
    """Two LLVMs in one process: in the wrong order the second one aborts it."""
    code = (
        "import sys; from pix2style.loading import load_stylizer;"
        "load_stylizer('magenta:' + sys.argv[1], teacher_module=sys.argv[2]); import torch._dynamo"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(any_painting), str(folder)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_missing_or_broken_painting_is_named(tmp_path: Path, folder: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    for path in (tmp_path / "missing.jpg", broken, tmp_path):
        with pytest.raises(ImageError, match=path.name):
            MagentaTeacher(path, module=str(folder))


@pytest.mark.parametrize("name", [".", "missing"])
def test_a_folder_that_is_no_saved_model(tmp_path: Path, any_painting: Path, name: str) -> None:
    with pytest.raises(ArtifactError, match=r"is no SavedModel folder.*kaggle.*--module PATH.*PIX2STYLE_MAGENTA"):
        MagentaTeacher(any_painting, module=str(tmp_path / name))


@pytest.mark.parametrize(
    "file", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]
)
@pytest.mark.parametrize("damage", ["cut", "gone", "noise"])
def test_a_damaged_saved_model(tmp_path: Path, folder: Path, any_painting: Path, file: str, damage: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    victim = copy / file
    whole = victim.read_bytes()
    victim.unlink()
    if damage != "gone":
        victim.write_bytes(whole[: len(whole) // 2] if damage == "cut" else os.urandom(len(whole) // 2))
    with pytest.raises(ArtifactError, match="copy: "):
        MagentaTeacher(any_painting, module=str(copy))


def _save_module(path: Path, answer: Callable[..., object]) -> None:
    tf, _ = magenta._import_tensorflow()

    class Module(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3])] * 2)  # type: ignore[untyped-decorator]
        def __call__(self, photo: object, style: object) -> object:
            return answer(photo)

    tf.saved_model.save(Module(), str(path))


@pytest.mark.parametrize(
    "answer",
    [
        lambda photo: (photo[:, ::2],),  # another size
        lambda photo: (photo * 255,),  # another range
        lambda photo: (photo * float("nan"),),
        lambda photo: {"picture": photo},
        lambda photo: photo,  # [0] is then one picture without a batch
    ],
)
def test_another_network_is_refused(tmp_path: Path, any_painting: Path, answer: Callable[..., object]) -> None:
    _save_module(tmp_path / "other", answer)
    with pytest.raises(ArtifactError, match="is not Magenta's arbitrary stylization") as caught:
        MagentaTeacher(any_painting, module=str(tmp_path / "other"))
    assert str(caught.value).count("kaggle.com") == 1


def test_a_saved_model_that_cannot_be_called_is_refused(tmp_path: Path, any_painting: Path) -> None:
    tf, _ = magenta._import_tensorflow()

    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(ArtifactError, match="is not Magenta's arbitrary stylization"):
        MagentaTeacher(any_painting, module=str(tmp_path / "other"))


# --- downloads, from a server on this machine ------------------------------------------------------------


class _Site:
    """Answers every request with `status` and `body`, or never if `status` is 0."""

    def __init__(self) -> None:
        self.status, self.body, self.asked = 200, b"", 0
        self.closing = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked += 1
                if site.status == 0:
                    site.closing.wait(30)
                    return
                self.send_response(site.status)
                self.send_header("Content-Length", str(len(site.body)))
                self.end_headers()
                self.wfile.write(site.body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/magenta/2"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[_Site]:
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    site = _Site()
    yield site
    site.close()


def _archive(folder: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        tar.add(folder, arcname=".")
    return stream.getvalue()


def test_a_download_is_kept_in_the_users_cache(
    site: _Site, tmp_path: Path, folder: Path, any_painting: Path, teacher: MagentaTeacher
) -> None:
    site.body = _archive(folder)
    first = MagentaTeacher(any_painting, module=site.address)
    site.status = 403  # from now on it can only come from the cache
    second = MagentaTeacher(any_painting, module=site.address)
    assert site.asked == 1
    assert first.identity.sha256 == second.identity.sha256 == teacher.identity.sha256
    assert list((tmp_path / "cache" / "pix2style" / "tfhub").glob("*/saved_model.pb"))
    assert "TFHUB_CACHE_DIR" not in os.environ


@pytest.mark.parametrize(
    ("status", "body"),
    [(403, b""), (404, b""), (503, b""), (200, b"<html>moved</html>"), (200, b""), (0, b"")],
)
def test_a_site_that_does_not_deliver(
    site: _Site, any_painting: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes
) -> None:
    monkeypatch.setattr(magenta, "_NETWORK_TIMEOUT_S", 0.5)
    site.status, site.body = status, body
    with pytest.raises(ArtifactError, match=r"127.0.0.1.*kaggle.*--module PATH.*PIX2STYLE_MAGENTA"):
        MagentaTeacher(any_painting, module=site.address)
    assert site.asked >= 1


def test_a_download_that_breaks_off_leaves_nothing(site: _Site, folder: Path, any_painting: Path) -> None:
    whole = _archive(folder)
    site.body = whole[: len(whole) // 2]
    with pytest.raises(ArtifactError, match="cannot be downloaded"):
        MagentaTeacher(any_painting, module=site.address)
    site.body = whole
    MagentaTeacher(any_painting, module=site.address)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/magenta/2", "http://no-such-host.invalid/2", "odd://x/y"])
def test_an_address_that_cannot_be_reached(site: _Site, any_painting: Path, address: str) -> None:
    with pytest.raises(ArtifactError, match=r"cannot be (downloaded|loaded).*kaggle"):
        MagentaTeacher(any_painting, module=address)
