"""What happens around the workers of a cluster, without one: photos that kill workers, refusals, and the report."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pix2style.cluster import ray_run, stylize_places
from pix2style.cluster.cluster_report import ClusterReport
from pix2style.cluster.filter_parcel import FilterOptions, pack_filter
from pix2style.cluster.local_place import LocalPlace
from pix2style.cluster.photo_batches import PhotoBatch, list_batches
from pix2style.cluster.photo_result import BatchResult, PhotoResult
from pix2style.cluster.photo_worker import ClusterJob
from pix2style.cluster.place import open_place
from pix2style.cluster.ray_run import RayOptions
from pix2style.cluster.stylize_places import REPORT_NAME, RunOptions
from pix2style.errors import ArtifactError, DataError
from pix2style.images import Image8, Picture, write_picture
from pix2style.runtime.file_settings import FileSettings


class WorkerDiedError(BaseException):
    """Stand-in for the end of a worker's process."""


class PoisonPlace(LocalPlace):
    """A folder of photos, of which one kills the worker that reads it."""

    def read(self, name: str) -> bytes:
        if name == "c.png":
            raise WorkerDiedError
        return super().read(name)


class LocalHandle:
    """Stand-in for a handle of an actor: calls its methods here."""

    def __init__(self, actor: object) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> object:
        return type("Method", (), {"remote": staticmethod(getattr(self._actor, name))})


@pytest.fixture
def folder(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    (tmp_path / "photos").mkdir()
    for name, rgb in zip("abcde", photos(5), strict=True):
        write_picture(tmp_path / "photos" / f"{name}.png", Picture(rgb))
    return tmp_path / "photos"


@pytest.fixture
def job(folder: Path, tmp_path: Path) -> ClusterJob:
    parcel = pack_filter("great-wave", FilterOptions(threads=1))
    return ClusterJob(PoisonPlace(folder), open_place(str(tmp_path / "out")), parcel, None, 95, FileSettings())


def test_a_photo_that_kills_workers_fails_alone(job: ClusterJob, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = type("Ray", (), {"get": staticmethod(lambda value: value)})
    monkeypatch.setattr(ray_run, "require", lambda *_names: [ray])
    journal = ray_run._Journal()
    [batch] = list_batches(job.source, 9)
    deaths = 0
    while True:
        worker = ray_run._StylizeActor(job, LocalHandle(journal))
        try:
            [text] = worker({"photos": [batch.to_json()]})["result"]
            break
        except WorkerDiedError:
            deaths += 1
    results = BatchResult.from_json(text).results
    assert deaths == 3
    assert {result.photo: result.outcome for result in results} == {
        **dict.fromkeys(("a.png", "b.png", "d.png", "e.png"), "written"),
        "c.png": "failed",
    }
    assert results[2].reason.startswith("3 workers died while stylizing it")
    assert not journal._begun


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[bool]]:
    """`stages(compared, stylized)`: what a cluster would return. Gives a list of whether it had to compare."""

    def set_stages(compared: list[BatchResult], stylized: list[BatchResult]) -> list[bool]:
        asked: list[bool] = []

        @contextlib.contextmanager
        def running(_job: ClusterJob, _options: RayOptions, *, compare: bool, **_settings: object) -> Iterator[tuple]:
            asked.append(compare)
            yield iter(compared), iter(stylized)

        monkeypatch.setattr(stylize_places, "running_on_ray", running)
        return asked

    return set_stages


def result(photo: str, outcome: str, **more: object) -> BatchResult:
    return BatchResult([PhotoResult(photo, outcome, photo, **more)], {"video": 1}, 0.5)


def test_outputs_of_other_settings_are_refused_before_any_work(job: ClusterJob, tmp_path: Path, stages) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.png").touch()
    asked = stages([result("a.png", "existed"), *[result(n, "other settings") for n in ("b.png", "c.png")]], [])
    with pytest.raises(DataError, match=r"out/b.png: was made by another filter .*, as 1 more image was: add"):
        stylize_places.stylize_places(job, RayOptions(), RunOptions())
    stages([], [result("a.png", "written")])
    stylize_places.stylize_places(job, RayOptions(), RunOptions(overwrite=True))
    assert asked == [True]


def test_the_report_holds_what_is_to_be_known(job: ClusterJob, tmp_path: Path, stages) -> None:
    asked = stages(
        [],
        [
            result("a.png", "written"),
            result("b\udce4.png", "failed", reason="it is bad"),
            result("c.png", "written", notes=("has a gain map",), frames=4),
        ],
    )
    seen: list[int] = []

    def count(report: ClusterReport) -> None:
        seen.append(report.handled)

    run = RunOptions(report=open_place(str(tmp_path)), report_name="r.jsonl")
    report = stylize_places.stylize_places(job, RayOptions(), run, count)
    assert (asked, seen) == ([False], [1, 2, 3])
    failed, noted, figures = map(json.loads, (tmp_path / "r.jsonl").read_text().splitlines())
    assert (failed["photo"], failed["reason"]) == ("b\\xe4.png", "it is bad")
    assert (noted["photo"], noted["notes"]) == ("c.png", ["has a gain map"])
    assert (figures["figures"]["written"], figures["figures"]["left_out"]) == (2, {"video": 3})
    summary = report.summary()
    assert summary.startswith("2 photos stylized; 500 ms of worker time each")
    assert summary.endswith("4 frames and pages in 1 file; 1 failed; left out: 3 videos")


def test_without_photos_and_with_a_worker_that_cannot_work(job: ClusterJob, tmp_path: Path, stages) -> None:
    stages([], [BatchResult(left_out={"video": 2})])
    with pytest.raises(DataError, match=r"no images in .*photos: looked for .* \(2 videos there\)"):
        stylize_places.stylize_places(job, RayOptions(), RunOptions())
    assert not (tmp_path / "out" / REPORT_NAME).exists()
    rows = type(
        "Rows", (), {"iter_rows": lambda _self: [{"result": BatchResult.of_error(ArtifactError("no")).to_json()}]}
    )
    with pytest.raises(ArtifactError, match="no"):
        list(ray_run._results(rows()))


def test_empty_batches_are_no_work(job: ClusterJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_run, "require", lambda *_names: [None])
    worker = ray_run._StylizeActor(job, None)
    [text] = worker({"photos": [PhotoBatch(left_out={"video": 2}).to_json()]})["result"]
    assert BatchResult.from_json(text) == BatchResult(left_out={"video": 2})
