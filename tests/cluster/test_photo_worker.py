"""A worker writes what `infer` writes, also into places behind a network, and knows which outputs are done."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from pix2style import load_stylizer
from pix2style.cluster.filter_parcel import FilterOptions, pack_filter
from pix2style.cluster.photo_batches import PhotoBatch, list_batches
from pix2style.cluster.photo_result import BatchResult, PhotoResult
from pix2style.cluster.photo_worker import ClusterJob, OutputChecker, PhotoWorker
from pix2style.cluster.place import Place, open_place
from pix2style.cluster.ray_run import RayOptions
from pix2style.cluster.stylize_places import RunOptions, stylize_places
from pix2style.errors import ArtifactError, ConfigError, DataError, MissingExtraError, Pix2StyleError
from pix2style.images import Image8, KeepMetadata, Picture, write_picture
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.stylize_files import stylize_files
from pix2style.serve.jobs import QueueFullError

GREAT_WAVE = "great-wave"
OPTIONS = FilterOptions(threads=1)
fsspec = pytest.importorskip("fsspec")


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    rgb, other = photos(2)
    names = ["a.jpg", "a.gif", "deep/b.webp", "deep/c.png", "deep/bare"]
    for number, name in enumerate(names):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        made = tmp_path / f"made{path.suffix.replace('gif', 'png')}"
        write_picture(made.with_suffix(made.suffix or ".png"), Picture(rgb if number % 2 else other))
        made.with_suffix(made.suffix or ".png").rename(path)
    (tmp_path / "photos" / "deep" / "broken.png").write_bytes(b"GIF8")
    (tmp_path / "photos" / "empty.jpg").touch()
    return tmp_path / "photos"


@pytest.fixture
def expected(folder: Path, tmp_path: Path) -> dict[str, bytes]:
    """What `infer` makes of the folder."""
    report = stylize_files(load_stylizer(GREAT_WAVE), [folder], tmp_path / "whole")
    assert (len(report.written), len(report.failures)) == (4, 2)
    return tree(tmp_path / "whole")


@pytest.fixture
def memory() -> Iterator[str]:
    """A file system behind a URL, which is not written in place."""
    system = fsspec.filesystem("memory")
    yield "memory://outputs"
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def job_of(source: str | Path, target: str | Path, options: FilterOptions = OPTIONS, **changes: object) -> ClusterJob:
    places = open_place(str(source)), open_place(str(target))
    job = ClusterJob(*places, pack_filter(GREAT_WAVE, options), None, 95, FileSettings())
    return replace(job, **changes)


def stylize_all(job: ClusterJob, photos_per_batch: int = 3) -> list[PhotoResult]:
    worker = PhotoWorker(pickle.loads(pickle.dumps(job)))
    batches = [PhotoBatch.from_json(batch.to_json()) for batch in list_batches(job.source, photos_per_batch)]
    return [result for batch in batches for result in worker.stylize(batch).results]


def content(place: Place) -> dict[str, bytes]:
    names = [photo.name for batch in list_batches(place, 99) for photo in batch.photos]
    return {name: place.read(name) for name in names}


def outcomes(job: ClusterJob) -> dict[str, str]:
    [batch] = list_batches(job.source, 99)
    remaining, known = OutputChecker(pickle.loads(pickle.dumps(job))).check(batch)
    return {**{photo.name: "remaining" for photo in remaining.photos}, **{r.photo: r.outcome for r in known.results}}


def test_the_same_bytes_as_infer_writes(folder: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    results = stylize_all(job_of(folder, tmp_path / "out"))
    assert tree(tmp_path / "out") == expected
    failed = {result.photo: result.reason for result in results if result.outcome == "failed"}
    assert failed == {"empty.jpg": "the file is empty", "deep/broken.png": failed["deep/broken.png"]}
    again = stylize_all(job_of(folder, tmp_path / "out"), photos_per_batch=1)
    assert sorted(result.photo for result in again) == sorted(result.photo for result in results)
    assert tree(tmp_path / "out") == expected


def test_the_same_bytes_behind_a_network(folder: Path, expected: dict[str, bytes], memory: str, tmp_path: Path) -> None:
    job = job_of(folder, memory)
    stylize_all(job)
    assert content(job.target) == expected
    # And from there: what is stylized twice.
    stylize_files(load_stylizer(GREAT_WAVE), [tmp_path / "whole"], tmp_path / "twice")
    stylize_all(job_of(memory, tmp_path / "out"))
    assert tree(tmp_path / "out") == tree(tmp_path / "twice")


@pytest.mark.parametrize("where", ["folder", "network"])
def test_only_what_is_missing_is_left(where: str, folder: Path, memory: str, tmp_path: Path) -> None:
    job = job_of(folder, tmp_path / "out" if where == "folder" else memory)
    everything = {"a.jpg", "a.gif", "deep/b.webp", "deep/c.png", "empty.jpg", "deep/broken.png"}
    assert outcomes(job) == dict.fromkeys(everything, "remaining")
    stylize_all(job)
    failed = {"empty.jpg": "remaining", "deep/broken.png": "remaining"}
    assert outcomes(job) == {**dict.fromkeys(everything, "existed"), **failed}
    job.target.write("a.jpg", b"")
    assert outcomes(job)["a.jpg"] == "remaining"
    assert outcomes(job_of(folder, job.target.address, replace(OPTIONS, strength=0.5)))["a.gif"] == "other settings"
    assert outcomes(replace(job, quality=80))["deep/b.webp"] == "other settings"
    assert outcomes(replace(job, quality=80))["deep/c.png"] == "existed"
    (folder / "deep/c.png").write_bytes((folder / "a.gif").read_bytes() + b"\n")
    assert outcomes(job)["deep/c.png"] == "other photo"


def test_an_output_that_cannot_be_read_now_is_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(folder, tmp_path / "out")
    stylize_all(job)
    [batch] = list_batches(job.source, 99)
    read = job.target.read

    def read_others(name: str) -> bytes:
        if name == "deep/c.png":
            raise OSError(5, "the network is away")
        return read(name)

    monkeypatch.setattr(job.target, "read", read_others)
    remaining, known = OutputChecker(job).check(batch)
    assert "deep/c.png" not in {photo.name for photo in remaining.photos}
    [kept] = [result for result in known.results if result.photo == "deep/c.png"]
    assert (kept.outcome, kept.of_unknown_origin) == ("existed", True)


def test_metadata_that_a_format_does_not_hold_are_named(folder: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "a camera"
    Image.new("RGB", (40, 30), "red").save(folder / "b.jpg", exif=exif)
    files = FileSettings(metadata=KeepMetadata.ALL)
    job = job_of(folder, tmp_path / "out", suffix=".bmp", files=files)
    [result] = [result for result in stylize_all(job) if result.photo == "b.jpg"]
    [name] = [name for name in tree(tmp_path / "out") if name.startswith("b.")]
    report = stylize_files(load_stylizer(GREAT_WAVE), [folder / "b.jpg"], tmp_path / "one", suffix=".bmp", files=files)
    assert (
        list(result.notes)
        == [note.text for note in report.notes]
        == ["its EXIF data are not kept: BMP files do not hold them"]
    )
    assert tree(tmp_path / "out")[name] == tree(tmp_path / "one")[name]


def test_a_folder_in_the_way_fails_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "a.jpg").mkdir(parents=True)
    job = job_of(folder, tmp_path / "out")
    assert outcomes(job)["a.jpg"] == "remaining"
    [failed] = [result for result in stylize_all(job) if result.photo == "a.jpg"]
    assert failed.reason == "its output a.jpg is a folder: remove it, or choose another TARGET"


def test_a_photo_larger_than_the_memory_fails_alone(folder: Path, tmp_path: Path) -> None:
    os.truncate(folder / "empty.jpg", 1 << 40)
    results = {result.photo: result for result in stylize_all(job_of(folder, tmp_path / "out"))}
    assert results["empty.jpg"].outcome == "failed"
    assert results["empty.jpg"].reason.startswith("has 1099.5 GB")
    assert results["deep/c.png"].outcome == "written"


def test_blends_and_effects_are_sent(folder: Path, tmp_path: Path) -> None:
    options = FilterOptions(strength=0.7, preserve_color=True, stroke=1.5, threads=1)
    job = job_of(folder, tmp_path / "out", parcel=pack_filter("great-wave:0.6,poppies:0.4", options))
    stylize_all(job)
    stylizer = load_stylizer("great-wave:0.6,poppies:0.4", strength=0.7, preserve_color=True, stroke=1.5)
    stylize_files(stylizer, [folder], tmp_path / "whole")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_worker_refuses_another_filter_or_other_versions() -> None:
    parcel = pack_filter(GREAT_WAVE, OPTIONS)
    [part] = parcel.parts
    with pytest.raises(ArtifactError, match="was damaged on its way"):
        replace(parcel, parts=(replace(part, data=part.data[:-1]),)).load()
    with pytest.raises(ArtifactError, match=r"a worker has pillow .* the machine that started the work has 1.0"):
        replace(parcel, versions={**parcel.versions, "pillow": "1.0"}).load()
    with pytest.raises(ArtifactError, match="loaded another filter"):
        replace(parcel, options=replace(OPTIONS, strength=0.3)).load()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("watercolor", "is a teacher: make pairs"),
        ("grate-wave", "did you mean great-wave?"),
        ("gone.onnx", "no such filter: infer-ray takes filter files"),
        ("run", "is a run: export it first"),
    ],
)
def test_what_cannot_be_sent(source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArtifactError, match=message):
        pack_filter(source, OPTIONS)


def test_errors_of_workers_keep_their_exit_codes() -> None:
    for error in (ArtifactError("x"), DataError("y"), ConfigError("z"), MissingExtraError("p"), QueueFullError("q", 1)):
        kind = type(error) if error.exit_code > 1 else Pix2StyleError  # whatever other parts of pix2style are loaded
        with pytest.raises(kind, match=str(error)):
            BatchResult.from_json(BatchResult.of_error(error).to_json()).check()


@pytest.mark.parametrize(
    ("address", "error"),
    [("nowhere://x", ConfigError), ("", ConfigError), ("ftp://127.0.0.1:1/x", ConfigError)],
)
def test_addresses_that_cannot_be_opened(address: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        open_place(address)


def test_threads_do_not_share_a_connection(memory: str) -> None:
    place = open_place(memory)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: id(place._system)).result() != id(place._system)


def test_places_that_do_not_fit_are_refused_before_any_work(folder: Path, tmp_path: Path) -> None:
    def run(source: Path, target: Path) -> None:
        stylize_places(job_of(source, target), RayOptions(), RunOptions())

    with pytest.raises(DataError, match="is also the folder of the photos"):
        run(folder, folder)
    with pytest.raises(DataError, match="cannot be opened as a folder: No such file"):
        run(tmp_path / "gone", tmp_path / "out")
    with pytest.raises(DataError, match="cannot be opened as a folder: Not a directory"):
        run(folder / "a.jpg", tmp_path / "out")
    with pytest.raises(DataError, match="cannot be written"):
        run(folder, folder / "a.jpg" / "out")


def test_a_photo_that_a_lost_worker_has_finished_does_not_fail(folder: Path, tmp_path: Path) -> None:
    job = job_of(folder, tmp_path / "out")
    [batch] = list_batches(job.source, 99)
    refused = PhotoWorker(job).stylize(batch, lambda _photo: "it ended a worker twice")
    assert {result.outcome for result in refused.results} == {"failed"}
    done = {result.photo for result in stylize_all(job) if result.outcome == "written"}
    again = PhotoWorker(job).stylize(batch, lambda _photo: "it ended a worker twice")
    assert done
    assert {result.photo for result in again.results if result.outcome == "existed"} == done
    assert {result.outcome for result in again.results if result.photo not in done} == {"failed"}
