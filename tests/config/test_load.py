"""Loading configurations: YAML files, overrides, and messages about mistakes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix2style.config import Config, apply_overrides, load_config, parse_config
from pix2style.config.load import suggest_key
from pix2style.errors import ConfigError

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.name)
def test_every_shipped_config_loads_and_survives_json(path: Path) -> None:
    config = load_config(path)
    assert parse_config(config.model_dump(mode="json")) == config


def test_the_shipped_configs_exist() -> None:
    assert {p.stem for p in CONFIGS} >= {"watercolor", "quickstart", "pix2pix-2017"}


@pytest.mark.parametrize(
    ("text", "key", "suggestion"),
    [
        ("train: {bacth: 2}", "train -> bacth", "'batch'"),
        ("losses: {perceptual: {wieght: 3}}", "losses -> perceptual -> wieght", "'weight'"),
        ("modle: {}", "modle", "'model'"),
        ("crop: 128", "crop", "'train.augment.crop'"),
    ],
)
def test_an_unknown_key_is_reported_with_a_suggestion(tmp_path: Path, text: str, key: str, suggestion: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(write(tmp_path, text))
    assert key in str(error.value)
    assert f"did you mean {suggestion}?" in str(error.value)
    assert "experiment.yaml" in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {batch: 0}", "train -> batch"),
        ("train: {batch: 2}\ntrain: {batch: 3}", "occurs twice"),
        ("model: {generator: unett}", "model -> generator"),
        ("pairs: {val_share: 0.6, test_share: 0.6}", "nothing to train on"),
        ("losses: {l1: 0, adversarial: {weight: 0}, perceptual: {weight: 0}}", "every weight is 0"),
        ("losses: {l1: 0, adversarial: {ramp_images: 9}, perceptual: {weight: 0}}", "steps without any loss"),
        ("losses: {l1: 0, adversarial: {weight: 0}, features: {start_share: 0.2}}", "steps without any loss"),
        ("losses: {l1: 0, adversarial: {weight: 0}, features: {every: 4}}", "steps without any loss"),
        ("losses: {features: {network: autoencoder}}", "needs features.weights"),
        ("losses: {l1: .nan}", "losses -> l1"),
        ("name: ../../etc", "name"),
        ("train: [1", "not valid YAML"),
        ("- a\n- b", "expected sections"),
        ("1: 2", "is not a text"),
        ("train: !!python/object/apply:os.system [id]", "not valid YAML"),
    ],
)
def test_wrong_files_are_errors_that_say_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(write(tmp_path, text))


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("text", ["1e-4", "1.0e-4", "0.0001", ".0001", "1E-4"])
def test_numbers_in_all_notations_are_numbers(tmp_path: Path, text: str) -> None:
    config = load_config(write(tmp_path, f"train: {{generator: {{lr: {text}}}}}"))
    assert config.train.generator.lr == 1e-4


def test_overrides_replace_values_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "train: {batch: 2, workers: 1}")
    config = load_config(path, ["train.batch=8", "pairs.content=[a, b]", "losses.perceptual.layers={relu1_1: 1}"])
    assert (config.train.batch, config.train.workers) == (8, 1)
    assert config.pairs.content == (Path("a"), Path("b"))
    assert config.losses.perceptual.layers == {"relu1_1": 1.0}


@pytest.mark.parametrize("override", ["train.batch", "=3", "train.bacth=3", "train.batch.size=3", "seed.x=1", "a=[1"])
def test_a_wrong_override_is_refused(override: str) -> None:
    with pytest.raises(ConfigError):
        apply_overrides(Config(), [override])


@given(st.text(max_size=60))
def test_any_text_gives_a_config_or_a_config_error(text: str) -> None:
    from pix2style.config.load import parse_document

    with contextlib.suppress(ConfigError):
        parse_config(parse_document(text, "text"))


def test_off_is_a_text_and_true_is_a_boolean(tmp_path: Path) -> None:
    (path := tmp_path / "c.yaml").write_text("tracking: {wandb: off}\ntrain: {compile: true, channels_last: False}")
    config = load_config(path, ["tracking.wandb=offline", "tracking.wandb=off"])
    assert (config.tracking.wandb, config.train.compile, config.train.channels_last) == ("off", True, False)


def test_a_suggestion_is_another_key_and_a_whole_one() -> None:
    with pytest.raises(ConfigError, match="unknown key 'name'") as caught:
        parse_config({}, overrides=["model.discriminator.name=x"])
    assert "did you mean 'name'" not in str(caught.value)
    assert suggest_key("train.bach") == ": did you mean 'train.batch'?"


def test_a_text_block_may_hold_a_path(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, "pairs:\n  path: >\n    /a/b\n")).pairs.path == Path("/a/b")


def test_a_comment_inside_a_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'#1, .* is a comment: put a text with # in quotes"):
        load_config(write(tmp_path, "pairs: {content: [/a/my #1, /b]}\n"))


def test_a_matched_discriminator_is_a_loss_from_the_first_step() -> None:
    losses = {"l1": 0, "feature_matching": 10, "adversarial": {"ramp_images": 9}, "perceptual": {"weight": 0}}
    assert parse_config({"losses": losses}).losses.has_loss_in_every_step
