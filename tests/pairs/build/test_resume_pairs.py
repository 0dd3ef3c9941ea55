"""A set that is interrupted at any moment and resumed gets the same bytes, and finished pairs are not made again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pix2style.config.pairs import PairsConfig
from pix2style.errors import DataError
from pix2style.images import encode_jpeg
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.plan import PairPlan, PlannedPair
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.shard_recovery import recover_pairs

from tint import TintTeacher, painted_counts, tree, write_photos  # isort: skip

SCRIPT = Path(__file__).parents[1] / "run_make_pairs.py"
WAIT_S = 200
BATCH = 4  # of the script
LOST_BATCHES = 4  # maximum per kill: one at the teacher, two being encoded, one being written


def start(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(SCRIPT), *map(str, arguments)], stderr=subprocess.PIPE)


def wait_for_lines(process: subprocess.Popen[bytes], log: Path, count: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while painted_counts(log).total() < count and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.fixture
def many(tmp_path: Path, photos) -> Path:
    """A folder with 25 photos, and two unreadable files among them."""
    content = write_photos(tmp_path / "many", photos(25))
    (content / "album0" / "photo05.jpg").write_bytes(b"")
    (content / "album1" / "photo10.jpg").write_bytes(encode_jpeg(photos(1)[0])[:300])
    return content


def test_kill_9_at_twenty_random_moments(many: Path, tmp_path: Path) -> None:
    # The output of this teacher depends on its batch, so the batches must be the same after a resume.
    config = PairsConfig(content=(many,), size=32, pairs_per_shard=10, batch=BATCH)
    make_pairs(config, TintTeacher(batch_sensitive=True), tmp_path / "whole")
    expected, rng, kills, sets = tree(tmp_path / "whole"), random.Random(0), 0, 0
    while kills < 20:
        out, log = tmp_path / f"killed{sets}", tmp_path / f"log{sets}"
        process = start(many, out, log, 0.03)
        wait_for_lines(process, log, painted_counts(log).total() + rng.randint(1, 8))
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        was_killed = process.wait() == -signal.SIGKILL
        kills += was_killed
        process.stderr.close()
        if not was_killed or (out / "manifest.json").exists():
            assert tree(out) == expected
            counts = painted_counts(log)
            assert len(counts) == 25
            assert counts.total() <= 25 + 20 * LOST_BATCHES * BATCH
            sets += 1
        elif (out / "plan.json").exists():
            assert_is_part_of(tree(out), expected)
    last = start(many, out, log, 0)
    _, stderr = last.communicate(timeout=WAIT_S)
    assert (last.returncode, stderr) == (0, b"")
    assert tree(out) == expected


def assert_is_part_of(part: dict[str, bytes], whole: dict[str, bytes]) -> None:
    """Check that every file with a final name is complete."""
    for name, data in part.items():
        if not name.endswith(".partial"):
            assert data == whole[name]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, photos) -> tuple[PairsConfig, Path]:
    """A finished set of one shard, with a failure in its middle."""
    root = tmp_path_factory.mktemp("finished")
    content = write_photos(root / "content", photos(7))
    (content / "album0" / "photo03.jpg").write_bytes(b"")
    config = PairsConfig(content=(content,), size=32, batch=3)
    make_pairs(config, TintTeacher(batch_sensitive=True), root / "out")
    return config, root


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1), tail=st.sampled_from([b"", b"\0" * 700, b"garbage" * 99]), whole=st.booleans())
@example(share=1.0, tail=b"garbage" * 99, whole=True)
@example(share=0.0, tail=b"", whole=False)
def test_a_shard_cut_off_at_any_byte_is_completed(
    finished, tmp_path_factory, share: float, tail: bytes, whole: bool
) -> None:
    config, root = finished
    expected = tree(root / "out")
    out = tmp_path_factory.mktemp("cut")
    (out / "shards").mkdir()
    (out / "plan.json").write_bytes(expected["plan.json"])
    tar = expected["shards/train-00000.tar"]
    name = "train-00000.tar" if whole else "train-00000.tar.partial"  # `whole`: killed between rename and index
    (out / "shards" / name).write_bytes(tar[: int(share * len(tar))] + tail)
    log = out.with_name(f"{out.name}.log")
    kept_pairs = int(share * len(tar)) // (len(tar) // 7 + 2048)  # fewer than surely survived
    make_pairs(config, TintTeacher(log=log, batch_sensitive=True), out)
    assert tree(out) == expected
    assert painted_counts(log).total() <= 7 - kept_pairs + config.batch


def test_a_flipped_byte_in_a_partial_shard_is_painted_again(finished, tmp_path: Path) -> None:
    config, root = finished
    expected = tree(root / "out")
    tar = bytearray(expected["shards/train-00000.tar"])
    tar[PairReader(root / "out").entries("train")[3].target.offset + 20] ^= 1
    (tmp_path / "out" / "shards").mkdir(parents=True)
    (tmp_path / "out" / "plan.json").write_bytes(expected["plan.json"])
    (tmp_path / "out" / "shards" / "train-00000.tar.partial").write_bytes(tar)
    make_pairs(config, TintTeacher(batch_sensitive=True), tmp_path / "out")
    assert tree(tmp_path / "out") == expected


@pytest.mark.parametrize(
    "lost",
    [
        ["manifest.json"],
        ["manifest.json", "shards/train-00001.json"],
        ["manifest.json", "shards/train-00000.json", "shards/train-00000.tar"],
        ["shards/train-00002.tar"],  # of a set that was finished
        ["shards/train-00001.json"],
        ["manifest.json", *[f"shards/train-0000{i}.{kind}" for i in range(3) for kind in ("json", "tar")]],
    ],
)
def test_whatever_is_missing_is_made_again(config: PairsConfig, tmp_path: Path, lost: list[str]) -> None:
    make_pairs(config, TintTeacher(), tmp_path / "out")
    expected = tree(tmp_path / "out")
    for name in lost:
        (tmp_path / "out" / name).unlink()
    # Temporary files of killed processes must be deleted.
    (tmp_path / "out" / "shards" / ".train-00000.json.abc.partial").write_bytes(b"{")
    (tmp_path / "out" / ".manifest.json.abc.partial").write_bytes(b"")
    report = make_pairs(config, TintTeacher(), tmp_path / "out")
    if report.already_finished:
        pytest.fail("something was missing")
    assert tree(tmp_path / "out") == expected
    assert report.new_pairs + report.kept_pairs == 12


def test_what_a_worker_that_is_killed_meanwhile_leaves_is_deleted(config: PairsConfig, tmp_path: Path) -> None:
    """As on a cluster, where another worker makes the shard again."""
    make_pairs(config, TintTeacher(), tmp_path / "whole")
    left = tmp_path / "out" / "shards" / ".train-00001.json.0fd6200de5c98d26.partial"
    make_pairs(config, TintTeacher(before_photo=lambda: left.write_bytes(b"{")), tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_damaged_manifest_or_index_is_made_again(config: PairsConfig, tmp_path: Path) -> None:
    make_pairs(config, TintTeacher(), tmp_path / "out")
    expected = tree(tmp_path / "out")
    for name in ("manifest.json", "shards/train-00001.json"):
        (tmp_path / "out" / name).write_bytes(expected[name][:-20])
    log = tmp_path / "log"
    make_pairs(config, TintTeacher(log=log), tmp_path / "out")
    assert tree(tmp_path / "out") == expected
    assert not log.exists()  # the pairs themselves were whole


def test_a_finished_shard_that_was_cut_off_is_completed(config: PairsConfig, tmp_path: Path) -> None:
    make_pairs(config, TintTeacher(), tmp_path / "out")
    expected = tree(tmp_path / "out")
    name = "shards/train-00001.tar"
    (tmp_path / "out" / name).write_bytes(expected[name][: len(expected[name]) // 2])
    assert 0 < make_pairs(config, TintTeacher(), tmp_path / "out").new_pairs < 5
    assert tree(tmp_path / "out") == expected


def test_the_advice_for_a_damaged_finished_shard_works(config: PairsConfig, tmp_path: Path) -> None:
    make_pairs(config, TintTeacher(), tmp_path / "out")
    expected = tree(tmp_path / "out")
    entry = PairReader(tmp_path / "out").entries("train")[0]
    tar = tmp_path / "out" / "shards" / f"train-{entry.shard:05d}.tar"
    damaged = bytearray(tar.read_bytes())
    damaged[entry.target.offset + 20] ^= 1
    tar.write_bytes(damaged)
    with pytest.raises(DataError, match=r"delete that shard's \.tar"):
        PairReader(tmp_path / "out").read(entry)
    tar.unlink()
    make_pairs(config, TintTeacher(), tmp_path / "out")
    assert tree(tmp_path / "out") == expected


def test_killed_before_the_plan_was_there(config: PairsConfig, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".plan.json.xyz.partial").write_bytes(b"{")
    make_pairs(config, TintTeacher(), tmp_path / "out")
    make_pairs(config, TintTeacher(), tmp_path / "other")
    assert tree(tmp_path / "out") == tree(tmp_path / "other")


def test_a_photo_that_failed_and_can_be_read_again_gets_its_place(config: PairsConfig, tmp_path: Path) -> None:
    make_pairs(config, TintTeacher(), tmp_path / "expected")
    photo = sorted(config.content[0].rglob("*.png"))[2]
    data = photo.read_bytes()

    class StoppedTeacher(TintTeacher):
        batches = 0

        def stylize(self, images):
            self.batches += 1
            if self.batches == 5:
                raise KeyboardInterrupt
            return super().stylize(images)

    def hide(stage: str, done: int, total: int) -> None:
        if stage == "hashing" and done == total:
            photo.unlink()

    with pytest.raises(KeyboardInterrupt):
        make_pairs(config, StoppedTeacher(), tmp_path / "out", on_progress=hide)
    photo.write_bytes(data)
    # Make the first shard a partial one again, with the pairs around the failure in it.
    (tmp_path / "out" / "shards" / "train-00000.json").unlink(missing_ok=True)
    report = make_pairs(config, TintTeacher(), tmp_path / "out")
    assert report.manifest.failures == ()
    assert report.new_pairs >= 3  # the photo, and the pairs after it in its shard: they stand in the order of the plan
    assert tree(tmp_path / "out") == tree(tmp_path / "expected")


def test_progress_begins_where_the_last_run_stopped(config: PairsConfig, tmp_path: Path) -> None:
    make_pairs(config, TintTeacher(), tmp_path / "out")
    (tmp_path / "out" / "shards" / "train-00001.tar").unlink()
    told: list[tuple[str, int, int]] = []
    make_pairs(config, TintTeacher(), tmp_path / "out", on_progress=lambda *what: told.append(what))
    stylizing = [what for what in told if what[0] == "stylizing"]
    assert stylizing[0] == ("stylizing", 7, 12)
    assert stylizing[-1] == ("stylizing", 12, 12)
    assert ("hashing", 12, 12) in told


def test_a_full_disk_is_an_error_and_loses_no_finished_pair(many: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    process = start(many, out, log, 0, 40_000)
    _, stderr = process.communicate(timeout=WAIT_S)
    assert process.returncode == DataError.exit_code
    assert "train-00000.tar.partial: cannot be written: File too large" in stderr.decode()
    assert "run the same command again" in stderr.decode()
    painted = painted_counts(log)
    assert 0 < len(painted) < 25
    again = start(many, out, log, 0)
    _, stderr = again.communicate(timeout=WAIT_S)
    assert (again.returncode, stderr) == (0, b"")
    config = PairsConfig(content=(many,), size=32, pairs_per_shard=10, batch=BATCH)
    make_pairs(config, TintTeacher(batch_sensitive=True), tmp_path / "whole")
    assert tree(out) == tree(tmp_path / "whole")
    assert painted_counts(log).total() <= 25 + LOST_BATCHES * BATCH


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_recovery_takes_any_bytes(finished, tmp_path_factory, data: st.DataObject) -> None:
    """After a crash a partial shard may hold any bytes; only true pairs from its beginning are recovered."""
    _, root = finished
    reader = PairReader(root / "out")
    entries = reader.entries("train")  # those of the first shard
    pairs = planned(root / "out")
    tar = bytearray((root / "out" / "shards" / "train-00000.tar").read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(tar) - 1), max_size=4)):
        tar[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("fuzz") / "train-00000.tar.partial"
    path.write_bytes(tar[: data.draw(st.integers(0, len(tar)))])
    found = [entry for entry, _ in recover_pairs(path, pairs, "png")]
    assert found == entries[: len(found)]


def planned(folder: Path) -> list[PlannedPair]:
    """Return the planned pairs of the first shard."""
    plan, _ = read_document(PairPlan, folder / "plan.json")
    return [pair for photo in plan.photos_of_shard(0) for pair in plan.pairs_of_photo(photo)]


def test_recovery_keeps_only_what_would_have_been_written(finished, tmp_path: Path) -> None:
    _, root = finished
    reader = PairReader(root / "out")
    entries = reader.entries("train")  # those of the first shard
    tar = (root / "out" / "shards" / "train-00000.tar").read_bytes()
    starts = [entry.content.offset - 512 for entry in entries]
    first, second, rest = tar[: starts[1]], tar[starts[1] : starts[2]], tar[starts[2] :]
    path, pairs = tmp_path / "train-00000.tar.partial", planned(root / "out")
    path.write_bytes(second + first + rest)  # out of order
    assert [entry.key for entry, _ in recover_pairs(path, pairs, "png")] == [entries[1].key]
    path.write_bytes(first + second + first + rest)  # the same pair twice
    assert [entry.key for entry, _ in recover_pairs(path, pairs, "png")] == [entries[0].key, entries[1].key]
    path.write_bytes(tar)
    assert recover_pairs(path, pairs, "jpeg") == []
    other = [
        replace(pair, photo=replace(pair.photo, split="test" if pair.photo.split == "train" else "train"))
        for pair in pairs
    ]
    assert recover_pairs(path, other, "png") == []
    assert len(recover_pairs(path, pairs, "png")) == len(entries)
