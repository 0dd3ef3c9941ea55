"""Messages about missing extras name a command that works: pix2style is on no package index."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from pix2style import installation
from pix2style.errors import MissingExtraError, require
from pix2style.installation import install_command, install_extras

ROOT = Path(__file__).parents[1]


class Distribution:
    """Stands in for what importlib.metadata knows about pix2style."""

    def __init__(self, direct: dict[str, object] | None) -> None:
        self._text = None if direct is None else json.dumps(direct)

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self._text


@pytest.fixture
def installed_from(monkeypatch: pytest.MonkeyPatch):
    """Return a function that sets what the installer recorded about pix2style, and whether there is a clone."""
    monkeypatch.setattr(installation, "_installer", lambda: "pip install")

    def set_source(direct: dict[str, object] | None, clone: Path | None = None) -> None:
        monkeypatch.setattr("importlib.metadata.distribution", lambda _name: Distribution(direct))
        monkeypatch.setattr(installation, "_clone", lambda: clone)

    return set_source


def test_a_clone_is_named_as_it_is_typed_there(installed_from, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = tmp_path / "my clone"
    clone.mkdir()
    (clone / "pyproject.toml").touch()
    installed_from({"url": clone.as_uri(), "dir_info": {"editable": True}})
    assert install_extras("train", "hub") == f'pip install "{clone}[train,hub]"'
    monkeypatch.chdir(clone)
    assert install_extras("train") == 'pip install ".[train]"'


def test_without_a_record_the_clone_around_the_package_counts(installed_from, tmp_path: Path) -> None:
    installed_from(None, clone=tmp_path)
    assert install_extras("vgg") == f'pip install "{tmp_path}[vgg]"'
    gone = {"url": (tmp_path / "gone").as_uri()}
    installed_from(gone, clone=tmp_path)
    assert install_extras("vgg") == f'pip install "{tmp_path}[vgg]"'
    installed_from(gone)
    assert install_extras("vgg") == 'pip install ".[vgg]" (in a clone of pix2style)'


def test_a_repository_and_wheels(installed_from, tmp_path: Path) -> None:
    installed_from({"url": "https://example.org/p.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}})
    assert install_extras("vgg") == 'pip install "pix2style[vgg] @ git+https://example.org/p.git@abc"'
    installed_from({"url": "https://example.org/p.whl", "archive_info": {}})
    assert install_extras("vgg") == 'pip install "pix2style[vgg] @ https://example.org/p.whl"'
    wheel = tmp_path / "pix2style-0.1.0-py3-none-any.whl"
    wheel.touch()
    installed_from({"url": wheel.as_uri(), "archive_info": {}})
    assert install_extras("vgg") == f'pip install "{wheel}[vgg]"'


def test_the_installer_is_that_of_this_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation.importlib.util, "find_spec", lambda _name: None)
    assert install_command("a==1", "--no-deps") == f'uv pip install --python {sys.executable} --no-deps "a==1"'
    monkeypatch.setattr(installation.importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setattr(shutil, "which", lambda name: str(Path(sys.executable).parent / name))
    assert install_command("a==1") == 'pip install "a==1"'
    monkeypatch.setattr(shutil, "which", lambda name: f"/elsewhere/{name}")
    assert install_command("a==1") == f'{sys.executable} -m pip install "a==1"'
    monkeypatch.setattr(sys, "executable", "/my folder/python")
    assert install_command("a==1") == '"/my folder/python" -m pip install "a==1"'
    monkeypatch.setattr(installation.importlib.util, "find_spec", lambda _name: None)
    assert install_command("a==1") == 'uv pip install --python "/my folder/python" "a==1"'


def test_a_missing_package_is_an_error_with_that_command(installed_from, tmp_path: Path) -> None:
    installed_from(None, clone=tmp_path)
    with pytest.raises(MissingExtraError, match=re.escape(f'pip install "{tmp_path}[train]"')):
        require("train", "no_such_package_anywhere")


def test_no_text_installs_pix2style_from_an_index() -> None:
    pages = [*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "data/README.md"]
    for path in [*ROOT.glob("pix2style/**/*.py"), *pages]:
        assert not re.search(r"pip install [^&\n]*[\"']pix2style\[", path.read_text(encoding="utf-8")), path
