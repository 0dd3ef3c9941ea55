"""Slices of a set, made by several processes as in batch systems."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pix2style.config.pairs import PairsConfig
from pix2style.errors import ConfigError, DataError
from pix2style.images import Image8, encode_png
from pix2style.pairs.build.make_pairs import Slice, make_pairs, make_slice, plan_pairs
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.shards import ShardWriter

from tint import TintTeacher, painted_counts, tree, write_photos  # isort: skip

TEACHER = TintTeacher(batch_sensitive=True)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 2, 1, 3)])
def test_parts_in_any_order_give_the_same_bytes(config: PairsConfig, tmp_path: Path, order: tuple[int, ...]) -> None:
    config = config.model_copy(update={"pairs_per_shard": 2})
    make_pairs(config, TEACHER, tmp_path / "whole")
    reports = [make_slice(config, TEACHER, tmp_path / "out", Slice(number, 3)) for number in order]
    assert [report.complete for report in reports] == [False] * (len(order) - 1) + [True]
    assert reports[-1].finished_shards == 7
    assert sum(report.new_pairs for report in reports) == 12
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def once(function: Callable[[], object]) -> Callable[[], object]:
    """Return a function that calls another one the first time, and then does nothing."""
    calls = [function]
    return lambda: calls.pop()() if calls else None


def test_parts_at_the_same_time(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    content = write_photos(tmp_path / "content", photos(24, 32, 32))
    config = PairsConfig(content=(content,), size=32, pairs_per_shard=3, batch=2)
    make_pairs(config, TEACHER, tmp_path / "whole")
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)  # so that no part is finished before all have begun
    teachers = [TintTeacher(before_photo=once(lambda: barrier.wait(200)), batch_sensitive=True) for _ in range(4)]
    processes = [
        context.Process(target=make_slice, args=(config, teacher, tmp_path / "out", Slice(number, 4)))
        for number, teacher in enumerate(teachers, start=1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_where_a_plan_is_photos_are_not_all_read_again(config: PairsConfig, tmp_path: Path) -> None:
    preview = plan_pairs(config, TEACHER, tmp_path / "out")
    assert (preview.state, preview.finished_shards) == ("unfinished", 0)
    assert sorted(tree(tmp_path / "out")) == ["plan.json"]
    told: list[str] = []
    make_slice(config, TEACHER, tmp_path / "out", Slice(1, 3), on_progress=lambda label, *_: told.append(label))
    assert set(told) == {"stylizing"}


def test_a_photo_changed_since_the_plan_is_a_failure_not_a_wrong_pair(
    config: PairsConfig, tmp_path: Path, photos
) -> None:
    plan_pairs(config, TEACHER, tmp_path / "out")
    photo = min(config.content[0].rglob("*.png"))
    photo.write_bytes(encode_png(photos(30)[29]))
    for number in (1, 2, 3):
        make_slice(config, TEACHER, tmp_path / "out", Slice(number, 3))
    manifest = PairSetFolder(tmp_path / "out").manifest.read_text()
    assert "changed while pairs were being made" in manifest


def test_each_part_reports_its_failures(config: PairsConfig, tmp_path: Path, photos) -> None:
    """Those of an earlier call that was interrupted, too, and none again where nothing is left to do."""
    (config.content[0] / "gone.jpg").symlink_to("nowhere.jpg")
    config = config.model_copy(update={"pairs_per_shard": 2})
    plan = plan_pairs(config, TEACHER, tmp_path / "out").plan
    changed = [photo for photo in plan.photos if photo.shard == 1]
    for photo in changed:
        (config.content[0] / photo.source).write_bytes(encode_png(photos(30)[29]))
    reports = [make_slice(config, TEACHER, tmp_path / "out", Slice(number, 3)) for number in (1, 2, 3)]
    assert [failure.source for failure in reports[0].failures] == ["gone.jpg"]
    assert {failure.source for failure in reports[1].failures} == {photo.source for photo in changed}
    assert reports[1].to_json()["failures"][0]["reason"] == "changed while pairs were being made"
    assert reports[2].failures == ()
    assert make_slice(config, TEACHER, tmp_path / "out", Slice(2, 3)).failures == ()
    PairSetFolder(tmp_path / "out").tar(plan.shard_names[4]).unlink()  # as if it had been killed before that one
    assert reports[1].failures == make_slice(config, TEACHER, tmp_path / "out", Slice(2, 3)).failures


def test_a_part_that_writes_the_plan_while_another_one_looks_for_it(
    config: PairsConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --plan, the parts of a set may all start at once in an empty folder."""
    plan = plan_pairs(config, TEACHER, tmp_path / "planned").plan
    folder, list_folder = PairSetFolder(tmp_path / "out"), Path.iterdir
    folder.path.mkdir()

    def list_after_another_part(path: Path) -> Iterator[Path]:
        if path == folder.path:
            monkeypatch.undo()
            PairSetFolder(path).prepare(plan, exclusive=False)
        return list_folder(path)

    monkeypatch.setattr(Path, "iterdir", list_after_another_part)
    folder.check_plan(plan)
    assert sorted(path.name for path in folder.path.iterdir()) == ["plan.json", "shards"]


def test_photos_added_since_the_plan_are_noticed(config: PairsConfig, tmp_path: Path, photos) -> None:
    plan_pairs(config, TEACHER, tmp_path / "out")
    (config.content[0] / "new.png").write_bytes(encode_png(photos(30)[29]))
    with pytest.raises(DataError, match=r"photos not there before: 1 \(new\.png\)"):
        make_slice(config, TEACHER, tmp_path / "out", Slice(1, 3))


def test_a_whole_run_and_a_part_do_not_work_at_once(config: PairsConfig, tmp_path: Path) -> None:
    busy = "another make-pairs is writing there"
    with PairSetFolder(tmp_path / "out").locked(shared=True), pytest.raises(DataError, match=busy):
        make_pairs(config, TEACHER, tmp_path / "out")
    with PairSetFolder(tmp_path / "out").locked(), pytest.raises(DataError, match=busy):
        make_slice(config, TEACHER, tmp_path / "out", Slice(1, 3))


def test_one_part_twice_at_once_is_refused_and_loses_nothing(config: PairsConfig, tmp_path: Path) -> None:
    plan_pairs(config, TEACHER, tmp_path / "out")
    shards = PairSetFolder(tmp_path / "out")
    writer = ShardWriter(shards.partial("train-00000"), "png")
    with pytest.raises(DataError, match=r"train-00000\.tar\.partial: another make-pairs is writing this shard"):
        make_slice(config, TEACHER, tmp_path / "out", Slice(1, 3))
    writer.close()
    for number in (1, 2, 3):
        make_slice(config, TEACHER, tmp_path / "out", Slice(number, 3))
    make_pairs(config, TEACHER, tmp_path / "whole")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_set_begun_in_parts_is_finished_by_a_whole_run(config: PairsConfig, tmp_path: Path) -> None:
    log = tmp_path / "log"
    make_slice(config, TintTeacher(log=log, batch_sensitive=True), tmp_path / "out", Slice(2, 3))
    make_pairs(config, TintTeacher(log=log, batch_sensitive=True), tmp_path / "out")
    assert set(painted_counts(log).values()) == {1}


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "-1/3", "a/b", "1/3/5", "١/٣"])
def test_parts_that_do_not_exist(text: str) -> None:
    with pytest.raises(ConfigError, match="--shard"):
        Slice.parse(text)
