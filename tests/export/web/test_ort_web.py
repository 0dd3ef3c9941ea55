"""How the files of ONNX Runtime Web are found, and what is said where they are not."""

from __future__ import annotations

import base64
import hashlib
import io
import sys
import tarfile
from pathlib import Path

import pytest

from pix2style.errors import ArtifactError
from pix2style.export.web import ort_web
from pix2style.export.web.ort_web import FILES, PACKAGE, find_ort_web
from pix2style.files import sha256_bytes

PACKAGE_FILES = [name for files in FILES.values() for name in files.values()]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no npm."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "cache/pix2style/onnxruntime-web" / ort_web.VERSION


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package whose digests are the expected ones."""
    contents = {name: f"content of {name}".encode() for name in PACKAGE_FILES}
    path = tmp_path / "onnxruntime-web.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {**contents, "unneeded.js": b"x"}.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    monkeypatch.setattr(ort_web, "_INTEGRITY", f"sha512-{digest}")
    monkeypatch.setattr(ort_web, "_SHA256", {name: sha256_bytes(data) for name, data in contents.items()})
    return path


def _npm(folder: Path, script: str) -> None:
    """Put a program called npm on the path."""
    path = folder / "bin/npm"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_without_npm_the_message_says_two_ways_forward() -> None:
    with pytest.raises(ArtifactError) as error:
        find_ort_web()
    assert (
        "npm, which brings them, is not installed: install npm (https://nodejs.org), or on a machine with npm"
        in str(error.value)
    )
    assert f"run `npm pack {PACKAGE}`, and give the file that it writes by --ort-web FILE" in str(error.value)


def test_a_package_file_is_kept_in_the_cache(package: Path, cache: Path, tmp_path: Path) -> None:
    found = find_ort_web(package)
    assert found.version == ort_web.VERSION
    assert found.read("ort.wasm.min.mjs") == b"content of ort.wasm.min.mjs"
    assert sorted(path.name for path in cache.iterdir()) == sorted(PACKAGE_FILES)
    package.unlink()
    assert find_ort_web().folder == cache


@pytest.mark.skipif(sys.platform == "win32", reason="npm stands in as a shell script")
def test_npm_brings_the_package_once_and_damage_is_noticed(
    package: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _npm(tmp_path, f'/bin/cp "{package}" "$5/onnxruntime-web.tgz"; echo called >> "{tmp_path}/calls"')
    for _ in range(2):
        find_ort_web()
    assert "npm brings onnxruntime-web@" in capsys.readouterr().err
    (cache / PACKAGE_FILES[0]).write_text("damaged")
    assert find_ort_web().read(PACKAGE_FILES[0]).startswith(b"content of")
    assert (tmp_path / "calls").read_text() == "called\ncalled\n"


@pytest.mark.skipif(sys.platform == "win32", reason="npm stands in as a shell script")
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ('echo \'{"error": {"code": "ENOTFOUND", "summary": "no network"}}\'; exit 1', "no network"),
        ("echo 'npm error code EACCES' >&2; exit 1", "npm error code EACCES"),
        ("exit 3", "exit code 3"),
        ("exit 0", "it wrote no file"),
    ],
)
def test_what_npm_says_is_passed_on(script: str, reason: str, tmp_path: Path, cache: Path) -> None:
    _npm(tmp_path, script)
    with pytest.raises(
        ArtifactError, match=rf"npm could not bring .* \({reason}\): on a machine with npm and a network run"
    ):
        find_ort_web()
    assert not cache.exists()


def test_another_package_is_refused(package: Path, cache: Path) -> None:
    package.write_bytes(package.read_bytes() + b"x")
    with pytest.raises(ArtifactError, match=r"onnxruntime-web\.tgz: is not onnxruntime-web@.* or is damaged"):
        find_ort_web(package)
    assert not cache.exists()


def test_folders(stand_in: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (stand_in, stand_in / "dist"):
        assert find_ort_web(folder).read("ort.wasm.min.mjs").startswith(b"stand-in")
        assert "try the page before you publish it" in capsys.readouterr().err
    with pytest.raises(ArtifactError, match=r"ort\.wasm\.min\.mjs of ONNX Runtime Web cannot be read"):
        find_ort_web(tmp_path)
    with pytest.raises(ArtifactError, match="missing: does not exist: name the folder or package"):
        find_ort_web(tmp_path / "missing")
