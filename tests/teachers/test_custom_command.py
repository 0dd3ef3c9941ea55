"""Tests of commands as teachers, with real processes that are started, waited for and killed."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import ArtifactError, ConfigError, PhotoError
from pix2style.images import encode_png
from pix2style.stylizer import Stylizer
from pix2style.teachers.custom import CustomTeacherSpec, load_custom

PHOTO = np.random.default_rng(0).integers(0, 256, (13, 21, 3), dtype=np.uint8)
OTHER = np.random.default_rng(1).integers(0, 256, (40, 5, 3), dtype=np.uint8)
IMPORTS = "import os, sys, time\nfrom PIL import Image, ImageOps\n"
NEGATIVE = IMPORTS + "ImageOps.invert(Image.open(sys.argv[1])).save(sys.argv[2])\n"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folder for temporary files; every test must leave it empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def python(tmp_path: Path, code: str, **options: object) -> Stylizer:
    script = tmp_path / "paint.py"
    script.write_text(code)
    return load_custom(f"{sys.executable} '{script}' {{input}} {{output}}", **options)  # type: ignore[arg-type]


def test_a_python_script_stylizes(tmp_path: Path) -> None:
    teacher = python(tmp_path, NEGATIVE)
    first, second = teacher.stylize([PHOTO, OTHER])
    assert np.array_equal(first, 255 - PHOTO)
    assert np.array_equal(second, 255 - OTHER)
    assert teacher.stylize([]) == []


def test_a_shell_script_stylizes_and_no_shell_interprets_the_text(tmp_path: Path) -> None:
    script = tmp_path / "copy it.sh"
    script.write_text('#!/bin/sh\n[ "$2" = "\\$HOME; touch x" ] || exit 9\ncp "$1" "$3"\n')
    script.chmod(0o755)
    assert np.array_equal(load_custom(f"'{script}' {{input}} '$HOME; touch x' {{output}}")(PHOTO), PHOTO)


def test_input_and_output_can_be_parts_of_an_argument(tmp_path: Path) -> None:
    code = "import sys, shutil\nshutil.copy(sys.argv[1].split('=')[1], sys.argv[2].split('=')[1])\n"
    (tmp_path / "a.py").write_text(code)
    text = f"{sys.executable} {tmp_path / 'a.py'} --in={{input}} --out={{output}}"
    assert np.array_equal(load_custom(text)(PHOTO), PHOTO)


def test_other_formats_and_transparency_are_read(tmp_path: Path) -> None:
    code = IMPORTS + "Image.open(sys.argv[1]).convert('RGBA').save(sys.argv[2], 'TIFF')\n"
    assert np.array_equal(python(tmp_path, code)(PHOTO), PHOTO)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("sys.stderr.write('loading\\nno sky in this photo\\n\\n'); sys.exit(3)", "exit code 3: no sky in this photo"),
        ("sys.exit(4)", "exit code 4$"),
        # The message is without the temporary folder, whose name changes.
        ("open(sys.argv[1] + 'x')", r"exit code 1: FileNotFoundError.*'input\.pngx'"),
        ("os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
        ("pass", r"wrote no picture to \{output\}$"),
        ("open(sys.argv[2], 'w').write('hello')", "cannot be read: not a picture"),
        ("open(sys.argv[2], 'w')", "cannot be read: the file is empty"),
        ("os.mkdir(sys.argv[2])", "cannot be read"),
        ("os.mkfifo(sys.argv[2])", "cannot be read: not a regular file"),
        ("Image.open(sys.argv[1]).resize((7, 8)).save(sys.argv[2])", "gave 7x8 px for a photo of 21x13 px"),
        ("sys.stderr.write('x' * 100_000); sys.exit(1)", r"exit code 1: x{200} \.\.\.$"),
        ("os.write(2, b'caf\\xe9'); sys.exit(1)", "exit code 1: caf\N{REPLACEMENT CHARACTER}$"),
    ],
)
@pytest.mark.timeout(60)
def test_errors_of_one_photo(tmp_path: Path, code: str, message: str) -> None:
    with pytest.raises(PhotoError, match=message):
        python(tmp_path, IMPORTS + code)(PHOTO)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("no-such-program {input} {output}", ArtifactError, "no program 'no-such-program'"),
        ("cp {input}", ConfigError, r"no argument contains \{output\}"),
        ("cp {output}", ConfigError, r"no argument contains \{input\}"),
        ("cp '{input} {output}", ConfigError, "cannot be split"),
        ("{input} {output}", ConfigError, r"no argument contains \{input\}"),
    ],
)
def test_texts_that_are_not_a_command(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load_custom(text)


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF nothing")
    broken.chmod(0o755)
    with pytest.raises(ArtifactError, match=r"broken .*cannot be started: Exec format error"):
        load_custom(f"{broken} {{input}} {{output}}")(PHOTO)


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def wait_until(condition: object, seconds: float = 100) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


SLEEPING = (
    "import os, subprocess, time\n"
    "child = subprocess.Popen(['sleep', '300'])\n"
    "open(os.environ['PIDS'], 'a').write(f'{os.getpid()} {child.pid}\\n')\n"
    "time.sleep(300)\n"
)


@pytest.fixture
def pids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "pids"
    monkeypatch.setenv("PIDS", str(path))
    return path


def recorded_pids(pids: Path) -> list[int]:
    return [int(number) for number in pids.read_text().split()] if pids.exists() else []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_a_slow_command_is_killed_with_its_children(tmp_path: Path, pids: Path) -> None:
    # A busy machine needs longer until the command has started its child, and the limit counts from its own start.
    for timeout_s in (1.5, 10, 60):
        started = time.monotonic()
        with pytest.raises(PhotoError, match=rf"took longer than {timeout_s:g} s"):
            python(tmp_path, SLEEPING, timeout_s=timeout_s)(PHOTO)
        assert timeout_s <= time.monotonic() - started < 200  # the command itself takes 300 s
        if recorded_pids(pids):
            break
    assert len(recorded_pids(pids)) == 2
    wait_until(lambda: not any(is_running(pid) for pid in recorded_pids(pids)))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_stop_from_another_thread_kills_running_commands_and_starts_no_more(tmp_path: Path, pids: Path) -> None:
    teacher = python(tmp_path, SLEEPING, jobs=2)
    raised: list[BaseException] = []

    def stylize() -> None:
        try:
            teacher.stylize([PHOTO] * 5)
        except PhotoError as error:
            raised.append(error)

    thread = threading.Thread(target=stylize)
    thread.start()
    wait_until(lambda: len(recorded_pids(pids)) == 4)
    teacher.stop()  # type: ignore[attr-defined]
    thread.join(100)
    assert not thread.is_alive()
    assert "ended by SIGKILL" in str(raised[0])
    wait_until(lambda: not any(is_running(pid) for pid in recorded_pids(pids)))
    assert len(recorded_pids(pids)) == 4


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_ctrl_c_kills_all_commands(tmp_path: Path, pids: Path, temporary: Path) -> None:
    script = tmp_path / "paint.py"
    script.write_text(SLEEPING)
    main = (
        "import numpy as np\nfrom pix2style.teachers.custom import load_custom\n"
        f"load_custom('{sys.executable} {script} {{input}} {{output}}', jobs=2)"
        ".stylize([np.zeros((8, 8, 3), np.uint8)] * 5)\n"
    )
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, "-c", main], env=environment, stderr=subprocess.PIPE) as process:
        wait_until(lambda: len(recorded_pids(pids)) == 4)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=100)
    assert b"KeyboardInterrupt" in stderr
    wait_until(lambda: not any(is_running(pid) for pid in recorded_pids(pids)))
    assert len(recorded_pids(pids)) == 4


def test_results_are_in_order_whatever_the_durations(tmp_path: Path) -> None:
    code = IMPORTS + (
        "picture = Image.open(sys.argv[1])\ntime.sleep(picture.getpixel((0, 0))[0] / 200)\npicture.save(sys.argv[2])\n"
    )
    photos = [np.full((3, 3, 3), level, np.uint8) for level in (120, 60, 0)]
    outputs = python(tmp_path, code, jobs=3).stylize(photos)
    assert [int(image[0, 0, 0]) for image in outputs] == [120, 60, 0]


def test_several_commands_run_at_the_same_time(tmp_path: Path) -> None:
    """Each command waits until both have started, so one after the other would never end."""
    code = IMPORTS + (
        f"folder = {str(tmp_path)!r}\n"
        "open(f'{folder}/here-{os.getpid()}', 'w').close()\n"
        "end = time.monotonic() + 100\n"
        "while sum(name.startswith('here-') for name in os.listdir(folder)) < 2:\n"
        "    assert time.monotonic() < end\n"
        "    time.sleep(0.01)\n"
        "Image.open(sys.argv[1]).save(sys.argv[2])\n"
    )
    assert len(python(tmp_path, code, jobs=2).stylize([PHOTO, OTHER])) == 2


def test_the_identity_changes_with_program_script_and_files(tmp_path: Path) -> None:
    teacher = python(tmp_path, NEGATIVE)
    brush = tmp_path / "brush.png"
    brush.write_bytes(encode_png(PHOTO))
    digests = [teacher.identity.sha256, python(tmp_path, NEGATIVE, files=[brush]).identity.sha256]
    digests.append(python(tmp_path, NEGATIVE + "# changed\n").identity.sha256)
    assert len(set(digests)) == 3
    assert python(tmp_path, NEGATIVE).identity == teacher.identity
    assert python(tmp_path, NEGATIVE, timeout_s=60, jobs=1).identity == teacher.identity  # neither changes a pixel
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\ncp $1 $2\n")
    program.chmod(0o755)
    before = load_custom(f"{program} {{input}} {{output}}").identity
    program.write_text("#!/bin/sh\n\ncp $1 $2\n")
    after = load_custom(f"{program} {{input}} {{output}}").identity
    assert before.sha256 != after.sha256
    assert (before.name, before.settings["text"]) == ("custom:tool", f"{program} {{input}} {{output}}")


def test_it_can_be_sent_to_another_process(tmp_path: Path) -> None:
    teacher = python(tmp_path, NEGATIVE)
    assert np.array_equal(pickle.loads(pickle.dumps(teacher))(PHOTO), 255 - PHOTO)
    [loaded] = CustomTeacherSpec(str(teacher.identity.settings["text"]), timeout_s=60).load()
    assert loaded.identity == teacher.identity
