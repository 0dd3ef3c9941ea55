"""Plans: splits, keys, duplicates, and the differences between two plans."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix2style.config.pairs import PairsConfig
from pix2style.images import encode_png
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.pairs.format.photo_hash import assign_split, short_keys
from pix2style.pairs.format.plan import PairPlan, make_plan
from pix2style.pairs.format.plan_differences import plan_differences
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import Failure
from pix2style.stylizer import StylizerIdentity

from tint import TintTeacher, write_photos  # isort: skip

DIGESTS = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(4000)]
TINT = TintTeacher().identity


def plan_of(names: dict[str, str], identity: StylizerIdentity = TINT, **settings: object) -> PairPlan:
    return make_plan(PairsConfig.model_validate(settings), [identity], seed=0, hashed_files=list(names.items()))


def test_shares_are_met_and_every_photo_has_one_split() -> None:
    splits = [assign_split(digest, val_share=0.1, test_share=0.2) for digest in DIGESTS]
    assert splits.count("val") / len(DIGESTS) == pytest.approx(0.1, abs=0.02)
    assert splits.count("test") / len(DIGESTS) == pytest.approx(0.2, abs=0.03)


def test_splits_are_written_in_stone() -> None:
    """Later versions must assign photos to the same splits."""
    assert [assign_split(d, val_share=0.3, test_share=0.3) for d in DIGESTS[:8]] == GOLDEN_SPLITS


# Made with hashlib alone: int.from_bytes(sha256(f"0:{digest}").digest()[:8], "big") / 2**64.
GOLDEN_SPLITS = ["train", "train", "train", "train", "test", "test", "val", "train"]


def test_no_share_holds_nothing_out() -> None:
    assert {assign_split(digest, val_share=0, test_share=0) for digest in DIGESTS} == {"train"}


def test_another_val_share_leaves_test_photos_as_they_are() -> None:
    few, many = ([assign_split(d, val_share=v, test_share=0.2) == "test" for d in DIGESTS] for v in (0.05, 0.5))
    assert few == many


def test_another_seed_draws_other_splits() -> None:
    first, second = ([assign_split(d, val_share=0.3, test_share=0.3, seed=s) for d in DIGESTS] for s in (0, 1))
    assert first != second


@given(st.sets(st.sampled_from(DIGESTS), min_size=1), st.sets(st.sampled_from(DIGESTS)))
def test_a_split_depends_on_no_other_photo(some: set[str], others: set[str]) -> None:
    alone = plan_of({f"{d}.png": d for d in some}, val_share=0.3, test_share=0.3)
    together = plan_of({f"{d}.png": d for d in some | others}, val_share=0.3, test_share=0.3)
    splits = {photo.sha256: photo.split for photo in together.photos}
    assert all(splits[photo.sha256] == photo.split for photo in alone.photos)


def test_adding_photos_and_renaming_folders_moves_nothing(tmp_path: Path, photos) -> None:
    def splits(folder: Path) -> dict[str, str]:
        config = PairsConfig(content=(folder,), size=32, val_share=0.3, test_share=0.3)
        make_pairs(config, TintTeacher(), tmp_path / f"pairs-{folder.name}")
        reader = PairReader(tmp_path / f"pairs-{folder.name}")
        return {e.sha256: e.split for split in ("train", "val", "test") for e in reader.entries(split)}

    few = splits(write_photos(tmp_path / "few", photos(8)))
    many = splits(write_photos(tmp_path / "renamed" / "more", photos(16)))
    assert len(few) == 8
    assert len(many) == 16
    assert few.items() <= many.items()
    assert len(set(many.values())) == 3


@given(st.sets(st.text("0123456789abcdef", min_size=8, max_size=8), min_size=1, max_size=60))
def test_keys_differ_even_where_first_digits_collide(digests: set[str]) -> None:
    keys = short_keys(sorted(digests), digits=1)
    assert len(set(keys)) == len(digests)
    assert all(digest.startswith(key) for key, digest in zip(keys, sorted(digests), strict=True))


def test_same_content_gives_one_pair_and_is_listed() -> None:
    plan = plan_of({"b.png": DIGESTS[0], "a.png": DIGESTS[0], "c.png": DIGESTS[1]})
    assert [photo.source for photo in plan.photos] == ["a.png", "c.png"]
    assert [(one.source, one.of) for one in plan.duplicates] == [("b.png", "a.png")]


def test_two_folders_may_hold_files_of_one_name(tmp_path: Path, photos) -> None:
    first, second = photos(2)
    for folder, rgb in (("one", first), ("two", second)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.png").write_bytes(encode_png(rgb))
    config = PairsConfig(content=(tmp_path / "one", tmp_path / "two"), size=32, val_share=0, test_share=0)
    make_pairs(config, TintTeacher(), tmp_path / "out")
    reversed_config = config.model_copy(update={"content": config.content[::-1]})
    make_pairs(reversed_config, TintTeacher(), tmp_path / "reversed")
    reader = PairReader(tmp_path / "out")
    assert [entry.source for entry in reader.entries("train")] == ["same.png", "same.png"]
    assert reader.digest == PairReader(tmp_path / "reversed").digest


def test_plans_are_told_apart_by_what_changes_the_result() -> None:
    names = {f"{i}.png": DIGESTS[i] for i in range(5)}
    plan = plan_of(names)
    other = StylizerIdentity("oil", "b" * 64)
    painting = StylizerIdentity("tint", TINT.sha256, ("c" * 64,), TINT.licence, TINT.settings)
    cases = {
        "teacher tint there, oil now": plan_of(names, other),
        "file of the style image has changed": plan_of(names, painting),
        "other settings (tint 40 there, 7 now)": plan_of(names, TintTeacher(7).identity),
        "size 256 there, 64 now": plan_of(names, size=64),
        "fit crop there, keep now": plan_of(names, fit="keep"),
        "format png there, jpeg now": plan_of(names, format="jpeg"),
        "val_share": plan_of(names, val_share=0.2),
        "photos not there before: 1 (new.png)": plan_of({**names, "new.png": DIGESTS[9]}),
        "photos gone or changed: 1 (0.png)": plan_of(dict(list(names.items())[1:])),
        "duplicate or unreadable": make_plan(
            PairsConfig(),
            [TINT],
            seed=0,
            hashed_files=list(names.items()),
            unreadable=[Failure(source="x.png", sha256=None, reason="Permission denied")],
        ),
    }
    assert plan_differences(plan, plan_of(names)) == []
    for message, changed in cases.items():
        assert message in "; ".join(plan_differences(plan, changed))
        assert changed.digest != plan.digest
    assert plan_of(names, batch=9).digest == plan.digest  # does not change the result
