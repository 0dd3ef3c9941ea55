"""Nothing is written or sent that nobody asked for, whichever way leads into the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pix2style.images import Picture, write_picture
from pix2style.openvino_session import is_installed


def test_importing_albumentations_asks_no_host() -> None:
    code = (
        "import socket, pix2style\n"
        "def refuse(*args): raise AssertionError(f'asked {args}')\n"
        "socket.getaddrinfo = refuse\n"
        "import albumentations"
    )
    environment = {name: value for name, value in os.environ.items() if name != "NO_ALBUMENTATIONS_UPDATE"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", ["pix2style.onnx_session", "pix2style.runtime.onnx_stylizer"])
def test_loading_onnx_runtime_leaves_the_home_folder_empty(tmp_path: Path, module: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    code = f"import {module}, onnxruntime; onnxruntime.InferenceSession"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**environment, "HOME": str(tmp_path)}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert list(tmp_path.iterdir()) == []


_VARIABLES = ("ORT_", "XDG_", "HF_", "WANDB_", "RAY_", "GRADIO_", "NO_ALBUMENTATIONS")
# Every question for an address, also one that a library asks in C++, goes through the resolver of the C library or
# through a socket. Python's are watched in the process; the others where strace can run.
_WATCHED = """
import socket, sys
def refuse(*args, **kwargs): raise AssertionError(f"asked for {args}")
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
from pix2style.cli import main
sys.argv = ["pix2style", *sys.argv[1:]]
main()
"""


def clean_environment(home: Path | None) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith((*_VARIABLES, "HOME"))}
    return environment if home is None else {**environment, "HOME": str(home)}


def written(home: Path) -> list[str]:
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())


def make_photo_file(folder: Path) -> Path:
    write_picture(folder / "photo.png", Picture(np.full((40, 40, 3), 7, np.uint8)))
    return folder / "photo.png"


@pytest.mark.parametrize(
    "arguments",
    [
        ("infer", "FILTER", "PHOTO", "-o", "OUT"),
        ("infer", "watercolor", "PHOTO", "-o", "OUT"),
        pytest.param(
            ("infer", "FILTER", "PHOTO", "-o", "OUT", "--device", "openvino"),
            marks=pytest.mark.skipif(not is_installed(), reason="OpenVINO is not installed"),
        ),
        ("inspect", "FILTER"),
        ("eval", "FILTER", "--photos", "PHOTO", "--teacher", "watercolor", "--features", "none"),
        ("make-pairs", "--content", "PHOTO", "--teacher", "watercolor", "--size", "32", "--out", "OUT"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_commands_leave_the_home_folder_empty_and_ask_no_host(
    arguments: tuple[str, ...], red_filter: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    names = {"FILTER": str(red_filter), "PHOTO": str(make_photo_file(tmp_path)), "OUT": str(tmp_path / "out")}
    command = [sys.executable, "-c", _WATCHED, *(names.get(argument, argument) for argument in arguments)]
    done = subprocess.run(command, env=clean_environment(home), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert written(home) == []
    assert "telemetry" not in done.stderr.lower()


def test_nothing_is_sent_by_any_library(red_filter: Path, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    trace = tmp_path / "trace"
    if strace is None or subprocess.run([strace, "-o", trace, "true"], check=False, capture_output=True).returncode:
        pytest.skip("strace cannot run here")
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import sys, time; from pix2style import load_stylizer; from PIL import Image\n"
        "load_stylizer(sys.argv[1])(Image.open(sys.argv[2])); time.sleep(3)"  # longer processes ask later
    )
    command = [strace, "-f", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", trace]
    command += [sys.executable, "-c", code, red_filter, make_photo_file(tmp_path)]
    done = subprocess.run(command, env=clean_environment(home), capture_output=True, check=False)
    assert (done.returncode, written(home)) == (0, [])
    assert [line for line in trace.read_text(encoding="utf-8").splitlines() if "AF_INET" in line] == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("setpriv") is None, reason="root")
def test_a_user_without_a_home_folder_sees_no_noise(red_filter: Path, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:3], red_filter.parent):
        folder.chmod(0o777)
    user = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[1])}
    # A virtual environment in a folder that is closed to others looks to them like one without packages.
    trial = [*user, sys.executable, "-c", "import onnxruntime, typer"]
    if subprocess.run(trial, env=environment, capture_output=True, check=False).returncode:
        pytest.skip("another user cannot read this Python and its packages")
    command = [*user, sys.executable, "-m", "pix2style", "infer", red_filter, make_photo_file(tmp_path)]
    done = subprocess.run([*command, "-o", tmp_path / "out"], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_importing_the_package_switches_reports_off_and_respects_a_choice() -> None:
    code = "import os, pix2style; print(os.environ['HF_HUB_DISABLE_TELEMETRY'], os.environ['WANDB_ERROR_REPORTING'])"
    environment = {**clean_environment(None), "WANDB_ERROR_REPORTING": "true"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "true"]
