"""Outputs that cannot be written are found out before the work, and leave nothing behind."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import ConfigError, DataError
from pix2style.images import Picture, write_picture
from pix2style.writable import check_can_write, check_can_write_folder

Pix2Style = Callable[..., tuple[int, str, str]]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    write_picture(tmp_path / "photo.png", Picture(np.full((64, 64, 3), 7, np.uint8)))
    return tmp_path / "photo.png"


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """A folder that cannot be made, because its parent is a file; root may write anywhere else."""
    (tmp_path / "file").write_bytes(b"")
    return tmp_path / "file" / "folder"


def test_what_can_be_written(tmp_path: Path) -> None:
    check_can_write(tmp_path / "new" / "folder" / "a.png")
    check_can_write_folder(tmp_path / "new" / "folder")
    (tmp_path / "a.png").write_bytes(b"old")
    check_can_write(tmp_path / "a.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("name", "reason"), [("file/a.png", "Not a directory"), (f"{'n' * 300}.png", "File name too long")]
)
def test_what_cannot_be_written(tmp_path: Path, blocked: Path, name: str, reason: str) -> None:
    with pytest.raises(DataError, match=f"{reason}\\): name another place"):
        check_can_write(tmp_path / name)
    with pytest.raises(ConfigError, match="is a folder: name a file in it"):
        check_can_write(tmp_path, ConfigError)
    with pytest.raises(DataError, match="cannot be written"):
        check_can_write_folder(tmp_path / "file")
    with pytest.raises(DataError, match="cannot be written"):
        check_can_write(tmp_path / "a\0b.png")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_file_system_that_takes_no_files() -> None:
    with pytest.raises(DataError, match=r"/proc/x/a\.png: cannot be written"):
        check_can_write(Path("/proc/x/a.png"))


def test_infer(
    pix2style: Pix2Style, red_filter: Path, photo: Path, blocked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

    monkeypatch.setattr(OnnxStylizer, "stylize", lambda *_: pytest.fail("worked before looking at the output"))
    code, _, err = pix2style("infer", red_filter, photo, "-o", blocked)
    assert code == 3
    assert err.startswith(f"pix2style: {blocked}: cannot be written (Not a directory)")


def test_train_features(pix2style: Pix2Style, photo: Path, blocked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pix2style.training import autoencoder

    monkeypatch.setattr(autoencoder, "read_photos", lambda *_, **__: pytest.fail("worked before looking at the output"))
    code, _, err = pix2style("train-features", "--content", photo, "--out", blocked / "f.safetensors")
    assert (code, err.count("\n")) == (2, 1)
    assert f"{blocked / 'f.safetensors'}: cannot be written (Not a directory)" in err


def test_eval_sheet(pix2style: Pix2Style, red_filter: Path, photo: Path, blocked: Path) -> None:
    options = ("--photos", photo, "--teacher", "watercolor", "--features", "none")
    code, out, err = pix2style("eval", red_filter, *options, "--sheet", blocked / "sheet.png")
    assert (code, out) == (3, "")
    assert err.startswith(f"pix2style: {blocked / 'sheet.png'}: cannot be written")


def test_stylize(pix2style: Pix2Style, photo: Path, blocked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pix2style.teachers.gatys import stylize_file

    monkeypatch.setattr(stylize_file, "GatysTeacher", lambda *_, **__: pytest.fail("loaded the network first"))
    painting = photo.parent / "painting.png"
    write_picture(painting, Picture(np.full((64, 64, 3), 90, np.uint8)))
    code, _, err = pix2style("stylize", photo, painting, "-o", blocked / "x.png")
    assert (code, "cannot be written" in err) == (3, True)
    code, _, err = pix2style("stylize", photo, painting, "-o", photo.parent / "x.png", "--intermediate", blocked)
    assert (code, f"{blocked}: cannot be written" in err) == (3, True)


def test_a_cache_that_cannot_be_written(
    pix2style: Pix2Style, blocked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"")
    code, _, err = pix2style("teacher", "fetch", "--from", tmp_path / "model")
    assert (code, err.count("\n")) == (4, 1)
    assert "Not a directory): networks are kept there: set XDG_CACHE_HOME to a folder that can be written" in err


def test_without_a_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    from pix2style.files import user_cache_folder

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert not user_cache_folder().exists()
    with pytest.raises(OSError, match=r"Not a directory|cannot find|exists"):
        user_cache_folder().mkdir(parents=True)


@pytest.mark.parametrize("value", ["0.5", None, [0.5], float("nan"), -0.1, 1.5])
def test_strengths_that_are_none(red_filter: Path, value: object) -> None:
    from pix2style import load_stylizer

    with pytest.raises(ConfigError, match=r"strength is .*: give a number from 0"):
        load_stylizer(red_filter, strength=value)  # type: ignore[arg-type]


def test_other_arguments_of_a_wrong_type(red_filter: Path, lite_file: Callable[..., Path]) -> None:
    from pix2style import load_stylizer

    for tile in ("256", 1.5, -1):
        with pytest.raises(ConfigError, match=r"tile is .*: give a tile's side in pixels"):
            load_stylizer(red_filter, tile=tile)  # type: ignore[arg-type]
    for style in (1.0, object(), ["a", "b", "c"], [None, 1, 2]):
        with pytest.raises(ConfigError, match=r"style is .*: give the id of a style"):
            load_stylizer(lite_file(styles=3), style=style)  # type: ignore[arg-type]
    assert load_stylizer(lite_file(styles=3), style=np.int64(1), strength=np.float32(0.5)).identity.settings == {
        "strength": 0.5,
        "style": "1",
    }


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
@pytest.mark.parametrize(("umask", "expected"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0o002, 0o664)])
def test_files_get_the_permissions_of_any_new_file(tmp_path: Path, umask: int, expected: int) -> None:
    import torch
    from safetensors.torch import save_file

    from pix2style.files import atomic_path, write_bytes, write_json

    before = os.umask(umask)
    try:
        write_bytes(tmp_path / "a", b"a")
        write_json(tmp_path / "b", {})
        with atomic_path(tmp_path / "c.safetensors") as temporary:
            save_file({"a": torch.zeros(1)}, temporary)  # which puts a private file in its place
        _write_weights(tmp_path)
    finally:
        os.umask(before)
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == dict.fromkeys(
        ("a", "b", "c.safetensors", "model.safetensors", "config.json", "generator.safetensors"), expected
    )


def _write_weights(folder: Path) -> None:
    from pix2style.export.package import write_weights
    from pix2style.nets.lite import Lite
    from pix2style.training.run.checkpoints.checkpoint import _save_weights

    write_weights(Lite(8, 1).eval(), {}, folder)
    _save_weights(Lite(8, 1), folder / "generator.safetensors")
