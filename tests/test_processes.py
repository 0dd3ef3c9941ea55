"""Programs that pix2style starts do not import what lies in the user's folder; and whose git revision is recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pix2style.processes import python_command
from pix2style.training.run import prepare


def test_files_in_the_working_folder_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "queue.py").write_text("raise SystemExit('mine')")
    monkeypatch.chdir(tmp_path)
    command = python_command("-c", "import queue; print(queue.__file__)")
    assert str(tmp_path) not in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_pix2style_is_found_in_a_working_folder_that_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(prepare.__file__).parents[3]
    monkeypatch.chdir(source)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = python_command("-S", "-c", "import sys; print('-P' in sys.orig_argv, sys.path[0])")
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["False"]


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_revision_of_another_project_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "project" / ".venv" / "prepare.py"
    package.parent.mkdir(parents=True)
    package.touch()
    git(package.parents[1], "init")
    git(package.parents[1], "commit", "--allow-empty", "-m", "theirs")
    monkeypatch.setattr(prepare, "__file__", str(package))
    assert prepare.git_revision() is None
    git(package.parents[1], "add", "-f", ".")
    git(package.parents[1], "commit", "-m", "ours")
    assert len(prepare.git_revision() or "") == 40


@pytest.mark.skipif(sys.platform == "win32", reason="this rule is for other systems")
def test_a_file_in_use_is_not_waited_for_where_that_does_not_happen() -> None:
    from pix2style.folders import while_in_use

    calls = []

    def work() -> None:
        calls.append(1)
        raise PermissionError

    with pytest.raises(PermissionError):
        while_in_use(work)
    assert len(calls) == 1
