"""`pipelines/infer-ray.py` on a real Ray cluster: the bytes of `infer`, even if a machine or a worker dies."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pix2style import load_stylizer
from pix2style.cluster.filter_parcel import FilterOptions, pack_filter
from pix2style.cluster.photo_worker import ClusterJob
from pix2style.cluster.place import open_place
from pix2style.cluster.ray_run import RayOptions
from pix2style.cluster.stylize_places import REPORT_NAME, RunOptions, stylize_places
from pix2style.images import Image8, Picture, write_picture
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.stylize_files import stylize_files

from hold_places import HoldPlace  # isort: skip

WAIT_S = 200
ROOT = Path(__file__).parents[2]
# The folders that workers import from: those of hold_places.py and of the package.
IMPORTED_FROM = os.pathsep.join(map(str, (Path(__file__).parent, ROOT)))
GREAT_WAVE = "great-wave"
ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(2 * WAIT_S)]


def tree(folder: Path) -> dict[str, bytes]:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    files.pop(REPORT_NAME, None)
    return files


@pytest.fixture(scope="module")
def machines() -> Iterator[object]:
    """A Ray cluster of two nodes, which are processes on this machine with one processor each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", IMPORTED_FROM)
        from ray.cluster_utils import Cluster as Machines

        small = {"num_cpus": 1, "object_store_memory": 80_000_000}
        # A dead machine is noticed after 5 s instead of 15 s.
        soon = {"_system_config": {"health_check_period_ms": 1000}}
        machines = Machines(initialize_head=True, head_node_args={**small, **soon, "include_dashboard": False})
        machines.add_node(**small)
        machines.wait_for_nodes()
        try:
            yield machines
        finally:
            ray.shutdown()
            machines.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photos: Callable[..., list[Image8]]) -> Path:
    folder = tmp_path_factory.mktemp("ray") / "photos"
    for number, rgb in enumerate(photos(10)):
        path = folder / f"album{number % 3}" / f"photo{number}.{('jpg', 'png')[number % 2]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(path, Picture(rgb))
    (folder / "album0" / "empty.jpg").touch()
    return folder


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, bytes]:
    """What `infer` makes of the folder on one machine."""
    stylize_files(load_stylizer(GREAT_WAVE), [folder], folder.parent / "whole")
    return tree(folder.parent / "whole")


@pytest.fixture
def holding(tmp_path: Path) -> Path:
    (tmp_path / "holding").mkdir()
    return tmp_path / "holding"


def job_of(source: HoldPlace, out: Path) -> ClusterJob:
    return ClusterJob(
        source, open_place(str(out)), pack_filter(GREAT_WAVE, FilterOptions(threads=1)), None, 95, FileSettings()
    )


def test_two_machines_of_which_one_is_killed(
    machines, folder: Path, expected: dict[str, bytes], holding: Path, tmp_path: Path
) -> None:
    [second] = [node for node in machines.list_all_nodes() if node is not machines.head_node]
    in_the_middle: list[bool] = []

    def kill_in_the_middle() -> None:
        """Kill the second machine while the workers of both hold their first photo."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and len(list(holding.iterdir())) < 2:
            time.sleep(0.02)
        in_the_middle.append(len(list(holding.iterdir())) == 2)
        machines.remove_node(second, allow_graceful=False)
        (holding / "go").touch()

    killer = threading.Thread(target=kill_in_the_middle)
    killer.start()
    job = job_of(HoldPlace(folder, holding), tmp_path / "out")
    report = stylize_places(job, RayOptions(machines.address, photos_per_task=2), RunOptions())
    killer.join()
    assert in_the_middle == [True]
    assert tree(tmp_path / "out") == expected
    assert (report.written, report.failed) == (10, 1)
    assert not ray.is_initialized()


def test_a_photo_that_kills_its_worker_fails_alone(
    machines, folder: Path, expected: dict[str, bytes], holding: Path, tmp_path: Path
) -> None:
    (holding / "go").touch()
    poison = "album1/photo1.png"
    job = job_of(HoldPlace(folder, holding, poison), tmp_path / "out")
    report = stylize_places(job, RayOptions(machines.address, photos_per_task=20), RunOptions())
    assert dict(report.failures) == {
        "album0/empty.jpg": "the file is empty",
        poison: "3 workers died while stylizing it: it may need too much memory, or be hostile",
    }
    assert tree(tmp_path / "out") == {name: data for name, data in expected.items() if name != poison}
