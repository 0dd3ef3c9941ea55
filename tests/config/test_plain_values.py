"""What is written without quotes means what the person who wrote it means, or is an error."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.config import Config, load_config, parse_config
from pix2style.errors import ConfigError

LoadText = Callable[[str], Config]


@pytest.fixture
def load_text(tmp_path: Path) -> LoadText:
    """Load a configuration from YAML text."""

    def load(text: str) -> Config:
        (path := tmp_path / "experiment.yaml").write_text(text)
        return load_config(path)

    return load


@pytest.mark.parametrize(
    ("text", "number"),
    [("010", 10), ("08", 8), ("0", 0), ("+7", 7), ("1_000", 1000), ("1e3", 1000), ("0_8", 8), ("12.0", 12)],
)
def test_integers_are_decimal(load_text: LoadText, text: str, number: int) -> None:
    assert parse_config({}, overrides=[f"seed={text}"]).seed == number
    assert load_text(f"seed: {text}").seed == number


@pytest.mark.parametrize(
    "text",
    [
        "0x1F",
        "0o17",
        "0b1",
        "1:30",
        "1__0",
        "1_",
        "_1",
        "1,000",
        "yes",
        "true",
        "2024-01-01",
        "1.5",
        "null",
        "~",
        "9" * 9000,
    ],
)
def test_what_is_no_decimal_integer_is_refused(load_text: LoadText, text: str) -> None:
    with pytest.raises(ConfigError, match=r"override: seed\]") as error:
        parse_config({}, overrides=[f"seed={text}"])
    assert len(str(error.value)) < 400
    with pytest.raises(ConfigError, match=r"experiment.yaml: seed\]"):
        load_text(f"seed: {text}")


@pytest.mark.parametrize(("text", "number"), [("1e-4", 1e-4), (".5", 0.5), ("5.", 5.0), ("1_0.5", 10.5), ("007", 7.0)])
def test_numbers(load_text: LoadText, text: str, number: float) -> None:
    assert parse_config({}, overrides=[f"losses.l1={text}"]).losses.l1 == number
    assert load_text(f"losses: {{l1: {text}}}").losses.l1 == number
    assert (
        load_text(f"losses: {{perceptual: {{layers: {{relu1_1: {text}}}}}}}").losses.perceptual.layers["relu1_1"]
        == number
    )


@pytest.mark.parametrize("text", ["true", "yes", ".inf", "nan", "1e400", "0,5", "10%", "1:30"])
def test_what_is_no_number_is_refused(load_text: LoadText, text: str) -> None:
    with pytest.raises(ConfigError, match=r"override: losses -> l1"):
        parse_config({}, overrides=[f"losses.l1={text}"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("on", True),
        ("True", True),
        ("1", True),
        ("no", False),
        ("off", False),
        ("FALSE", False),
        ("0", False),
    ],
)
def test_switches(load_text: LoadText, text: str, value: bool) -> None:
    assert parse_config({}, overrides=[f"train.compile={text}"]).train.compile is value
    assert load_text(f"train: {{compile: {text}}}").train.compile is value


_TEXTS = ["2024", "010", "1e5", "true", "off", "2024-01-01", "1_000", "0x1F", "1.50"]


@pytest.mark.parametrize("text", _TEXTS)
def test_texts_and_paths_stay_as_they_were_written(load_text: LoadText, text: str) -> None:
    config = parse_config({}, overrides=[f"name={text}", f"pairs.path={text}", f"tracking.tags=[{text}, a]"])
    assert (config.name, config.pairs.path, config.tracking.tags) == (text, Path(text), (text, "a"))
    written = load_text(
        f"name: {text}\npairs:\n  path: {text}\n  content:\n    - {text}\ntracking: {{tags: [{text}, a]}}"
    )
    assert (written.name, written.pairs.path, written.tracking.tags) == (text, Path(text), (text, "a"))
    assert written.pairs.content == (Path(text),)


@pytest.mark.parametrize(
    "text",
    [
        "data/set #2",
        "#2",
        "a: b",
        "C:\\new\\temp",
        "*x",
        "&x",
        "!x",
        "%x",
        "@x",
        "|",
        "> x",
        "- x",
        "a, b",
        "x'y",
        'x"y',
        "a]",
    ],
)
def test_an_override_is_taken_as_it_stands(text: str) -> None:
    assert parse_config({}, overrides=[f"pairs.path={text}"]).pairs.path == Path(text)


def test_quotes_and_brackets_in_an_override_are_yaml() -> None:
    config = parse_config({}, overrides=['pairs.path="[a] #1"', "pairs.content=[ 'b #2', c]"])
    assert (config.pairs.path, config.pairs.content) == (Path("[a] #1"), (Path("b #2"), Path("c")))


@pytest.mark.parametrize(
    "override", ["pairs.path=", "pairs.path= ", "pairs.path=[a] b", "pairs.content=[a #2, b]", "a..b=1"]
)
def test_an_unclear_override_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match="override"):
        parse_config({}, overrides=[override])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pairs:\n  path: data/set #2\n", "line 2: is it 'data/set' with a comment"),
        ('pairs: {path: "C:\\new"}', "must not hold control characters"),
        ("pairs: {path: ~}", r"pairs -> path\] ~ alone"),
        ("pairs: {content: [~]}", r"pairs -> content -> 0\] ~ alone"),
        ('pairs: {path: ""}', "the path is empty"),
        ("seed: !!int 010", "line 1: the tag"),
        ("seed: 1\nseed: 2", "line 2: the key 'seed' occurs twice"),
        ("train:\n  batch: 1\n  batch: 1", "line 3: the key 'batch' occurs twice"),
        ("train: 5", "is a section"),
        ("pairs: {content: a}", "must be a list"),
    ],
)
def test_unclear_files_are_refused(load_text: LoadText, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_text(text)


def test_comments_null_and_empty_sections(load_text: LoadText) -> None:
    config = load_text("pairs:\n  path: data/set # the second\n  style: null\ntrain:\n  # batch: 2\nmodel:\n")
    assert config == parse_config({"pairs": {"path": "data/set", "style": None}})
    assert parse_config({}, overrides=["train.minutes=~", "tracking.entity=null"]) == Config()


def test_a_wrong_value_is_blamed_on_its_source(tmp_path: Path) -> None:
    (path := tmp_path / "e.yaml").write_text("train: {batch: 2, images: x}\nseed: 1")
    with pytest.raises(ConfigError) as error:
        load_config(path, ["train.workers=many"])
    images, workers = sorted(str(error.value).splitlines(), key=lambda line: "workers" in line)
    assert images.startswith(f"[{path}: train -> images]")
    assert workers.startswith("[override: train -> workers]")
    path.write_text("seed: 1")
    with pytest.raises(ConfigError) as error:
        load_config(path, ["train.images=null"])
    assert str(error.value).startswith(f"[{path} and overrides: train]")


_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "\n".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_BOMB, "line 5: stands for more than 10,000 values"),
        ("a: &a [*a]", "line 1: contains itself"),
        ("a: &a {b: *a}", "line 1: contains itself"),
        ("[" * 5000, "nested"),
        ("{a: " * 5000, "nested"),
        ("- " * 40_000, "nested"),
        ("x: " + "[" * 40 + "]" * 40, "nested"),
        ("tracking: {tags: [" + "1," * 20_000 + "]}", "line 1: stands for more than"),
        ("name: " + "a" * 600_000, "larger than 500,000 bytes"),
        ("a" * 1000 + ": 1", "unknown key"),
        ("a" * 90_000 + ": 1", "not valid YAML: line 1"),
        ("train: {batch: [" + "x, " * 5_000 + "]}", "train -> batch"),
    ],
)
def test_files_beyond_reason_are_refused_quickly(load_text: LoadText, text: str, message: str) -> None:
    began = time.process_time()
    with pytest.raises(ConfigError, match=message) as error:
        load_text(text)
    assert len(str(error.value)) < 5000
    assert time.process_time() - began < 10


def test_an_alias_of_reasonable_size_is_read(load_text: LoadText) -> None:
    config = load_text("losses:\n  perceptual: {layers: &l {relu1_1: 1}}\n  content: {weight: 1, layers: *l}")
    assert config.losses.content.layers == config.losses.perceptual.layers == {"relu1_1": 1.0}


def test_an_endless_file_is_refused() -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("needs /dev/zero")
    with pytest.raises(ConfigError, match="larger than"):
        load_config(Path("/dev/zero"))
