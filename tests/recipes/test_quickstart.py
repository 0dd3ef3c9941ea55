"""Quickstart, as a whole: few photos and half a minute."""

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


# The time limit of a minute holds for a quiet machine: quickstart plans its work by a trial at the start.
@pytest.mark.timeout(900)
def test_quickstart_makes_a_filter_from_photos(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
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
    assert json.loads(again.stdout)["images_seen"] == report["images_seen"], "a finished run must not be trained again"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"teacher": "magenta"}, "--style"),
        ({"teacher": "watercolor", "style": Path("x.jpg")}, "takes no painting"),
        ({"teacher": "monet"}, "expected watercolor or magenta"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        quickstart(QuickstartOptions(out=tmp_path / "out", **options))  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_config_and_sample_photos_come_with_the_package() -> None:
    assert bundled_config("quickstart.yaml").is_file()
    files = sorted(p.name for p in sample_photos().glob("*.jpg"))
    assert len(files) >= 16
    licences = (sample_photos().parent / "LICENSES.md").read_text()
    assert all(name in licences for name in files), "LICENSES.md must name author and licence of every sample"
