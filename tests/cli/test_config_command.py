"""The commands `pix2style config`, and the options of all commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from pix2style.cli.common_options import complete_config
from pix2style.cli.train_options import note_if_made_for_gpu
from pix2style.config import Config, load_config
from pix2style.config.shipped import shipped_configs
from pix2style.progress import is_quiet, set_quiet
from pix2style.version import __version__

Pix2Style = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _loud() -> Iterator[None]:
    yield
    set_quiet(False)


def test_the_shipped_configurations_are_listed(pix2style: Pix2Style) -> None:
    for arguments in (["config"], ["config", "list"]):
        code, out, _ = pix2style(*arguments)
        assert code == 0
        assert "watercolor      A U-Net from one painting" in out
        assert "For a GPU. On a CPU take finetune or watercolor-cpu." in out
    code, out, _ = pix2style("config", "list", "--json")
    entries = {entry["name"]: entry for entry in json.loads(out)}
    assert entries["watercolor"]["instead_on_cpu"] == ["finetune", "watercolor-cpu"]
    assert Path(entries["finetune"]["path"]).is_file()


def test_one_is_printed_as_it_is_or_with_all_keys(
    pix2style: Pix2Style, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = pix2style("config", "show", "finetune")
    assert code == 0
    assert out.startswith("# A new style in minutes")
    for arguments in (["finetune"], ["finetune", "--full"]):
        mine = tmp_path / "mine.yaml"
        mine.write_text(pix2style("config", "show", *arguments)[1])
        assert load_config(mine) == load_config(Path("finetune"))
    code, out, _ = pix2style("config", "show", "finetune", "--full", "train.batch=7")
    assert "  batch: 7\n" in out
    code, _, errors = pix2style("config", "show", "finetune", "train.batch=7")
    assert code == 2
    assert "add --full" in errors


def test_keys_are_described(pix2style: Pix2Style) -> None:
    code, out, _ = pix2style("config", "keys", "pairs.size")
    assert code == 0
    assert out.splitlines()[0] == ("pairs.size: integer, in pixels, at least 32, at most 4096; default 256")
    code, out, _ = pix2style("config", "keys", "losses.", "--json")
    assert {entry["key"].partition(".")[0] for entry in json.loads(out)} == {"losses"}
    code, _, errors = pix2style("config", "keys", "train.bach")
    assert code == 2
    assert "did you mean 'train.batch'?" in errors


def test_the_schema_is_printed_or_written(pix2style: Pix2Style, tmp_path: Path) -> None:
    code, out, _ = pix2style("config", "schema")
    assert code == 0
    file = tmp_path / "schema.json"
    code, _, _ = pix2style("config", "schema", "-o", file)
    assert json.loads(file.read_text()) == json.loads(out)
    code, _, errors = pix2style("config", "schema", "-o", tmp_path)
    assert code == 2
    assert "cannot be written" in errors


def test_a_configuration_for_a_gpu_names_another_one_on_a_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def note(name: str | None) -> str:
        config = None if name is None else Path(name)
        note_if_made_for_gpu(config, Config() if config is None else load_config(config))
        return capsys.readouterr().err

    for name in ("watercolor", "watercolor.yaml", str(shipped_configs()["watercolor"])):
        assert "watercolor is made for a GPU" in note(name)
        assert "take --config finetune or --config watercolor-cpu" in note(name)
    Path("watercolor.yaml").write_text("name: mine\n")
    for other in (None, "finetune", "watercolor.yaml"):
        assert note(other) == ""


def test_short_options(pix2style: Pix2Style) -> None:
    for option in ("-v", "-V", "--version"):
        assert pix2style(option)[1] == f"pix2style {__version__}\n"
    for arguments in (["-h"], ["train", "-h"], ["pairs", "-h"], ["pairs", "show", "-h"], ["config", "keys", "-h"]):
        code, out, _ = pix2style(*arguments)
        assert code == 0
        assert "Usage" in out
    assert "--quiet" in pix2style("infer", "-h")[1]


@pytest.mark.parametrize("before", [True, False])
def test_quiet_before_or_behind_the_command(pix2style: Pix2Style, pair_set: Path, tmp_path: Path, before: bool) -> None:
    command = ["make-pairs", "--content", pair_set.parent / "photos", "--size", 32, "--out", tmp_path / "pairs"]
    code, out, errors = pix2style(*(["--quiet", *command] if before else [*command, "-q"]))
    assert code == 0
    assert "made 30 pairs" in out
    assert errors == ""
    assert is_quiet()


# Typer asks the parent processes for the shell otherwise, and tests may have none among them.
_SHELL_IS_NAMED = ("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")


def test_completion_offers_names_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pix2style: Pix2Style
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(*_SHELL_IS_NAMED)
    Path("mine.yaml").touch()
    Path("notes.txt").touch()
    assert complete_config("wat") == ["watercolor", "watercolor-cpu"]
    assert complete_config("m") == ["multi-style", "mine.yaml"]
    code, out, _ = pix2style("--show-completion", "bash")
    assert code == 0
    assert "COMPLETE" in out


def test_completion_is_that_of_the_program_and_knows_names_of_configurations(tmp_path: Path) -> None:
    def run(*arguments: str, **variables: str) -> str:
        environment = {**os.environ, **dict([_SHELL_IS_NAMED]), **variables}
        command = [sys.executable, "-m", "pix2style", *arguments]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        ).stdout

    assert "_PIX2STYLE_COMPLETE" in run("--show-completion", "bash")
    words = {"COMP_WORDS": "pix2style config show fin", "COMP_CWORD": "3", "_PIX2STYLE_COMPLETE": "complete_bash"}
    assert run(**words).split() == ["finetune"]
