"""What `pix2style doctor` says about machine and installation."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from pix2style.recipes.doctor import machine, networks, packages, report
from pix2style.recipes.doctor.packages import Requirement


@pytest.fixture
def no_torch_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not import torch in another process, which takes seconds."""
    monkeypatch.setattr(machine, "_ask", lambda *_: {"cuda": None, "gpus": []})
    monkeypatch.setattr(machine, "_ask_driver", list)


def test_requirements_are_read_as_pip_writes_them() -> None:
    assert Requirement.parse('torch>=2.9; extra == "train"') == Requirement("torch", (), ">=2.9")
    assert Requirement.parse("pix2style[pairs,train]") == Requirement("pix2style", ("pairs", "train"), "")
    assert Requirement.parse("tf2onnx<1.18,>=1.17") == Requirement("tf2onnx", (), "<1.18,>=1.17")


def test_missing_and_old_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "installed_version", {"torch": "2.8", "onnx": "1.20"}.get)
    assert Requirement("numpy", (), ">=2").problem() == "numpy is not installed"
    assert Requirement("torch", (), ">=2.9").problem() == "torch 2.8 is installed, and >=2.9 is needed"
    assert Requirement("onnx", (), ">=1.19").problem() is None


@pytest.mark.parametrize("clone", [True, False])
def test_extras_contain_others(clone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    extras = {"pairs": ["pyyaml>=6.0"], "train": ["pix2style[pairs]", "torch>=2.9"], "all": ["pix2style[train]"]}
    table = {"dependencies": ["numpy>=2.0"], "optional-dependencies": extras}
    monkeypatch.setattr(packages, "project_table", lambda: table if clone else {})
    lines = ["numpy>=2.0", *(f"{text}; extra == '{name}'" for name, texts in extras.items() for text in texts)]
    monkeypatch.setattr(metadata, "requires", lambda _name: lines)
    monkeypatch.setattr(packages, "installed_version", {"torch": "2.9"}.get)
    problems, found = packages.check_packages()
    assert problems == ["numpy is not installed"]
    assert [(extra.name, extra.problems) for extra in found] == [
        ("pairs", ("pyyaml is not installed",)),
        ("train", ("pyyaml is not installed",)),
    ]
    assert '[train]"' in found[1].to_json()["install"]


def test_a_gpu_that_torch_cannot_use_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_ask_driver", lambda: ["Some GPU, 24 GB, 570"])
    for cuda, words in ((None, "is built without CUDA"), ("12.8", "does not find it")):
        monkeypatch.setattr(machine, "_ask", lambda *_, cuda=cuda: {"cuda": cuda, "gpus": []})
        assert words in machine.describe_gpus()[1][0]
    monkeypatch.setattr(machine, "_ask", lambda *_: {"cuda": "12.8", "gpus": ["Some GPU"]})
    assert machine.describe_gpus()[1] == []


def test_a_package_that_cannot_be_imported_is_a_problem() -> None:
    problems: list[str] = []
    assert machine._ask("raise ImportError('libcudart.so: cannot open')", "torch", problems) is None
    assert machine._ask("import os; os.abort()", "torch", problems) is None
    assert len(problems) == 2
    assert "libcudart.so: cannot open" in problems[0]


def test_full_disks_and_caches_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").write_text("a file, where a folder should be")
    monkeypatch.setattr(machine, "user_cache_folder", lambda: tmp_path / "cache/pix2style")

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(machine, "torch_cache", no_home)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _path: SimpleNamespace(free=5_000_000))
    places, problems = machine.places()
    assert problems == ["torch's cache: cannot be found (Could not determine home directory.)"]
    by_name = {place.name: place for place in places}
    assert "cannot be written to" in str(by_name["pix2style's cache"].problem)
    assert "only 0.01 GB are free" in str(by_name["working folder"].problem)


def test_networks_say_how_to_get_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    monkeypatch.delenv("PIX2STYLE_MAGENTA", raising=False)
    monkeypatch.setattr(networks, "installed_version", lambda _name: None)
    monkeypatch.setattr("pix2style.teachers.magenta.mobile.find.installed_version", lambda: None)
    uses = {use.purpose: use for use in networks.network_uses()}
    assert not uses["--teacher magenta"].ready
    assert '[painting]"' in uses["--teacher magenta"].network
    assert "548 MB" in uses["losses and eval: VGG19"].network
    monkeypatch.setenv("PIX2STYLE_MAGENTA", str(tmp_path / "gone"))
    uses = {use.purpose: use for use in networks.network_uses()}
    assert "gone" in uses["--teacher magenta"].network
    (tmp_path / "torch/hub/checkpoints").mkdir(parents=True)
    (tmp_path / "torch/hub/checkpoints/vgg19-dcbb9e9d.pth").touch()
    assert networks._vgg19()[0]


@pytest.mark.usefixtures("no_torch_process")
def test_the_report_is_json() -> None:
    values = json.loads(json.dumps(report.examine().to_json()))
    assert values["packages"]["numpy"]
    assert values["extras"]["pairs"]["problems"] == []
    assert {use["purpose"] for use in values["networks"]} >= {"--teacher watercolor", "--teacher magenta"}


def test_the_program_imports_neither_torch_nor_tensorflow(tmp_path: Path) -> None:
    program = (
        "import sys; from pix2style.recipes.doctor import machine; machine._ask = lambda *_: None\n"
        "from pix2style.cli import main\n"
        "try:\n    main()\nexcept SystemExit as leaving:\n    print(leaving.code or 0)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'tensorflow', 'cv2', 'onnx'}))"
    )
    environment = {"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", program, "doctor"], capture_output=True, text=True, check=False, env=environment
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-2:] == ["0", "[]"]
    assert "problems   none" in done.stdout
    assert list(tmp_path.iterdir()) == [], "nothing is written"
