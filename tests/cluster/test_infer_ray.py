"""`pipelines/infer-ray.py` on a real Ray cluster: the bytes of `infer`, even if a machine dies."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pix2style import load_stylizer
from pix2style.cluster.stylize_places import REPORT_NAME
from pix2style.images import Image8, Picture, write_picture
from pix2style.runtime.stylize_files import stylize_files

WAIT_S = 200
ROOT = Path(__file__).parents[2]
GREAT_WAVE = "great-wave"
ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(2 * WAIT_S)]


def tree(folder: Path) -> dict[str, bytes]:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    files.pop(REPORT_NAME, None)
    # A worker that is killed while it writes leaves what it has written so far, under this name.
    return {name: data for name, data in files.items() if not name.endswith(".partial")}


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A Ray cluster of two nodes, which are processes on this machine with one processor each."""
    pytest.importorskip("pandas")  # for Ray Data
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    from ray.cluster_utils import Cluster as Machines

    small = {"num_cpus": 1, "object_store_memory": 80_000_000}
    # A dead machine is noticed after 5 s instead of 15 s.
    soon = {"_system_config": {"health_check_period_ms": 1000}}
    machines = Machines(initialize_head=True, head_node_args={**small, **soon, "include_dashboard": False})
    machines.add_node(**small)
    machines.wait_for_nodes()
    # Both calls of the script share this connection, and with it what Ray starts for each.
    ray.init(address=machines.address, log_to_driver=False, logging_level="error")
    try:
        yield machines
    finally:
        ray.shutdown()
        machines.shutdown()


@pytest.fixture
def folder(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    folder = tmp_path / "photos"
    for number, rgb in enumerate(photos(10)):
        path = folder / f"album{number % 3}" / f"photo{number}.{('jpg', 'png')[number % 2]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(path, Picture(rgb))
    (folder / "album0" / "empty.jpg").touch()
    return folder


@pytest.fixture
def script() -> Callable[..., int]:
    """`script(*arguments)`: run `pipelines/infer-ray.py` in this process, and return its exit code."""
    spec = importlib.util.spec_from_file_location("infer_ray", ROOT / "pipelines" / "infer-ray.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)

    def run(*arguments: str) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["infer-ray.py", *map(str, arguments)])
            try:
                module.main()
            except SystemExit as leaving:
                return leaving.code or 0
        return 0

    return run


@dataclass
class FileServer:
    """A server of files, which holds those who fetch one until `go` is set."""

    folder: Path
    url: str = ""
    readers: set[int] = field(default_factory=set)
    go: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def server(folder: Path, tmp_path: Path) -> Iterator[FileServer]:
    """A file server, behind which lies a copy of the folder with the photos."""
    pytest.importorskip("pyftpdlib")
    pytest.importorskip("fsspec")
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import ThreadedFTPServer

    served = FileServer(tmp_path / "served")
    shutil.copytree(folder, served.folder / "photos")

    class Handler(FTPHandler):
        authorizer = DummyAuthorizer()

        def ftp_RETR(self, file: str) -> object:  # noqa: N802
            served.readers.add(self.remote_port)
            served.go.wait(WAIT_S)
            return super().ftp_RETR(file)

    Handler.authorizer.add_user("user", "secret", str(served.folder), perm="elradfmwMT")
    listener = ThreadedFTPServer(("127.0.0.1", 0), Handler)
    served.url = f"ftp://user:secret@127.0.0.1:{listener.address[1]}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"timeout": 0.05})
    thread.start()
    yield served
    served.go.set()
    listener.close_all()
    thread.join()


def test_two_machines_of_which_one_is_killed_and_again(
    machines, script, folder: Path, server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    [second] = [node for node in machines.list_all_nodes() if node is not machines.head_node]
    in_the_middle: list[bool] = []

    def kill_in_the_middle() -> None:
        """Kill the second machine while the workers of both fetch their first photo."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and len(server.readers) < 2:
            time.sleep(0.02)
        in_the_middle.append(len(server.readers) == 2)
        machines.remove_node(second, allow_graceful=False)
        server.go.set()

    stylize_files(load_stylizer(GREAT_WAVE), [folder], folder.parent / "whole")
    expected, out = tree(folder.parent / "whole"), server.folder / "out"
    killer = threading.Thread(target=kill_in_the_middle)
    killer.start()
    arguments = [GREAT_WAVE, f"{server.url}/photos", "-o", f"{server.url}/out", "--address", machines.address]
    code = script(*arguments, "--photos-per-task", "2", "--json")
    killer.join()
    printed = capsys.readouterr()
    assert in_the_middle == [True]
    assert tree(out) == expected
    assert code == 1
    assert "failed: album0/empty.jpg: the file is empty" in printed.err
    figures = json.loads(printed.out)
    # A worker may finish a photo while its machine dies. The one that repeats its photos finds that output, or both
    # write it at the same moment; then the second may fail, and the photo is not counted, although its output is there.
    uncounted = 10 - (figures["written"] + figures["existed"])
    assert uncounted in {0, 1}
    *lines, last = map(json.loads, (out / REPORT_NAME).read_text().splitlines())
    assert ("album0/empty.jpg", "failed") in [(line["photo"], line["outcome"]) for line in lines]
    assert len(lines) <= 1 + uncounted
    assert last["figures"]["failed"] <= 1 + uncounted

    (out / "album1" / "photo1.png").unlink()
    assert script(*arguments) == 1
    printed = capsys.readouterr().out
    assert "/out: 1 photo stylized" in printed
    assert "9 existed already (--overwrite replaces them); 1 failed" in printed
    assert "secret" not in printed
    assert tree(out) == expected


WRONG = [
    (["--workers", "0"], 2, "--workers 0: give a number from 1 on"),
    (["--cpus-per-worker", "-1"], 2, "--cpus-per-worker -1: give a number from 0.01 on"),
    (["--gpus-per-worker", "nan"], 2, "--gpus-per-worker nan: give a number from 0 on"),
    (["--photos-per-task", "0"], 2, "--photos-per-task 0: give a number from 1 on"),
    (["--storage-option", "anon"], 2, "--storage-option anon: give KEY=VALUE"),
    (["--report", "."], 2, "--report .: is a folder: name a file in it"),
    (["--format", "jpg", "--lossless"], 2, "JPEG always loses something"),
    (["--address", "127.0.0.1:1"], 4, "no Ray cluster can be reached there"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong[0][0])
def test_options_that_are_wrong(wrong: tuple, script, folder: Path, tmp_path: Path, capsys) -> None:
    arguments, code, message = wrong
    assert script(GREAT_WAVE, str(folder), "-o", str(tmp_path / "out"), *arguments) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
