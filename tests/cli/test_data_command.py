"""The commands `pix2style data`, for people and for scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.images import Image8, encode_png


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pix2style", "data", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    (tmp_path / "set" / "photos").mkdir(parents=True)
    for i, photo in enumerate(photos(3)):
        (tmp_path / "set" / "photos" / f"{i}.png").write_bytes(encode_png(photo))
    return tmp_path / "set"


def test_card_prints_a_summary(folder: Path, tmp_path: Path) -> None:
    (folder / "photos" / "bad.png").write_bytes(b"")
    done = run("card", "set", cwd=tmp_path)
    assert done.returncode == 0
    assert "set: set: 4 images in 4 files" in done.stdout
    assert "photos: 4 images, median 64x48 px; by its name, content" in done.stdout
    assert done.stderr == "failed: photos/bad.png: the file is empty\n"
    assert (folder / "DATASET.md").read_text().startswith("# set\n")


def test_card_as_json_and_as_a_dry_run(folder: Path, tmp_path: Path) -> None:
    dry = run("card", "set", "--dry-run", "--json", cwd=tmp_path)
    assert not (folder / "dataset.json").exists()
    wet = run("card", "set", "--json", cwd=tmp_path)
    assert json.loads(dry.stdout) == json.loads(wet.stdout) == json.loads((folder / "dataset.json").read_text())
    assert run("card", "set", "--dry-run", cwd=tmp_path).stdout == (folder / "DATASET.md").read_text() + "\n"


def test_card_of_a_missing_folder(tmp_path: Path) -> None:
    done = run("card", "nothing", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (3, "pix2style: nothing: no such folder\n")


def test_fetch_dry_run_uses_no_network_and_writes_nothing(tmp_path: Path) -> None:
    done = run("fetch", "-o", "raw/x", "--version", "4", "--dry-run", "--json", cwd=tmp_path)
    assert json.loads(done.stdout) == {
        "dataset": "shaorrran/coco-wikiart-nst-dataset-512-100000",
        "version": 4,
        "out": "raw/x",
        "state": "would be fetched",
    }
    assert list(tmp_path.iterdir()) == []


def test_fetch_without_a_network(tmp_path: Path) -> None:
    pytest.importorskip("kagglehub")
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "HOME": str(tmp_path / "home")}
    done = run("fetch", "-o", "raw/x", "--json", cwd=tmp_path, **nowhere)
    assert done.returncode == 3
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("pix2style: kaggle:shaorrran/coco-wikiart-nst-dataset-512-100000: cannot be downloaded")
    assert list(tmp_path.iterdir()) == []


def test_fetch_with_wrong_options(tmp_path: Path) -> None:
    done = run("fetch", "-o", "x", "--dataset", "name", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "pix2style: --dataset 'name': is not of the form owner/name\n")


def test_the_name_of_a_folder_may_be_no_text(pix2style: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    (folder / "1.png").write_bytes(encode_png(np.zeros((4, 4, 3), np.uint8)))
    code, _, err = pix2style("data", "card", folder)
    assert code == 0, err
    assert (folder / "DATASET.md").read_text().startswith("# caf\\xe9\n")
