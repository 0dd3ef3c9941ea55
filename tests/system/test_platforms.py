"""What runs on macOS and Windows: the names that they lack are taken away from Python's modules.

Such a stand-in shows our own calls only. It shows nothing of other packages, and nothing of the file system.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.images import Image8, Picture, read_picture, write_picture
from pix2style.runs.folder import RunFolder

_PROGRAM = Path(__file__).with_name("without_names.py")
_EXPERIMENT = """
name: tiny
pairs: {path: folders}
model: {generator: lite, lite: {channels: 8, blocks: 1}}
losses: {l1: 1.0, adversarial: {weight: 0}, perceptual: {weight: 0}, style: {weight: 0}}
train:
  {images: 4, batch: 2, device: cpu, preview: false, augment: {crop: 32, photo: [{name: jpeg, p: 1.0}]}}
"""


def run(system: str, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    # Windows has a variable with the user's name; without one, torch would read the list of users, as on Linux.
    environment = {**os.environ, "USERNAME": "somebody"}
    return subprocess.run(
        [sys.executable, _PROGRAM, system, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.mark.parametrize("system", ["windows", "macos"])
def test_infer(system: str, red_filter: Path, red_negative: Callable[[Image8], Image8], tmp_path: Path) -> None:
    photo = Picture(read_picture(_photo(tmp_path)).rgb)
    done = run(system, "infer", red_filter, "photo.png", "-o", "out", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (read_picture(tmp_path / "out" / "photo.png").rgb == red_negative(photo.rgb)).all()


def _photo(folder: Path, name: str = "photo.png", seed: int = 0) -> Path:
    import numpy as np

    rgb = np.random.default_rng(seed).integers(0, 255, (40, 48, 3)).astype(np.uint8)
    write_picture(folder / name, Picture(rgb))
    return folder / name


@pytest.mark.parametrize("system", ["windows", "macos"])
def test_make_pairs(system: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(3):
        _photo(tmp_path / "photos", f"{number}.png", number)
    make = ("make-pairs", "--content", "photos", "--teacher", "watercolor", "--size", 32, "--out", "pairs")
    first = run(system, *make, folder=tmp_path)
    assert first.returncode == 0, first.stderr
    assert run(system, *make, folder=tmp_path).returncode == 0  # resumes, and finds nothing to do
    verified = run(system, "pairs", "verify", "pairs", folder=tmp_path)
    assert verified.returncode == 0, verified.stderr


@pytest.mark.parametrize("system", ["windows", "macos"])
def test_train(system: str, tmp_path: Path) -> None:
    for role in ("content", "target"):
        for number in range(3):
            (tmp_path / "folders" / role).mkdir(parents=True, exist_ok=True)
            _photo(tmp_path / "folders" / role, f"{number}.png", number)
    (tmp_path / "tiny.yaml").write_text(_EXPERIMENT, encoding="utf-8")
    # The loader process is spawned: what it needs is pickled. Python's own code for that wants Linux's names on Linux.
    workers = f"train.workers={int(system == 'macos')}"
    trained = run(system, "train", "--config", "tiny.yaml", "--out", "run", workers, folder=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert RunFolder(tmp_path / "run").checkpoints
    assert not (tmp_path / "run" / "cache").exists()


def test_every_module_can_be_imported_without_what_windows_lacks() -> None:
    code = (
        "import sys, importlib, pkgutil; sys.path.insert(0, sys.argv[1])\n"
        "from without_names import take_away; take_away('windows', 'export')\n"
        "import pix2style\n"
        "for module in pkgutil.walk_packages(pix2style.__path__, 'pix2style.'):\n"
        "    if not module.name.endswith(('__main__', '.hub')): importlib.import_module(module.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, _PROGRAM.parent], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr


def test_a_command_line_of_windows_is_split_at_its_spaces_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from pix2style.system import programs

    assert programs.split_command("tool 'a b' c\\ d") == ["tool", "a b", "c d"]
    monkeypatch.setattr(programs.os, "name", "nt")
    assert programs.split_command('C:\\tools\\paint.exe "my files\\a.txt" {input}') == [
        "C:\\tools\\paint.exe",
        "my files\\a.txt",
        "{input}",
    ]


def test_reserving_space_falls_back_to_writing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pix2style.system import disk

    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    size_bytes = (1 << 20) + 7
    with (tmp_path / "a").open("wb") as stream:
        disk.reserve(stream, size_bytes)
    assert (tmp_path / "a").stat().st_size == size_bytes
    assert getattr((tmp_path / "a").stat(), "st_blocks", 1 << 20) * 512 >= size_bytes  # Windows does not say it


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_found_by_writing_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from pix2style.system import disk

    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    with pytest.raises(OSError, match="No space left"), Path("/dev/full").open("wb", buffering=0) as stream:
        disk.reserve(stream, 100)  # type: ignore[arg-type]


def test_a_file_system_that_cannot_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from pix2style.system import disk

    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    with (tmp_path / "a").open("wb") as stream:
        disk.reserve(stream, 5)
    assert (tmp_path / "a").read_bytes() == bytes(5)


def test_locks_without_fcntl_are_files_outside_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pix2style.errors import DataError
    from pix2style.files import locked
    from pix2style.system import locks, windows

    held: list[int] = []

    def lock_file(handle: int, *, shared: bool, wait: bool) -> bool:  # of one byte, as LockFileEx does
        inode = os.fstat(handle).st_ino
        if inode in held:
            return False
        held.append(inode)
        return True

    monkeypatch.setattr(locks, "_fcntl", None)
    monkeypatch.setattr(windows, "lock_file", lock_file)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    (tmp_path / "pairs").mkdir()
    (tmp_path / "others").mkdir()
    with locked(tmp_path / "pairs", DataError("busy")), locked(tmp_path / "others", DataError("free")):
        assert list((tmp_path / "pairs").iterdir()) == []
        with pytest.raises(DataError, match="busy"), locked(tmp_path / "x" / ".." / "pairs", DataError("busy")):
            pass


def test_a_program_is_killed_with_its_child_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    from pix2style.system import programs

    calls: list[list[str]] = []
    monkeypatch.setattr(programs.os, "name", "nt")
    monkeypatch.setattr(programs.subprocess, "run", lambda command, **_: calls.append(command))
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        programs.kill_with_children(process)
        assert process.wait(50) != 0
    assert calls == [["taskkill", "/F", "/T", "/PID", str(process.pid)]]


def test_decoded_pairs_are_pickled_as_the_name_of_their_file(tmp_path: Path) -> None:
    import pickle

    import numpy as np

    from pix2style.training.data.decoded_cache import DecodedPairs

    pixels = np.memmap(tmp_path / "decoded.u8", np.uint8, "w+", shape=(200_000, 3))
    pixels[:] = 7
    pixels.flush()
    pairs = DecodedPairs(pixels, np.array([0]), None, np.array([[400, 500]]))
    pickled = pickle.dumps(pairs)
    assert len(pickled) < 2000
    assert (pickle.loads(pickled).content(0) == 7).all()
    assert (
        pickle.loads(pickle.dumps(DecodedPairs(np.array(pixels), *(pairs.contents, None, pairs.sizes)))).pixels[0, 0]
        == 7
    )


def test_the_workflow_for_the_three_systems_is_off_until_a_fork_switches_it_on() -> None:
    import yaml

    file = Path(__file__).parents[2] / ".github" / "workflows" / "systems.yml"
    [job] = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].values()
    assert job["if"].startswith("vars.TEST_SYSTEMS == 'true' ||")
    assert job["strategy"]["matrix"]["system"] == ["ubuntu-latest", "macos-latest", "windows-latest"]


def test_the_gate_checks_types_for_the_three_systems() -> None:
    gate = (Path(__file__).parents[2] / ".ci" / "run").read_text(encoding="utf-8")
    assert "for system in linux darwin win32" in gate
    assert 'mypy --platform "$system"' in gate
