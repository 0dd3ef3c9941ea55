"""The commands `pix2style teacher`, for people and for scripts."""

from __future__ import annotations

import importlib.util
import json
import socket
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pix2style.cli import main
from pix2style.errors import ArtifactError
from pix2style.files import sha256_file, sha256_folder
from pix2style.images import encode_png
from pix2style.teachers.magenta.mobile import find


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Done]:
    """Run `pix2style teacher` with an empty cache, without PIX2STYLE_MAGENTA and without the mobile network's wheel."""
    monkeypatch.setattr(find, "installed_version", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PIX2STYLE_MAGENTA", raising=False)

    def call(*arguments: object) -> Done:
        monkeypatch.setattr("sys.argv", ["pix2style", "teacher", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capfd.readouterr()
        return Done(int(left.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture
def folder(assets: Path) -> Path:
    path = assets / "assets" / "teacher" / "magenta26"
    if not path.is_dir():
        pytest.skip(f"no SavedModel at {path}")
    return path


def test_fetch_convert_info(teacher: Callable[..., Done], folder: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("tf2onnx") is None:
        pytest.skip("tf2onnx is not installed: pix2style[convert]")
    digest = sha256_folder(folder)
    fetched = teacher("fetch", "--from", folder, "--json")
    assert (fetched.code, fetched.err) == (0, "")
    assert json.loads(fetched.out)["sha256"] == digest

    before = json.loads(teacher("info", "--json").out)
    assert (before["sha256"], before["style_length"], before["conversion"]) == (digest, 26, None)
    assert (before["backends"], before["cached"], before["licence"]) == (["tensorflow"], True, "Apache-2.0")
    assert before["files"]["saved_model.pb"]["sha256"] == sha256_file(folder / "saved_model.pb")

    done = teacher("convert", "--json")
    assert (done.code, done.err) == (0, "")
    converted = Path(json.loads(done.out)["folder"])
    assert teacher("convert").code == 0  # a second conversion keeps the first one

    after = json.loads(teacher("info", "--json").out)
    assert (after["backends"], after["conversion"]) == (["onnx", "tensorflow"], str(converted))
    size = (converted / "transformer.onnx").stat().st_size
    assert after["conversion_files"]["transformer.onnx"]["size_bytes"] == size
    text = teacher("info").out
    for words in (digest, "Apache-2.0", "26 numbers", "onnx, tensorflow", f"{size:,}", "copied from a local folder"):
        assert words in text

    by_path = json.loads(teacher("info", "--module", converted, "--json").out)
    assert (by_path["form"], by_path["sha256"], by_path["backends"]) == ("onnx", digest, ["onnx"])
    (converted / "style.onnx").write_bytes(b"damage")
    damaged = teacher("info")
    assert damaged.code == ArtifactError.exit_code == 4
    assert "style.onnx: is damaged" in damaged.err


def test_without_internet_every_command_says_what_to_do(
    teacher: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise socket.gaierror("no network in this test")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    if importlib.util.find_spec("kagglehub") is not None:
        import kagglehub

        monkeypatch.setattr(kagglehub, "model_download", refuse)
    done = teacher("fetch")
    assert (done.code, done.out) == (4, "")
    assert len(done.err.splitlines()) == 4
    for words in ("tfhub.dev", "kaggle:google", "no network in this test", "fetch --from PATH", "--module PATH"):
        assert words in done.err
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    for command in ("info", "convert"):
        done = teacher(command)
        assert (done.code, done.out) == (5, "")
        assert len(done.err.splitlines()) == 4
        assert "pix2style teacher fetch" in done.err


def test_folders_without_a_network_are_refused(teacher: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "photo.png").write_bytes(encode_png(np.zeros((4, 4, 3), np.uint8)))
    for arguments in (("fetch", "--from"), ("convert", "--module"), ("info", "--module")):
        for name in ("empty", "missing"):
            done = teacher(*arguments, tmp_path / name)
            assert done.code == 4
            assert f"{name}: is no SavedModel folder" in done.err
    assert not (tmp_path / "cache").exists()


def test_convert_overwrites_nothing(teacher: Callable[..., Done], folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    done = teacher("convert", "--module", folder, "-o", tmp_path / "mine")
    assert (done.code, list((tmp_path / "mine").iterdir())) == (4, [])
    assert "already exists" in done.err
