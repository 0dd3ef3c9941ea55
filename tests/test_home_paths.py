"""`~` in paths is the home folder, wherever no shell has replaced it."""

from __future__ import annotations

import json
import sys
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from pix2style.cli.app import app
from pix2style.cli.commands import import_commands
from pix2style.config import load_config, parse_config
from pix2style.errors import ConfigError
from pix2style.files import user_cache_folder
from pix2style.home_paths import TEXT_OPTIONS, expand_arguments, expand_home
from pix2style.teacher_table import parse_teacher


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with a home folder elsewhere."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    return tmp_path / "home"


def test_home_is_expanded_only_at_the_beginning(home: Path) -> None:
    assert expand_home("~/a b/~c") == f"{home}/a b/~c"
    assert expand_home("~") == str(home)
    for text in ("a/~/b", "a~", "", "/~", "C:\\x~1"):
        assert expand_home(text) == text


def test_a_folder_named_tilde_can_be_named() -> None:
    assert expand_home("./~/x") == str(Path.cwd() / "~/x")
    assert expand_home(expand_home("./~x")) == str(Path.cwd() / "~x")


@pytest.mark.skipif(sys.platform == "win32", reason="users have no home folder by their name")
def test_users(tmp_path: Path) -> None:
    assert expand_home("~root/x") == str(Path("~root").expanduser() / "x")
    with pytest.raises(ConfigError, match=r"no user 'nobody-here': write \./~nobody-here/x"):
        expand_home("~nobody-here/x")
    Path("~draft.jpg").touch()
    assert expand_home("~draft.jpg") == "~draft.jpg"


def test_arguments(home: Path) -> None:
    arguments = [
        "infer",
        "~/f.onnx@1",
        "magenta:~/p.jpg",
        "--out=~/x",
        "-o~/x",
        "--pairs=./~",
        "pairs.path=~/x",
        "a~",
        "--x",
    ]
    assert expand_arguments(arguments) == [
        "infer",
        f"{home}/f.onnx@1",
        f"magenta:{home}/p.jpg",
        f"--out={home}/x",
        f"-o{home}/x",
        f"--pairs={Path.cwd()}/~",
        "pairs.path=~/x",
        "a~",
        "--x",
    ]
    with pytest.raises(ConfigError, match=r"^--out ~nobody-here/x: there is no user"):
        expand_arguments(["--out=~nobody-here/x"])


def test_an_entry_that_the_shell_found_is_meant() -> None:
    Path("~").mkdir()
    assert expand_arguments(["infer", "~"]) == ["infer", "~"]


_PATH_KEYS = [
    "pairs.path",
    "pairs.style",
    "pairs.module",
    "pairs.gatys.weights",
    "model.start_from",
    "losses.features.weights",
    "distill.teacher_run",
    "distill.painted",
]
_LIST_KEYS = ["pairs.content", "distill.photos", "eval.photos"]


def _get(config: object, key: str) -> object:
    for name in key.split("."):
        config = getattr(config, name)
    return config


@pytest.mark.parametrize("key", _PATH_KEYS)
def test_every_path_key_expands_home(key: str, home: Path, tmp_path: Path) -> None:
    assert str(_get(parse_config({}, overrides=[f"{key}=~/x"]), key)) == f"{home}/x"
    assert str(_get(parse_config({}, overrides=[f'{key}="~/x"']), key)) == f"{home}/x"
    *sections, name = key.split(".")
    text = f"{{{name}: ~/x}}"
    for section in reversed(sections):
        text = f"{{{section}: {text}}}"
    (file := tmp_path / "c.yaml").write_text(text)
    assert str(_get(load_config(file), key)) == f"{home}/x"


@pytest.mark.parametrize("key", _LIST_KEYS)
def test_every_list_of_paths_expands_home(key: str, home: Path) -> None:
    values = ["distill.teacher_run=~/run"] if key == "distill.photos" else []
    config = parse_config({}, overrides=[f"{key}=[~/x, y/~, './~']", *values])
    assert _get(config, key) == (home / "x", Path("y/~"), Path.cwd() / "~")


def test_blends_expand_home_and_no_path_key_is_forgotten(home: Path) -> None:
    config = parse_config({}, overrides=["pairs.styles=[{paintings: [~/a.jpg]}]"])
    assert config.pairs.styles[0].paintings == (home / "a.jpg",)
    documented = json.dumps(type(config).model_json_schema())
    paths = documented.count('"format": "path"')
    assert paths == len(_PATH_KEYS) - 2 + len(_LIST_KEYS) + 1  # module and start_from are texts


def test_an_unknown_user_is_named_with_the_key() -> None:
    with pytest.raises(ConfigError, match=r"pairs -> path\] ~nobody-here/x: there is no user"):
        parse_config({}, overrides=["pairs.path=~nobody-here/x"])


def test_a_teachers_painting_expands_home(home: Path) -> None:
    named = parse_teacher("magenta:~/p.jpg")
    assert named is not None
    assert named[1] == home / "p.jpg"


def test_a_cache_folder_that_is_not_absolute_is_ignored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("~/cc", "cc", ""):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert user_cache_folder() == home / ".cache/pix2style"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cc"))
    assert user_cache_folder() == home / "cc/pix2style"


def test_texts_are_left_alone_and_names_of_options_may_have_digits(home: Path) -> None:
    texts = ["--prompt=~cartoon", "--licence=~x", "--prompt", "~cartoon", "--licence", "~x"]
    assert expand_arguments(texts) == texts
    assert expand_arguments(["--x2=~/a", "--prompt", "a", "~/b"]) == [f"--x2={home}/a", "--prompt", "a", f"{home}/b"]


def test_every_option_that_takes_a_text_is_known() -> None:
    """A new option has to be added here, or to TEXT_OPTIONS if its text is free."""
    with_paths_or_names = {
        *("module", "teacher", "source", "start", "features", "style", "checkpoint", "shard", "address", "dataset"),
        *("blend", "content_layer", "style_layers", "end", "codec", "camera_size", "host", "strengths", "mask"),
        *("device", "allow_origin"),
    }
    free = {option.removeprefix("--").replace("-", "_") for option in TEXT_OPTIONS}
    import_commands()
    assert set(_text_options(app)) == with_paths_or_names | free


def _text_options(group: typer.Typer) -> Iterator[str]:
    for inner in group.registered_groups:
        yield from _text_options(inner.typer_instance)
    for command in group.registered_commands:
        for name, hint in typing.get_type_hints(command.callback, include_extras=True).items():
            annotation, *extra = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
            is_text = "str" in str(annotation) and "Literal" not in str(annotation)
            if is_text and any(type(item).__name__ == "OptionInfo" for item in extra):
                yield name
