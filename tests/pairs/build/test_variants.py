"""Variants are varied copies of train photos, which the teacher stylizes like photos."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2style.config.pairs import PairsConfig, StyleConfig
from pix2style.errors import DataError
from pix2style.files import sha256_file
from pix2style.images import tilt
from pix2style.pairs.build.make_pairs import Slice, make_pairs, make_slice, preview_pairs
from pix2style.pairs.build.variants import Variation, apply_variation, draw_variation, pair_size
from pix2style.pairs.check.overview import summarize_pairs
from pix2style.pairs.check.verify import verify_pairs
from pix2style.pairs.exchange.exporting import export_pairs
from pix2style.pairs.exchange.importing import import_pairs
from pix2style.pairs.exchange.layouts import open_pair_source
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.manifest import PairManifest
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import PairEntry, Split
from pix2style.teachers.color import PreserveColor
from pix2style.teachers.watercolor import WatercolorTeacher

from sets import detailed_photo  # isort: skip
from tint import TintTeacher, tree, write_photos  # isort: skip

SPLITS: tuple[Split, ...] = ("train", "val", "test")
PHOTOS = 9
VARIANTS = 3
PLAIN = Variation(False, False, False, 0.0, 1.0, 1.0, 0.0, 0.0, None, (0, 1, 2))


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nine photos in portrait, landscape and square format; one of them twice."""
    pictures = [detailed_photo(i, *[(60, 80), (90, 64), (70, 70)][i % 3]) for i in range(PHOTOS)]
    folder = write_photos(tmp_path_factory.mktemp("content"), pictures)
    (folder / "again.png").write_bytes((folder / "album0" / "photo00.png").read_bytes())
    return folder


def settings_of(content: Path, variants: int = VARIANTS, **others: object) -> PairsConfig:
    wanted = {"size": 64, "fit": "keep", "pairs_per_shard": 6, "batch": 3, "val_share": 0.3, "test_share": 0.3}
    return PairsConfig.model_validate({"content": (content,), "variants": variants, **wanted, **others})


@pytest.fixture(scope="module")
def painted(content: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set with variants, made by the watercolor teacher; tests only read it."""
    out = tmp_path_factory.mktemp("painted") / "set"
    make_pairs(settings_of(content), WatercolorTeacher(), out)
    return out


def entries_of(folder: Path) -> list[PairEntry]:
    reader = PairReader(folder)
    return [entry for split in SPLITS for entry in reader.entries(split)]


def is_variant(entry: PairEntry) -> bool:
    return "#variant" in entry.source


def test_each_train_photo_has_its_variants_and_no_other_photo_any(painted: Path, content: Path) -> None:
    reader, entries = PairReader(painted), entries_of(painted)
    photos = [entry for entry in entries if not is_variant(entry)]
    variants = [entry for entry in entries if is_variant(entry)]
    assert len(photos) == PHOTOS
    assert {entry.split for entry in photos} == set(SPLITS)
    train = {entry.sha256: entry for entry in photos if entry.split == "train"}
    assert {entry.split for entry in variants} == {"train"}
    assert Counter(entry.sha256 for entry in variants) == dict.fromkeys(train, VARIANTS)
    assert {entry.source for entry in variants} == {
        f"{photo.source}#variant{number}" for photo in train.values() for number in range(1, VARIANTS + 1)
    }
    assert len({entry.key for entry in entries}) == len(entries)
    assert reader.manifest.pairs.train == len(train) * (1 + VARIANTS)
    assert reader.manifest.statistics.photos == len(entries)
    assert [(one.source, one.of) for one in reader.manifest.duplicates] == [("album0/photo00.png", "again.png")]
    held_out = {entry.content.sha256 for entry in entries if entry.split != "train"}
    assert not held_out & {entry.content.sha256 for entry in variants}


def test_photos_own_pairs_are_the_same_bytes_with_and_without_variants(
    painted: Path, content: Path, tmp_path: Path
) -> None:
    make_pairs(settings_of(content, 0), WatercolorTeacher(), tmp_path / "plain")
    plain, varied = (
        {
            (entry.key, entry.source, entry.split): PairReader(folder).read_bytes(entry)
            for entry in entries_of(folder)
            if not is_variant(entry)
        }
        for folder in (tmp_path / "plain", painted)
    )
    assert plain == varied
    for name in ("plan.json", "manifest.json"):
        assert "variants" not in json.loads((tmp_path / "plain" / name).read_bytes())


def test_a_target_is_what_the_teacher_paints_of_the_variant(painted: Path) -> None:
    reader = PairReader(painted)
    for entry in [entry for entry in entries_of(painted) if is_variant(entry)][::4]:
        content, target = reader.read(entry)
        np.testing.assert_array_equal(target, WatercolorTeacher().stylize([content])[0])


@pytest.mark.parametrize("batch", [1, 4, 7])
def test_the_batch_changes_nothing(painted: Path, content: Path, tmp_path: Path, batch: int) -> None:
    make_pairs(settings_of(content, batch=batch), WatercolorTeacher(), tmp_path / "set")
    assert tree(tmp_path / "set") == tree(painted)


def test_parts_in_any_order_give_the_same(painted: Path, content: Path, tmp_path: Path) -> None:
    for number in (3, 1, 2):
        report = make_slice(settings_of(content), WatercolorTeacher(), tmp_path / "set", Slice(number, 3))
    assert report.complete
    assert tree(tmp_path / "set") == tree(painted)


def test_a_variant_depends_on_its_photo_alone(painted: Path, content: Path, tmp_path: Path) -> None:
    """With other photos, names and numbers of variants, the pairs that both sets hold are equal."""
    whole = {entry.content.sha256 for entry in entries_of(painted)}
    for photo in sorted(content.rglob("*.png"))[2:6]:
        (tmp_path / "few").mkdir(exist_ok=True)
        shutil.copy(photo, tmp_path / "few" / f"renamed-{photo.name}")
    make_pairs(settings_of(tmp_path / "few", 2), WatercolorTeacher(), tmp_path / "set")
    few = {entry.content.sha256 for entry in entries_of(tmp_path / "set")}
    assert len(few) > 4
    assert few < whole


class Stopped(TintTeacher):
    """A teacher that is interrupted at its fifth batch and at every later one."""

    batches = 0

    def stylize(self, images):
        self.batches += 1
        if self.batches >= 5:
            raise KeyboardInterrupt
        return super().stylize(images)


def test_an_interrupted_run_goes_on(content: Path, tmp_path: Path) -> None:
    config, stops = settings_of(content), 0
    make_pairs(config, TintTeacher(batch_sensitive=True), tmp_path / "whole")
    while not (tmp_path / "set" / "manifest.json").exists() and stops < 9:
        try:
            make_pairs(config, Stopped(batch_sensitive=True), tmp_path / "set")
        except KeyboardInterrupt:
            stops += 1
    assert stops
    assert tree(tmp_path / "set") == tree(tmp_path / "whole")


def test_a_shard_of_variants_cut_off_anywhere_is_completed(painted: Path, content: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(painted, tmp_path / "set")
    last = max((copy / "shards").glob("train-*.tar"))
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    report = make_pairs(settings_of(content), WatercolorTeacher(), copy)
    assert report.new_pairs
    assert tree(copy) == tree(painted)
    assert make_pairs(settings_of(content), WatercolorTeacher(), copy).already_finished


def test_another_number_of_variants_is_another_set(painted: Path, content: Path) -> None:
    with pytest.raises(DataError, match="variants 3 there, 4 now"):
        make_pairs(settings_of(content, 4), WatercolorTeacher(), painted)


def test_a_damaged_photo_fails_once(content: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(content, tmp_path / "photos")
    plan = preview_pairs(settings_of(folder), TintTeacher(), tmp_path / "set").plan
    train = [photo for photo in plan.photos if photo.split == "train"]
    whole = (folder / train[1].source).read_bytes()
    (folder / train[1].source).write_bytes(whole[: len(whole) // 2])
    config = settings_of(folder, val_share=0, test_share=0, pairs_per_shard=3)
    report = make_pairs(config, WatercolorTeacher(), tmp_path / "set")
    manifest = report.manifest
    [failure] = manifest.failures
    assert failure.source == train[1].source
    assert sum(manifest.statistics.failures_by_reason.values()) == 1
    assert manifest.pairs.total == (PHOTOS - 1) * (1 + VARIANTS)
    assert manifest.statistics.photos == PHOTOS * (1 + VARIANTS)
    assert make_pairs(config, WatercolorTeacher(), tmp_path / "set").already_finished
    assert verify_pairs(tmp_path / "set").damage == ()
    shard = min((tmp_path / "set" / "shards").glob("*.tar"))
    shard.unlink()
    before = manifest.model_dump()
    assert make_pairs(config, WatercolorTeacher(), tmp_path / "set").manifest.model_dump() == before


def test_a_file_that_disappears_halfway_costs_its_remaining_variants(content: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(content, tmp_path / "photos")
    config = settings_of(folder, val_share=0, test_share=0, pairs_per_shard=4, batch=1)
    make_pairs(config, TintTeacher(), tmp_path / "whole")
    # the one that is painted last: reading runs a few pairs ahead of what is told
    photo = folder / PairReader(tmp_path / "whole").entries("train")[-1].source.partition("#")[0]
    data = photo.read_bytes()

    def remove(stage: str, done: int, _total: int) -> None:
        if stage == "stylizing" and done > PHOTOS:
            photo.unlink(missing_ok=True)

    report = make_pairs(config, TintTeacher(), tmp_path / "set", on_progress=remove)
    [failure] = report.manifest.failures
    assert failure.source == photo.relative_to(folder).as_posix()
    assert PHOTOS < report.manifest.pairs.total < PHOTOS * (1 + VARIANTS)
    assert verify_pairs(tmp_path / "set", inspect=False).damage == ()
    photo.write_bytes(data)
    assert make_pairs(config, TintTeacher(), tmp_path / "set").already_finished


def test_reports_and_checks_agree(painted: Path, content: Path) -> None:
    report = verify_pairs(painted)
    assert (report.damage, report.notes) == ((), ())
    assert not [one for one in report.suspicions if one.kind in ("duplicate", "near-duplicate")]
    preview = preview_pairs(settings_of(content), WatercolorTeacher(), painted)
    counts = PairReader(painted).manifest.pairs
    assert (preview.state, preview.to_json()["pairs"], preview.to_json()["variants"]) == ("finished", counts.total, 3)
    assert preview.plan.photos_per_split.total == PHOTOS
    shown = summarize_pairs(PairReader(painted))
    assert shown.to_json()["variants"] == VARIANTS
    assert "  variants    3 of each train photo" in shown.lines()


def test_variants_survive_export_and_import(painted: Path, tmp_path: Path) -> None:
    export_pairs(PairReader(painted), tmp_path / "out", "folders")
    import_pairs(open_pair_source(tmp_path / "out"), tmp_path / "again")
    first, again = ({(e.source, e.split, e.sha256) for e in entries_of(f)} for f in (painted, tmp_path / "again"))
    assert first == again
    assert PairReader(tmp_path / "again").manifest.variants == 0  # they are pairs like any other there
    assert verify_pairs(tmp_path / "again", inspect=False).damage == ()


def test_a_variant_in_another_split_is_damage(painted: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(painted, tmp_path / "set")
    index = min((copy / "shards").glob("train-*.json"))
    value = json.loads(index.read_bytes())
    value["pairs"][0]["split"] = "test"
    index.write_text(json.dumps(value))
    assert any("says train" in str(one) or "say train" in str(one) for one in verify_pairs(copy, inspect=False).damage)


def test_old_sets_are_read_and_resumed(content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set without variants whose shards mix splits has exactly the fields of schema version 2."""
    config = settings_of(content, 0)
    with monkeypatch.context() as patch:
        patch.setattr("pix2style.pairs.build.make_pairs._splits_apart", lambda _: False)
        make_pairs(config, TintTeacher(), tmp_path / "set")
    plan, _ = read_document(PairPlan, tmp_path / "set" / "plan.json")
    manifest, _ = read_document(PairManifest, tmp_path / "set" / "manifest.json")
    assert (plan.schema_version, plan.variants, manifest.schema_version, manifest.variants) == (2, 0, 2, 0)
    assert plan.digest == manifest.plan_sha256
    before = sha256_file(tmp_path / "set" / "manifest.json")
    assert make_pairs(config, TintTeacher(), tmp_path / "set").already_finished
    assert sha256_file(tmp_path / "set" / "manifest.json") == before


@pytest.mark.parametrize("styles_per_photo", [None, 1])
def test_several_styles(content: Path, tmp_path: Path, styles_per_photo: int | None) -> None:
    paintings = tuple(StyleConfig(paintings=(Path(f"{i}.jpg"),)) for i in range(3))
    config = settings_of(content, styles=paintings, styles_per_photo=styles_per_photo, val_share=0, test_share=0)
    teachers = [TintTeacher(tint) for tint in (10, 20, 30)]
    report = make_pairs(config, teachers, tmp_path / "set")
    assert report.manifest.pairs.train == PHOTOS * (1 + VARIANTS) * (styles_per_photo or 3)
    assert len({entry.key for entry in entries_of(tmp_path / "set")}) == report.manifest.pairs.total
    assert verify_pairs(tmp_path / "set", inspect=False).damage == ()
    by_photo: dict[str, set[int]] = {}
    for entry in entries_of(tmp_path / "set"):
        by_photo.setdefault(entry.sha256, set()).add(entry.style)
    assert max(len(styles) for styles in by_photo.values()) > 1  # variants need not share their photo's style


def test_colours_can_be_kept(content: Path, tmp_path: Path) -> None:
    make_pairs(settings_of(content), PreserveColor(WatercolorTeacher()), tmp_path / "set")
    reader = PairReader(tmp_path / "set")
    for entry in [entry for entry in entries_of(tmp_path / "set") if is_variant(entry)][::5]:
        photo, target = reader.read(entry)
        np.testing.assert_array_equal(target, PreserveColor(WatercolorTeacher()).stylize([photo])[0])


# --- the variation itself


@settings(max_examples=150, deadline=None)
@given(height=st.integers(1, 300), width=st.integers(1, 300), degrees=st.floats(-15, 15))
def test_a_tilted_picture_has_no_empty_corner(height: int, width: int, degrees: float) -> None:
    white = np.full((height, width, 3), 255, np.uint8)
    tilted = tilt(white, degrees, most_share=0.76)
    assert tilted.min() == 255
    assert max(1, int(0.2 * height)) <= tilted.shape[0] <= height or width > 5 * height or height > 5 * width


@pytest.mark.parametrize(("height", "width"), [(321, 481), (90, 1200), (1200, 60), (1, 700), (256, 256)])
@pytest.mark.parametrize("fit", ["keep", "fit", "crop"])
def test_no_variant_has_an_empty_corner_or_a_size_out_of_range(height: int, width: int, fit: str) -> None:
    white = np.full((height, width, 3), 255, np.uint8)
    most_height, most_width = pair_size(height, width, 200, fit)
    least = 200 if fit == "crop" else min(most_height, most_width, 192)
    for number in range(1, 61):
        drawn = draw_variation("a" * 64, number)
        uncoloured = Variation(
            drawn.mirrored, drawn.upside_down, drawn.quarter_turned, drawn.tilt_deg, drawn.zoom, drawn.aspect,
            drawn.top, drawn.left, None, drawn.channels,
        )  # fmt: skip
        varied = apply_variation(white, uncoloured, 200, fit)
        assert varied.min() == 255
        assert varied.dtype == np.uint8
        assert varied.shape[0] <= most_height
        assert varied.shape[1] <= most_width
        assert min(varied.shape[:2]) >= least


def test_a_plain_variation_is_the_photo(photos) -> None:
    [photo] = photos(1)
    np.testing.assert_array_equal(apply_variation(photo, PLAIN, 32, "keep"), photo)


def test_tilting_turns_counterclockwise_about_the_middle() -> None:
    photo = np.zeros((101, 101, 3), np.uint8)
    photo[48:53, 75:80] = 255  # to the right of the middle
    tilted = tilt(photo, 15.0)
    y, x = (np.mean(places) for places in np.nonzero(tilted[..., 0] > 127))
    middle = (tilted.shape[0] - 1) / 2
    assert middle - y == pytest.approx(27 * np.sin(np.radians(15)), abs=0.6)
    assert x - middle == pytest.approx(27 * np.cos(np.radians(15)), abs=0.6)


def test_variations_are_as_frequent_as_they_should_be() -> None:
    drawn = [draw_variation(f"{i % 97:064x}", i) for i in range(1, 4001)]

    def share(of: object) -> float:
        return sum(map(bool, of)) / len(drawn)

    assert share(v.mirrored for v in drawn) == pytest.approx(0.5, abs=0.03)
    assert share(v.upside_down for v in drawn) == pytest.approx(0.15, abs=0.02)
    assert share(v.quarter_turned for v in drawn) == pytest.approx(0.2, abs=0.02)
    assert share(v.tilt_deg for v in drawn) == pytest.approx(0.3, abs=0.03)
    assert share(v.colours for v in drawn) == pytest.approx(0.6, abs=0.03)
    assert share(v.channels != (0, 1, 2) for v in drawn) == pytest.approx(0.15, abs=0.02)
    assert 0.55 <= min(v.zoom for v in drawn) < 0.57
    assert 1.57 < max(v.zoom for v in drawn) <= 1.6
    assert max(abs(np.log(v.aspect)) for v in drawn) <= 0.15
    assert len({v.channels for v in drawn}) == 6


def test_variations_are_written_in_stone() -> None:
    """Later versions must resume unfinished sets with the same images."""
    drawn = draw_variation("0" * 64, 1)
    assert (drawn.mirrored, drawn.upside_down, drawn.quarter_turned) == (True, False, True)
    numbers = (drawn.tilt_deg, drawn.zoom, drawn.aspect, drawn.top, drawn.left)
    assert numbers == pytest.approx((-0.8282492310, 0.9677534081, 0.8884422286, 0.4993087912, 0.1336418466))
    assert drawn.colours is not None
    assert drawn.colours.gains == pytest.approx((0.9669445628, 0.9135892279, 1.0107602647))
