"""Shards made on a real Ray cluster have the same bytes, even if one of its machines dies."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pix2style.config.pairs import PairsConfig
from pix2style.errors import ArtifactError, DataError
from pix2style.images import Image8
from pix2style.pairs.build.make_pairs import RayCluster, make_pairs

from tint import TintTeacher, tree, write_photos  # isort: skip

WAIT_S = 200
# The folders that workers import from: those of this file, of tint.py, and of the package.
IMPORTED_FROM = os.pathsep.join(str(Path(__file__).parents[level]) for level in (0, 1, 3))
ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")


@dataclass(frozen=True)
class TintRecipe:
    """Loads a TintTeacher. Workers can import this class because the fixture sets PYTHONPATH."""

    log: Path | None = None
    holding: Path | None = None
    tint: int = 40

    def load(self) -> list[TintTeacher]:
        return [TintTeacher(self.tint, log=self.log, before_photo=self.hold, batch_sensitive=True)]

    def hold(self) -> None:
        """Say in the folder `holding` that this process has begun, and wait until the folder has a file `go`."""
        if self.holding is not None:
            (self.holding / str(os.getpid())).touch()
            while not (self.holding / "go").exists():
                time.sleep(0.02)


@pytest.fixture
def config(tmp_path: Path, photos: Callable[..., list[Image8]]) -> PairsConfig:
    content = write_photos(tmp_path / "content", photos(24, 32, 32))
    (content / "album0" / "photo05.jpg").write_bytes(b"")
    return PairsConfig(content=(content,), size=32, pairs_per_shard=3, batch=2)


@pytest.fixture
def two_machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Start a Ray cluster of two nodes, which are processes on this machine with one processor each."""
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", IMPORTED_FROM)
    from ray.cluster_utils import Cluster as Machines

    small = {"num_cpus": 1, "object_store_memory": 80_000_000}
    machines = Machines(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    machines.add_node(**small)
    machines.wait_for_nodes()
    try:
        yield machines
    finally:
        ray.shutdown()
        machines.shutdown()


@pytest.mark.timeout(2 * WAIT_S)
def test_two_machines_of_which_one_is_killed(config: PairsConfig, tmp_path: Path, two_machines) -> None:
    make_pairs(config, TintTeacher(batch_sensitive=True), tmp_path / "whole")
    log, holding = tmp_path / "log", tmp_path / "holding"
    holding.mkdir()
    [second] = [node for node in two_machines.list_all_nodes() if node is not two_machines.head_node]
    killed = threading.Event()
    in_the_middle: list[bool] = []

    def kill_in_the_middle() -> None:
        """Kill the second machine while the teachers of both hold their first photo."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and len(list(holding.iterdir())) < 2:
            time.sleep(0.02)
        in_the_middle.append(len(list(holding.iterdir())) == 2)
        two_machines.remove_node(second, allow_graceful=False)
        killed.set()
        (holding / "go").touch()

    killer = threading.Thread(target=kill_in_the_middle)
    killer.start()
    cluster = RayCluster(TintRecipe(log, holding), address=two_machines.address)
    report = make_pairs(config, TintTeacher(batch_sensitive=True), tmp_path / "out", cluster=cluster)
    killer.join()
    assert killed.is_set()
    assert len(list((tmp_path / "out" / "shards").glob("*.partial"))) == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert report.manifest.pairs.total == 24
    assert len(log.read_text().split()) >= 24
    assert in_the_middle == [True]


@pytest.mark.timeout(2 * WAIT_S)
def test_on_one_machine_with_errors_that_say_what_is_wrong(
    config: PairsConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", IMPORTED_FROM)
    make_pairs(config, TintTeacher(batch_sensitive=True), tmp_path / "whole")
    with pytest.raises(ArtifactError, match="a worker loaded another teacher than the one that the plan names"):
        make_pairs(config, TintTeacher(), tmp_path / "other", cluster=RayCluster(TintRecipe(tint=7), workers=1))
    assert not ray.is_initialized()
    cluster = RayCluster(TintRecipe(), workers=1)
    report = make_pairs(config, TintTeacher(batch_sensitive=True), tmp_path / "out", cluster=cluster)
    assert report.new_pairs == 24
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert make_pairs(config, TintTeacher(), tmp_path / "out", cluster=cluster).already_finished


def test_a_cluster_that_is_not_there(config: PairsConfig, tmp_path: Path) -> None:
    cluster = RayCluster(TintRecipe(), address="127.0.0.1:1")
    with pytest.raises((ArtifactError, DataError), match="no Ray cluster can be reached there"):
        make_pairs(config, TintTeacher(), tmp_path / "out", cluster=cluster)
