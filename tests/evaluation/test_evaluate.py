"""Evaluate real stylizers on pair sets and on folders of photos."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from pix2style.config.pairs import PairsConfig
from pix2style.errors import ArtifactError, ConfigError, DataError, ImageError
from pix2style.evaluation import evaluate as evaluate_module
from pix2style.evaluation.contact_sheet import ContactSheet
from pix2style.evaluation.dataset import PairDataset, PhotoDataset
from pix2style.evaluation.evaluate import UNCHANGED_PHOTO, EvaluatedPhoto, evaluate
from pix2style.evaluation.metric_values import MetricValues
from pix2style.evaluation.patch_distance import SCALES, TargetPatches
from pix2style.evaluation.report import EvalReport, MeanEstimate
from pix2style.evaluation.structure import structure_distance
from pix2style.evaluation.style import StyleMetric, load_style_metric
from pix2style.evaluation.table import render_table
from pix2style.fidelity import ssim
from pix2style.images import Image8, encode_png, read_picture, write_png
from pix2style.images.contact_sheet import read_contact_sheet
from pix2style.images.difference import PSNR_CAP_DB, psnr_db
from pix2style.loading import load_stylizer
from pix2style.nets.autoencoder import LAYERS, Autoencoder, save_autoencoder
from pix2style.nets.autoencoder import load_autoencoder as load_features
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.pairs.format.reader import PairReader
from pix2style.stylizer import Stylizer, StylizerIdentity


class Shifted(Stylizer):
    """A stylizer that adds `levels` to every value, and counts the photos it stylized."""

    def __init__(self, levels: int = 8, name: str = "shifted", *, crop: bool = False) -> None:
        self.levels, self.name, self.crop, self.calls = levels, name, crop, 0

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity(self.name, f"{self.levels:064x}", settings={"levels": self.levels})

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        self.calls += len(images)
        shifted = [np.clip(image.astype(int) + self.levels, 0, 255).astype(np.uint8) for image in images]
        return [image[1:] for image in shifted] if self.crop else shifted


@pytest.fixture
def photo_folder(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, photo in enumerate(photos(3, 40, 56)):
        (folder / f"{i}.png").write_bytes(encode_png(photo))
    return folder


@pytest.fixture
def style_metric(tmp_path: Path) -> StyleMetric:
    save_autoencoder(tmp_path / "a.safetensors", Autoencoder(channels=(4, 4, 4, 4)))
    return StyleMetric(load_features(LAYERS, tmp_path / "a.safetensors"), "autoencoder")


@pytest.fixture
def pairs(tmp_path: Path, photos: Callable[..., list[Image8]]) -> PairReader:
    for i, photo in enumerate(photos(12, 40, 56)):
        (tmp_path / "content").mkdir(exist_ok=True)
        (tmp_path / "content" / f"{i}.png").write_bytes(encode_png(photo))
    config = PairsConfig(content=(tmp_path / "content",), size=32, val_share=0, test_share=0.5)
    make_pairs(config, Shifted(20, "teacher"), tmp_path / "pairs")
    return PairReader(tmp_path / "pairs")


def test_pairs_are_compared_with_their_stored_targets(pairs: PairReader) -> None:
    report = evaluate({"near": Shifted(18), "far": Shifted(60)}, PairDataset(pairs))
    samples = [pairs.read(entry) for entry in pairs.entries("test")]
    near, far, unchanged = report.stylizers
    assert [row.name for row in report.stylizers] == ["near", "far", UNCHANGED_PHOTO]
    expected = [psnr_db(Shifted(18)(photo), target) for photo, target in samples]
    assert near.psnr_db.mean == pytest.approx(np.mean(expected))
    assert near.psnr_db.standard_error == pytest.approx(np.std(expected, ddof=1) / np.sqrt(len(expected)))
    assert near.ssim.mean == pytest.approx(np.mean([ssim(Shifted(18)(p), t) for p, t in samples]))
    assert unchanged.psnr_db.mean == pytest.approx(np.mean([psnr_db(p, t) for p, t in samples]))
    assert near.psnr_db.mean > unchanged.psnr_db.mean > far.psnr_db.mean
    assert near.psnr_db.n == report.material.photos == len(samples) >= 3
    assert (report.material.sha256, report.reference.name) == (pairs.digest, "teacher")


def test_a_stylizer_that_is_called_photo_is_told_from_the_unchanged_photos(photo_folder: Path, tmp_path: Path) -> None:
    shown: list[EvaluatedPhoto] = []
    stylizers = {"a": Shifted(4), UNCHANGED_PHOTO: Shifted(3), "stylizer photo": Shifted(5)}
    report = evaluate(stylizers, PhotoDataset([photo_folder]), reference=Shifted(3), on_photo=shown.append)
    assert [row.name for row in report.stylizers] == ["a", "stylizer stylizer photo", "stylizer photo", UNCHANGED_PHOTO]
    assert [row.equal_pictures for row in report.stylizers] == [0, 3, 0, 0]
    assert [row.identity is None for row in report.stylizers] == [False, False, False, True]
    assert list(shown[0].stylized) == [row.name for row in report.stylizers[:3]]


def test_the_size_that_the_milliseconds_belong_to_is_that_of_the_timed_photos(
    photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_module, "_TIMED_PHOTOS", 1)
    (photo_folder / "9.png").write_bytes(encode_png(np.zeros((200, 300, 3), np.uint8)))
    report = evaluate({"a": Shifted()}, PhotoDataset([photo_folder]), reference=Shifted(3), device="cuda")
    assert report.mean_megapixels == pytest.approx(40 * 56 / 1e6)
    [line] = [line for line in render_table(report).splitlines() if line.startswith("ms: ")]
    assert line.startswith("ms: median time of one photo, 0.00 megapixels on average, on ")
    assert line.endswith(", with --device cuda")
    assert report.machine["device"] == "cuda"


def test_photos_are_stylized_one_by_one_after_a_warm_up(photo_folder: Path) -> None:
    first, second = Shifted(5), Shifted(6)
    report = evaluate({"first": first, "second": second}, PhotoDataset([photo_folder]), reference=first)
    assert (first.calls, second.calls) == (1 + 3, 1 + 3)  # the reference does not stylize a photo twice
    assert all(row.ms_per_picture is not None for row in report.stylizers[:2])
    assert report.stylizers[2].ms_per_picture is None


def test_equal_images_give_json_without_infinity(photo_folder: Path) -> None:
    reference, equal = Shifted(5), Shifted(5)
    report = evaluate({"reference": reference, "equal": equal}, PhotoDataset([photo_folder]), reference=reference)
    assert [row.equal_pictures for row in report.stylizers] == [3, 3, 0]
    assert report.stylizers[1].psnr_db.mean == PSNR_CAP_DB == report.settings["psnr_cap_db"]
    text = json.dumps(report.to_json(), allow_nan=False)
    assert EvalReport.model_validate_json(text) == report
    assert "equal" in render_table(report)


def test_a_reference_that_is_not_evaluated_makes_the_targets(photo_folder: Path) -> None:
    teacher = Shifted(30, "teacher")
    report = evaluate({"same": Shifted(30)}, PhotoDataset([photo_folder]), reference=teacher)
    assert report.reference.sha256 == teacher.identity.sha256
    assert report.stylizers[0].equal_pictures == 3


def test_two_real_stylizers(photo_folder: Path, style_metric: StyleMetric) -> None:
    watercolor = load_stylizer("watercolor")
    report = evaluate(
        {"watercolor": watercolor, "shifted": Shifted()},
        PhotoDataset([photo_folder]),
        reference=watercolor,
        style_metric=style_metric,
        paintings=[photo_folder / "0.png"],
    )
    watercolor_row, shifted, unchanged = report.stylizers
    assert watercolor_row.style_to_target is not None
    assert shifted.style_to_target is not None
    assert unchanged.style_to_painting is not None
    assert watercolor_row.style_to_target.mean == 0 < shifted.style_to_target.mean
    assert unchanged.style_to_painting.n == 3
    assert report.target_to_painting == watercolor_row.style_to_painting  # watercolor is the reference
    assert watercolor_row.identity is not None
    assert watercolor_row.identity.sha256 == watercolor.identity.sha256
    table = render_table(report)
    for word in (
        "watercolor",
        "shifted",
        UNCHANGED_PHOTO,
        "style/teacher",
        "style/painting",
        "style/painting of watercolor itself",
        "cores",
    ):
        assert word in table


def test_style_to_target_compares_each_output_with_its_own_target(
    photo_folder: Path, style_metric: StyleMetric
) -> None:
    teacher, stylizer = Shifted(30), Shifted(10)
    report = evaluate({"a": stylizer}, PhotoDataset([photo_folder]), reference=teacher, style_metric=style_metric)
    expected = []
    for path in sorted(photo_folder.iterdir()):
        photo = read_picture(path).rgb
        expected.append(style_metric.distance(style_metric.grams(stylizer(photo)), style_metric.grams(teacher(photo))))
    style_to_target = report.stylizers[0].style_to_target
    assert style_to_target is not None
    assert style_to_target.mean == pytest.approx(np.mean(expected))
    assert report.stylizers[0].style_to_painting is None
    assert report.target_to_painting is None


def test_patches_are_measured_by_scale_and_relative_to_the_photo(photo_folder: Path) -> None:
    teacher = Shifted(100)
    report = evaluate({"same": teacher, "near": Shifted(60)}, PhotoDataset([photo_folder]), reference=teacher)
    same, near, unchanged = (row.patch_distance for row in report.stylizers)
    assert same is not None
    assert near is not None
    assert unchanged is not None
    assert same.relative is not None
    assert near.relative is not None
    assert unchanged.relative is not None
    assert same.relative.mean == 0 < near.relative.mean < unchanged.relative.mean == pytest.approx(1)
    assert unchanged.relative.standard_error == pytest.approx(0, abs=1e-12)  # it is 1 for any photos
    expected: list[dict[str, float]] = []
    for index, path in enumerate(sorted(photo_folder.iterdir())):
        photo = read_picture(path).rgb
        expected.append(TargetPatches(teacher(photo), index).distances(Shifted(60)(photo)))
    for scale, estimate in near.levels.items():
        assert estimate.mean == pytest.approx(np.mean([distances[scale] for distances in expected]))
    assert report.settings["patch_side_px"] == 7
    assert " SWD " in render_table(report)
    unstyled = evaluate({"a": Shifted(0)}, PhotoDataset([photo_folder]), reference=Shifted(0)).stylizers[0]
    assert unstyled.patch_distance is not None
    assert unstyled.patch_distance.relative is None


def test_the_error_of_a_relative_distance_is_that_of_a_ratio() -> None:
    """As the jackknife over photos estimates it, which needs no formula for ratios."""
    random = np.random.default_rng(3)
    photos = {scale: list(random.uniform(1, 9, 40)) for scale in SCALES}
    outputs = {scale: [0.6 * value + random.normal(0, 0.2) for value in photos[scale]] for scale in SCALES}

    def ratio(of: np.ndarray) -> float:
        return float(np.mean([np.mean(np.array(outputs[s])[of]) / np.mean(np.array(photos[s])[of]) for s in SCALES]))

    def estimate(values: dict[str, list[float]]) -> MeanEstimate:
        metrics = MetricValues(psnr_db=[1.0], ssim=[1.0], patches=values)
        distance = metrics.summarise("a", None, MetricValues(patches=photos)).patch_distance
        assert distance is not None
        assert distance.relative is not None
        return distance.relative

    left_out = [ratio(np.delete(np.arange(40), index)) for index in range(40)]
    jackknife = np.sqrt(39 / 40 * np.sum((left_out - np.mean(left_out)) ** 2))
    own = estimate(outputs)
    assert (own.mean, own.n) == (pytest.approx(ratio(np.arange(40))), 40)
    assert own.standard_error == pytest.approx(jackknife, rel=0.02)
    assert estimate(photos).standard_error == 0


def test_vgg19_measures_the_structure_too(photo_folder: Path, vgg_to_conv3_1: Path) -> None:
    metric, _ = load_style_metric(str(vgg_to_conv3_1))
    assert metric is not None
    teacher = Shifted(30, "teacher")
    dataset = PhotoDataset([photo_folder])
    report = evaluate({"a": Shifted(60)}, dataset, reference=teacher, style_metric=metric)
    row, unchanged = report.stylizers
    expected = []
    for path in sorted(photo_folder.iterdir()):
        photo = read_picture(path).rgb
        structures = [metric.features(image).structure for image in (photo, Shifted(60)(photo))]
        assert structures[0] is not None
        assert structures[1] is not None
        expected.append(structure_distance(structures[0], structures[1]))
    assert row.structure_distance is not None
    assert row.structure_distance.mean == pytest.approx(np.mean(expected))
    assert unchanged.structure_distance is not None
    assert unchanged.structure_distance.mean == pytest.approx(0, abs=1e-4)
    assert report.target_structure_distance is not None
    assert row.deep_style_to_target is None
    assert report.to_json()["style_layers"] == {
        "style_to_target": ["relu1_1", "relu2_1", "relu3_1"],
        "style_to_painting": ["relu1_1", "relu2_1", "relu3_1"],
        "structure_distance": ["relu3_1"],
    }
    table = render_table(report)
    assert "structure/photo" in table
    assert "targets of teacher" in table
    assert "deep style" not in table


def test_deep_style_is_measured_if_the_weights_reach_that_deep(photo_folder: Path, assets: Path) -> None:
    path = assets / "assets" / "vgg" / "vgg19_features.safetensors"
    if not path.is_file():
        pytest.skip(f"no {path}")
    metric, _ = load_style_metric(str(path))
    assert metric is not None
    reference, painting = Shifted(30), assets / "data" / "styles" / "style08.jpg"
    dataset = PhotoDataset([photo_folder], limit=1)
    report = evaluate(
        {"same": reference, "a": Shifted(60)}, dataset, reference=reference, style_metric=metric, paintings=[painting]
    )
    same, other, _ = report.stylizers
    assert same.deep_style_to_target is not None
    assert other.deep_style_to_target is not None
    assert same.deep_style_to_target.mean == 0 < other.deep_style_to_target.mean
    assert report.deep_target_to_painting == same.deep_style_to_painting
    assert report.features is not None
    assert report.features.layers == ("relu1_1", "relu2_1", "relu3_1")
    table = render_table(report)
    assert "deep style/teacher" in table
    assert "deep style/painting" in table


def test_style_columns_are_left_out_without_a_feature_network(photo_folder: Path) -> None:
    report = evaluate({"a": Shifted()}, PhotoDataset([photo_folder]), reference=Shifted(3), notes=["no network"])
    assert report.features is None
    table = render_table(report)
    assert "style/" not in table
    assert "note: no network" in table


def test_unreadable_photos_are_listed(photo_folder: Path) -> None:
    (photo_folder / "1.png").write_bytes(b"noise")
    report = evaluate({"a": Shifted()}, PhotoDataset([photo_folder]), reference=Shifted(3))
    assert [failure.name for failure in report.failures] == ["1.png"]
    assert report.material.photos == report.stylizers[0].psnr_db.n == 2
    assert "failed: 1.png" in render_table(report)
    for path in photo_folder.iterdir():
        path.write_bytes(b"noise")
    with pytest.raises(DataError, match=r"none of 3 photos.*0\.png"):
        evaluate({"a": Shifted()}, PhotoDataset([photo_folder]), reference=Shifted(3))


def test_a_photo_larger_than_the_memory_is_listed(photo_folder: Path) -> None:
    os.truncate(photo_folder / "1.png", 1 << 40)
    report = evaluate({"a": Shifted()}, PhotoDataset([photo_folder]), reference=Shifted(3))
    [failure] = report.failures
    assert failure.name == "1.png"
    assert failure.reason.startswith("has 1099.5 GB")


def test_the_photos_digest_follows_their_content(photo_folder: Path, photos: Callable[..., list[Image8]]) -> None:
    def digest() -> str:
        dataset = PhotoDataset([photo_folder])
        return evaluate({"a": Shifted()}, dataset, reference=Shifted(3)).material.sha256

    before = digest()
    assert digest() == before
    (photo_folder / "2.png").write_bytes(encode_png(photos(5, 40, 56)[4]))
    assert digest() != before


def test_photos_are_shrunk_and_limited(photo_folder: Path) -> None:
    evaluated: list[EvaluatedPhoto] = []
    dataset = PhotoDataset([photo_folder], max_side=28, limit=2)
    report = evaluate({"a": Shifted()}, dataset, reference=Shifted(3), on_photo=evaluated.append)
    assert [images.photo.shape for images in evaluated] == [(20, 28, 3)] * 2
    assert report.mean_megapixels == pytest.approx(20 * 28 / 1e6)
    assert report.material.max_side_px == 28


def test_an_empty_split_is_an_error_that_says_what_to_do(tmp_path: Path, photo_folder: Path) -> None:
    config = PairsConfig(content=(photo_folder,), size=32, val_share=0, test_share=0)
    make_pairs(config, Shifted(), tmp_path / "pairs")
    with pytest.raises(DataError, match=r"test split is empty \(train 3.*pairs\.test_share.*--photos"):
        PairDataset(PairReader(tmp_path / "pairs"))


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no photos"):
        PhotoDataset([tmp_path])


def test_wrong_arguments_are_refused(photo_folder: Path, pairs: PairReader) -> None:
    photos = PhotoDataset([photo_folder])
    with pytest.raises(ConfigError, match="at least one"):
        evaluate({}, photos, reference=Shifted())
    with pytest.raises(ConfigError, match="--teacher"):
        evaluate({"a": Shifted()}, photos)
    with pytest.raises(ConfigError, match="own targets"):
        evaluate({"a": Shifted()}, PairDataset(pairs), reference=Shifted())
    with pytest.raises(ArtifactError, match="must keep the photo's size"):
        evaluate({"a": Shifted(crop=True)}, photos, reference=Shifted())
    with pytest.raises(ImageError, match="missing"):
        evaluate({"a": Shifted()}, photos, reference=Shifted(), paintings=[photo_folder / "missing.jpg"])


def test_a_painting_of_another_style_than_the_references_is_noted(photo_folder: Path) -> None:
    class Painter(Shifted):
        @property
        def identity(self) -> StylizerIdentity:
            return StylizerIdentity("painter", "0" * 64, ("1" * 64,))

    photos = PhotoDataset([photo_folder])
    report = evaluate({"a": Shifted()}, photos, reference=Painter(3), paintings=[photo_folder / "0.png"])
    assert any("0.png is not a painting" in note for note in report.notes)


def test_the_contact_sheet_shows_photo_target_and_every_stylizer(photo_folder: Path, tmp_path: Path) -> None:
    sheet = ContactSheet(limit=2)
    dataset = PhotoDataset([photo_folder])
    evaluate({"a": Shifted(40), "b" * 60: Shifted(80)}, dataset, reference=Shifted(3), on_photo=sheet)
    sheet.write(tmp_path / "sheet.png")
    picture = read_picture(tmp_path / "sheet.png").rgb
    assert picture.shape[1] == 4 * 56 + 5 * 8  # four columns
    assert 2 * 40 < picture.shape[0] < 3 * 40 + 60  # two rows
    photo = read_picture(photo_folder / "0.png").rgb
    top = picture.shape[0] - 2 * (40 + 8)
    np.testing.assert_array_equal(picture[top : top + 40, 8:64], photo)
    np.testing.assert_array_equal(picture[top : top + 40, 136:192], Shifted(40)(photo))
    columns = read_contact_sheet(tmp_path / "sheet.png")
    expected = [("photo", "photo"), ("target", "target"), ("stylizer", "a"), ("stylizer", "b" * 60)]
    assert [(column.kind, column.name) for column in columns] == expected
    assert list(columns[2].images) == ["0.png", "1.png"]
    np.testing.assert_array_equal(columns[2].images["0.png"], Shifted(40)(photo))


def test_a_sheet_without_its_text_is_refused(photo_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ImageError, match=r"0\.png: is not a contact sheet, or another program has saved it anew: name folders"
    ):
        read_contact_sheet(photo_folder / "0.png")
    for text in (
        "{",
        "[]",
        '{"columns": [{"kind": "photo", "name": "x"}], "rows": [{"photo": "0", "boxes": [[0, 0, 9, 99]]}]}',
    ):
        write_png(tmp_path / "damaged.png", np.zeros((9, 9, 3), np.uint8), {"pix2style-sheet": text})
        with pytest.raises(ImageError, match="is damaged: write the sheet again"):
            read_contact_sheet(tmp_path / "damaged.png")


def test_the_mean_of_one_photo_has_no_standard_error() -> None:
    assert MeanEstimate.from_values([2.5]) == MeanEstimate(mean=2.5, standard_error=None, n=1)
