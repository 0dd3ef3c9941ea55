from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from stand_in import Site, serving, zip_of  # isort: skip

Tree = dict[str, bytes]


def picture(index: int, width: int = 24, height: int = 16) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (index * 7 % 256, 100, 30)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture(scope="session")
def dataset() -> Tree:
    """Files of a dataset: twelve photos, five paintings in two folders, and a CSV file."""
    files = {f"content/{i:03d}.jpg": picture(i) for i in range(12)}
    files |= {f"style/{'cubism' if i % 2 else 'fauvism'}/{i}.jpg": picture(i, 30, 40 + i) for i in range(5)}
    return files | {"list.csv": b"name,author\n" + b"x" * 3_000_000}


@pytest.fixture
def site(dataset: Tree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    """Start a server with two versions of the dataset, and make kagglehub use it instead of Kaggle."""
    env = pytest.importorskip("kagglesdk.kaggle_env")
    with serving({1: zip_of({"content/old.jpg": picture(0)}), 2: zip_of(dataset)}) as site:
        monkeypatch.setitem(env._env_to_endpoint, env.KaggleEnv.LOCAL, f"http://localhost:{site.port}")
        monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLEHUB_CACHE"):
            monkeypatch.delenv(name, raising=False)
        yield site


@pytest.fixture
def write_tree() -> Callable[[Path, Tree], Path]:
    def write(folder: Path, files: Tree) -> Path:
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder

    return write
