"""Tests of bringing Magenta's network into the lasting cache, from folders and from servers on this machine."""

from __future__ import annotations

import importlib.util
import io
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pix2style.errors import ArtifactError
from pix2style.files import sha256_folder
from pix2style.teachers.magenta import MagentaTeacher, download
from pix2style.teachers.magenta.cache import fetch, locate

ADVICE = r"kaggle.com.*--module PATH.*PIX2STYLE_MAGENTA.*fetch --from PATH"


class _Site:
    """A server that answers every request with `status` and `body`, or never if `status` is 0."""

    def __init__(self) -> None:
        self.status, self.body, self.requests = 200, b"", list[str]()
        self.closing = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                if site.status == 0:
                    site.closing.wait(30)
                    return
                self.send_response(site.status)
                self.send_header("Content-Length", str(len(site.body)))
                self.end_headers()
                self.wfile.write(site.body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/magenta/2"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site() -> Iterator[_Site]:
    site = _Site()
    yield site
    site.close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that looks like a SavedModel, for tests that only move files."""
    (tmp_path / "model" / "variables").mkdir(parents=True)
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "model" / "variables" / "variables.index").write_bytes(b"weights" * 1000)
    return tmp_path / "model"


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Path], None]], list[str]]:
    """`kaggle(answer)` makes kagglehub fill its folder by `answer`; returns the list of handles that are requested."""

    def stand_in(answer: Callable[[Path], None]) -> list[str]:
        import kagglehub

        requests = []

        def model_download(handle: str, *, output_dir: str) -> str:
            requests.append(handle)
            answer(Path(output_dir))
            return output_dir

        monkeypatch.setattr(kagglehub, "model_download", model_download)
        return requests

    return stand_in


def _archive(folder: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        tar.add(folder, arcname=".")
    return stream.getvalue()


def _with_member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for member_name, data in (("saved_model.pb", b"graph"), (name, b"out")):
            member = tarfile.TarInfo(member_name)
            member.size = len(data)
            if member_name == name:
                member.type, member.linkname = kind, target
                member.size = len(data) if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def _all_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


# --- the network ---------------------------------------------------------------------------------------------------


def test_a_download_stays_in_the_cache(site: _Site, cache: Path, model: Path) -> None:
    site.body = _archive(model)
    first = fetch(site.address)
    site.status = 403  # from now on it can only come from the cache
    assert fetch(site.address) == locate(site.address) == first
    assert site.requests == ["/magenta/2?tf-hub-format=compressed"]
    assert first.source_sha256 == sha256_folder(model) == sha256_folder(first.folder)
    assert (first.origin, first.cached) == (site.address, True)
    assert cache in first.folder.parents
    assert locate(None) is None  # another address is not the default network


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed")
def test_a_teacher_downloads_the_large_network_on_request(
    site: _Site, cache: Path, small_network: Path, any_painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "HUB_ADDRESS", site.address)
    site.body = _archive(small_network)
    first = MagentaTeacher(any_painting, module="full")
    site.status = 403
    assert MagentaTeacher(any_painting).identity == first.identity
    assert first.identity.sha256 == sha256_folder(small_network)
    assert len(site.requests) == 1


def test_kaggle_is_tried_after_tf_hub(
    site: _Site,
    cache: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    kaggle: Callable[[Callable[[Path], None]], list[str]],
) -> None:
    pytest.importorskip("kagglehub")
    monkeypatch.setattr(download, "HUB_ADDRESS", site.address)
    requests = kaggle(lambda folder: shutil.copytree(model, folder, dirs_exist_ok=True))
    site.status = 403
    located = fetch(None)
    assert requests == ["google/arbitrary-image-stylization-v1/tensorFlow1/256"]
    assert located.origin == f"kaggle:{requests[0]}"
    assert located.source_sha256 == sha256_folder(model)
    assert locate(None) == located
    assert len(site.requests) == 1


def test_without_internet_the_message_lists_what_was_tried_and_nothing_is_written(
    site: _Site,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    kaggle: Callable[[Callable[[Path], None]], list[str]],
) -> None:
    pytest.importorskip("kagglehub")

    def fail(folder: Path) -> None:
        (folder / "part").write_bytes(b"half")
        raise ConnectionError("no way to kaggle")

    kaggle(fail)
    monkeypatch.setattr(download, "HUB_ADDRESS", site.address)
    site.status = 503
    with pytest.raises(ArtifactError, match=rf"(?s)127.0.0.1.*503.*kaggle:.*no way to kaggle.*{ADVICE}"):
        fetch(None)
    assert _all_files(cache) == []
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "body"),
    [(403, b""), (404, b""), (503, b""), (200, b"<html>moved</html>"), (200, b""), (0, b"")],
)
def test_a_site_that_sends_no_network(
    site: _Site, cache: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes
) -> None:
    monkeypatch.setattr(download, "_TIMEOUT_S", 0.5)
    site.status, site.body = status, body
    with pytest.raises(ArtifactError, match=rf"(?s)127.0.0.1.*{ADVICE}"):
        fetch(site.address)
    assert len(site.requests) == 1
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_an_interrupted_download_leaves_nothing(site: _Site, cache: Path, model: Path, share: float) -> None:
    intact = _archive(model)
    site.body = intact[: int(len(intact) * share)]
    with pytest.raises(ArtifactError, match="cannot be downloaded"):
        fetch(site.address)
    assert list(cache.iterdir()) == []
    site.body = intact
    assert fetch(site.address).source_sha256 == sha256_folder(model)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/magenta/2", "http://no-such-host.invalid/2", "file:///etc/2"])
def test_an_address_that_cannot_be_reached(cache: Path, address: str) -> None:
    with pytest.raises(ArtifactError, match=rf"(?s)cannot be downloaded.*{ADVICE}"):
        fetch(address)


@pytest.mark.parametrize(
    "body",
    [
        _with_member("../escaped"),
        _with_member("/tmp/pix2style-escaped"),
        _with_member("link", tarfile.SYMTYPE, "/etc/passwd"),
        _with_member("link", tarfile.LNKTYPE, "../../escaped"),
        _with_member("pipe", tarfile.FIFOTYPE),
    ],
)
def test_an_archive_with_paths_outside_the_folder_is_refused(site: _Site, cache: Path, body: bytes) -> None:
    site.body = body
    with pytest.raises(ArtifactError, match="cannot be downloaded"):
        fetch(site.address)
    assert list(cache.iterdir()) == []
    assert not list(cache.parent.rglob("*escaped*"))
    assert not Path("/tmp/pix2style-escaped").exists()


def test_an_archive_that_is_too_large_is_refused(
    site: _Site, cache: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_MAX_BYTES", 1000)
    site.body = _archive(model)
    with pytest.raises(ArtifactError, match="more than 1000 bytes"):
        fetch(site.address)


# --- the cache -----------------------------------------------------------------------------------------------------


def test_a_local_folder_becomes_the_default_network(cache: Path, model: Path) -> None:
    located = fetch(str(model))
    assert located.folder != model
    assert locate(None) == fetch(str(model)) == fetch(None) == located
    assert str(model) not in (located.folder.parent / "teacher.json").read_text()


def test_the_environment_variable_overrides_the_cache_and_the_argument_overrides_both(
    cache: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(str(model))
    other, third = (Path(shutil.copytree(model, tmp_path / name)) for name in ("other", "third"))
    monkeypatch.setenv("PIX2STYLE_MAGENTA", str(other))
    assert locate(None).folder == other  # type: ignore[union-attr]
    assert locate(str(third)).folder == third  # type: ignore[union-attr]


def test_another_network_replaces_the_first_only_on_request(cache: Path, model: Path) -> None:
    before = fetch(str(model))
    (model / "saved_model.pb").write_bytes(b"another graph")
    with pytest.raises(ArtifactError, match=r"holds another network.*--again"):
        fetch(str(model))
    assert locate(None) == before
    after = fetch(str(model), again=True)
    assert after.source_sha256 == sha256_folder(model) != before.source_sha256
    assert [path.name for path in cache.iterdir()] == ["magenta"]


@pytest.mark.parametrize("name", ["network/saved_model.pb", "network/variables/variables.index", "teacher.json"])
@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_cache_is_reported_and_can_be_repaired(cache: Path, model: Path, name: str, damage: str) -> None:
    intact = fetch(str(model))
    damaged = cache / "magenta" / name
    damaged.unlink()
    if damage == "changed":
        damaged.write_bytes(b"{}")
    for use in (lambda: locate(None), lambda: fetch(None), lambda: fetch(str(model))):
        with pytest.raises(ArtifactError, match=r"(damaged|cannot be read).*pix2style teacher fetch --again"):
            use()
    assert fetch(str(model), again=True) == intact


def test_a_converted_folder_can_be_the_default_network(cache: Path, converted: Path, any_painting: Path) -> None:
    """A machine without TensorFlow needs this."""
    assert fetch(str(converted)).converted
    assert MagentaTeacher(any_painting).identity.settings["backend"] == "onnx"
