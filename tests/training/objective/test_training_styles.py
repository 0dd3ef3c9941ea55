"""Which paintings losses compare with, if the pair set holds copies of them or was made from others."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from objective_parts import LAYERS, compute_losses

from pix2style.config import Config
from pix2style.config.pairs import PairsConfig, StyleConfig
from pix2style.errors import ArtifactError, ConfigError
from pix2style.files import sha256_file
from pix2style.images import Image8, Picture, write_picture
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.pairs.check.verify import verify_pairs
from pix2style.pairs.format.manifest import PAINTINGS_NAME
from pix2style.pairs.format.paintings import find_painting
from pix2style.stylizer import Stylizer, StylizerIdentity
from pix2style.training.objective.objective import build_objective
from pix2style.training.objective.training_styles import training_styles


class PaintedNegative(Stylizer):
    """A stylizer that names paintings as Magenta's does."""

    def __init__(self, paintings: Sequence[Path], **settings: str | float) -> None:
        digests = tuple(sha256_file(path) for path in paintings)
        self._identity = StylizerIdentity("negative", "1" * 64, digests, settings={"strength": 1.0, **settings})

    @property
    def identity(self) -> StylizerIdentity:
        return self._identity

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [255 - image for image in images]


@pytest.fixture
def make_set(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Callable[..., Path]:
    """Return a function that makes a pair set of some styles, each with its teacher and its paintings."""

    def make(*styles: tuple[Stylizer, Sequence[Path]]) -> Path:
        for i, photo in enumerate(photos(4, 48, 60)):
            write_picture(tmp_path / "photos" / f"{i}.png", Picture(photo))
        named = tuple(StyleConfig(paintings=tuple(paintings)) for _, paintings in styles)
        config = PairsConfig(content=(tmp_path / "photos",), styles=named, size=48, val_share=0, test_share=0)
        make_pairs(config, [teacher for teacher, _ in styles], tmp_path / "pairs")
        return tmp_path / "pairs"

    return make


def _of(folder: Path, config: Callable[..., Config], *changes: str) -> Config:
    return config("losses.style.painting_weight=1", f"pairs.path='{folder}'", *changes, pairs={})


def test_a_pair_set_holds_its_paintings(make_set: Callable[..., Path], paintings: list[Path]) -> None:
    folder = make_set((PaintedNegative(paintings[:1]), paintings[:1]))
    copy = find_painting(folder, sha256_file(paintings[0]))
    assert copy is not None
    assert copy.parent == folder / PAINTINGS_NAME
    assert copy.read_bytes() == paintings[0].read_bytes()
    report = verify_pairs(folder)
    assert (report.damage, report.notes) == ((), ())
    assert find_painting(folder, "0" * 64) is None


def test_the_painting_of_the_pair_set_is_compared(
    make_set: Callable[..., Path], config: Callable[..., Config], paintings: list[Path]
) -> None:
    folder = make_set((PaintedNegative(paintings[:1]), paintings[:1]))
    stored, named = _of(folder, config), config("losses.style.painting_weight=1")
    results = [compute_losses(build_objective(one), one).terms["painting_style"] for one in (stored, named)]
    torch.testing.assert_close(results[0], results[1])


def test_styles_and_blends_of_the_pair_set_keep_their_order(
    make_set: Callable[..., Path], config: Callable[..., Config], paintings: list[Path]
) -> None:
    blend = PaintedNegative(paintings[1:], weights="0.75 0.25")
    folder = make_set((PaintedNegative(paintings[:1]), paintings[:1]), (blend, paintings[1:]))
    first, second = training_styles(_of(folder, config, "model.styles=2"))
    assert [sha256_file(path) for path in first.paintings] == [sha256_file(paintings[0])]
    assert [sha256_file(path) for path in second.paintings] == [sha256_file(path) for path in paintings[1:]]
    assert second.weights == (0.75, 0.25)
    [learned] = training_styles(_of(folder, config, "pairs.learn_style=1"))
    assert learned == second


def test_without_a_painting_the_message_says_what_to_set(
    make_set: Callable[..., Path], config: Callable[..., Config], pair_set: Path, paintings: list[Path]
) -> None:
    with pytest.raises(ConfigError, match=r"sepia.*has no painting.*pairs\.style"):
        build_objective(_of(pair_set, config))
    folder = make_set((PaintedNegative(paintings[:1]), paintings[:1]))
    for copy in (folder / PAINTINGS_NAME).iterdir():
        copy.unlink()
    with pytest.raises(ConfigError, match=r"holds no copy of the painting of negative.*pairs\.style"):
        build_objective(_of(folder, config))


def test_a_strength_below_1_is_refused(
    make_set: Callable[..., Path], config: Callable[..., Config], paintings: list[Path]
) -> None:
    folder = make_set((PaintedNegative(paintings[:1], strength=0.5), paintings[:1]))
    with pytest.raises(ConfigError, match=r"negative has strength 0\.5"):
        build_objective(_of(folder, config))


def test_another_painting_or_size_than_the_teachers_is_noted(
    make_set: Callable[..., Path],
    config: Callable[..., Config],
    paintings: list[Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = make_set((PaintedNegative(paintings[:1], style_side_px=64), paintings[:1]))
    training_styles(_of(folder, config, "losses.style.painting_side_px=64"))
    assert capsys.readouterr().err == ""
    weighted = config("losses.style.painting_weight=1", pairs={"path": str(folder), "style": str(paintings[1])})
    training_styles(weighted)
    notes = " ".join(capsys.readouterr().err.split())
    assert "painting_side_px=64" in notes
    assert f"{paintings[1].name} is not the painting of the pair set's teacher negative" in notes


def test_the_painting_may_be_compared_in_layers_of_its_own(
    config: Callable[..., Config], paintings: list[Path]
) -> None:
    both = config("losses.style.weight=1", "losses.style.painting_weight=1", "losses.style.painting_layers={enc4: 1}")
    assert both.losses.feature_layers == (*LAYERS, "enc4")
    painting_only = config("losses.style.painting_weight=1", "losses.style.painting_layers={enc4: 1}")
    assert painting_only.losses.feature_layers == ("enc4",)
    alone = config("losses.style.painting_weight=1", "losses.style.layers={enc4: 1}")
    results = [
        compute_losses(build_objective(one), one).terms["painting_style"] for one in (both, painting_only, alone)
    ]
    torch.testing.assert_close(results[0], results[2])
    torch.testing.assert_close(results[1], results[2])
    with pytest.raises(ConfigError, match=r"painting_layers is empty"):
        config("losses.style.painting_weight=1", "losses.style.painting_layers={}")


def test_resuming_with_another_painting_is_refused(config: Callable[..., Config], paintings: list[Path]) -> None:
    weighted = config("losses.style.painting_weight=1")
    state = build_objective(weighted).resume_state()
    build_objective(weighted).load_resume_state(state)
    build_objective(weighted).load_resume_state({})  # a checkpoint of version 0.1.0
    other = config("losses.style.painting_weight=1", pairs={"style": str(paintings[1])})
    with pytest.raises(ArtifactError, match=r"painting has changed"):
        build_objective(other).load_resume_state(state)


def test_copies_are_no_part_of_the_sets_identity(make_set: Callable[..., Path], paintings: list[Path]) -> None:
    folder = make_set((PaintedNegative(paintings[:1]), paintings[:1]))
    assert PAINTINGS_NAME not in json.dumps(json.loads((folder / "manifest.json").read_text()))
