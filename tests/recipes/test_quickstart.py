"""The main job, whole and for real, on few photos and little time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style import load_stylizer
from pix2style.errors import ConfigError
from pix2style.images import Image8, Picture, read_picture, write_picture
from pix2style.recipes.quickstart import QuickstartOptions, bundled_config, quickstart, sample_photos


def test_photos_become_a_filter(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    for i, photo in enumerate(photos(8, 200, 260)):
        write_picture(tmp_path / "photos" / f"{i}.png", Picture(photo))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "pix2style", "quickstart", "--json", "--minutes", "0.5"]
    command += ["--content", str(tmp_path / "photos"), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report["seconds"]) == {"pairs", "feature network", "training", "export", "pictures", "figures", "all"}
    assert report["filter_bytes"] == (out / "watercolor.onnx").stat().st_size
    assert len(list((out / "pictures").iterdir())) == 8
    assert read_picture(out / "before-after.png").rgb.shape[1] > 3 * 384
    stylize = load_stylizer(out / "watercolor.onnx")
    assert stylize(photos(1, 51, 77)[0]).shape == (51, 77, 3)
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["images_seen"] == report["images_seen"], "a finished run is not trained again"


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"teacher": "magenta"}, "--style"),
        ({"teacher": "watercolor", "style": Path("x.jpg")}, "takes no --style"),
        ({"teacher": "monet"}, "expected watercolor or magenta"),
    ],
)
def test_wishes_that_do_not_go_together(tmp_path: Path, wishes: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        quickstart(QuickstartOptions(out=tmp_path / "out", **wishes))  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_what_comes_with_the_package_is_there() -> None:
    assert bundled_config("quickstart.yaml").is_file()
    files = sorted(p.name for p in sample_photos().glob("*.jpg"))
    assert len(files) >= 16
    licences = (sample_photos().parent / "LICENSES.md").read_text()
    assert all(name in licences for name in files), "every sample names its author and licence"
