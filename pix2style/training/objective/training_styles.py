"""Find the paintings of the styles that an experiment learns, in the configuration or in the pair set."""

from __future__ import annotations

from pathlib import Path

from pix2style.config import Config
from pix2style.errors import ConfigError
from pix2style.files import sha256_file
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.manifest import MANIFEST_NAME, PairManifest, TeacherRecord
from pix2style.pairs.format.paintings import find_painting
from pix2style.pairs.format.reader import choose_style
from pix2style.plural import counted
from pix2style.progress import print_note
from pix2style.teachers.style import StyleBlend, style_blends


def training_styles(config: Config) -> list[StyleBlend]:
    """Return the styles that an experiment learns, in the order of its style ids.

    They are those of `pairs.style` or `pairs.styles`, else those whose paintings the pair set holds. A note says if
    the teacher of the pair set took its style from another painting, or saw it in another size.

    Raises:
        ConfigError: There are none, their number is not `model.styles`, or one has a strength below 1, which only a
            teacher can apply.
        DataError: The pair set cannot be read.
    """
    teachers = _teachers(config)
    blends = style_blends(config.pairs)
    if blends:
        blends = _learned_blends(blends, config)
    elif teachers and config.pairs.path is not None:
        blends = [_stored_blend(teacher, config.pairs.path) for teacher in teachers]
    else:
        raise ConfigError(
            "[pairs -> style] losses.style.to: painting and losses.style.painting_weight compare with a painting: set"
            " pairs.style to its file"
        )
    for blend in blends:
        if blend.strength != 1:
            raise ConfigError(
                f"[pairs -> styles] {blend.name} has strength {blend.strength}, but losses that compare with the"
                " painting know only full strength: set its strength to 1, or losses.style.to: target"
            )
    if len(teachers) == len(blends):
        for teacher, blend in zip(teachers, blends, strict=True):
            _note_differences(teacher, blend, config.losses.style.painting_side_px)
    return blends


def _teachers(config: Config) -> tuple[TeacherRecord, ...]:
    """Return the teachers of the styles to learn; empty without targets, and for folders that are no pair set."""
    path = config.pairs.path
    if path is None or config.train.unpaired or not (path / MANIFEST_NAME).is_file():
        return ()
    manifest, _ = read_document(PairManifest, path / MANIFEST_NAME)
    if config.model.styles > 1:
        return manifest.teachers
    return (manifest.teachers[choose_style(manifest, config.pairs.learn_style)],)


def _learned_blends(blends: list[StyleBlend], config: Config) -> list[StyleBlend]:
    """Choose those of the configuration's styles that are learned."""
    if config.model.styles > 1:
        if len(blends) != config.model.styles:
            raise ConfigError(
                f"[pairs -> styles] names {counted(len(blends), 'style')}, but model.styles is"
                f" {config.model.styles}: to compare"
                " with paintings, make them the same number"
            )
        return blends
    return blends if len(blends) == 1 else [_learned_style(blends, config.pairs.learn_style)]


def _learned_style(blends: list[StyleBlend], style_id: int | None) -> StyleBlend:
    if style_id is None or style_id >= len(blends):
        choices = ", ".join(f"{i} ({blend.name})" for i, blend in enumerate(blends))
        raise ConfigError(f"[pairs -> learn_style] to compare with a painting, set it to one of the styles {choices}")
    return blends[style_id]


def _stored_blend(teacher: TeacherRecord, folder: Path) -> StyleBlend:
    """Return the style of a pair set's teacher, with the copies of its paintings in the set."""
    if not teacher.style_sha256:
        raise ConfigError(
            f"[pairs -> style] the teacher {teacher.name} of {folder} has no painting: set pairs.style to one, or"
            " losses.style.painting_weight: 0"
        )
    files = [find_painting(folder, digest) for digest in teacher.style_sha256]
    paintings = tuple(file for file in files if file is not None)
    if len(paintings) < len(files):
        raise ConfigError(
            f"[pairs -> style] {folder} holds no copy of the painting of {teacher.name}: set pairs.style to its file"
        )
    weights = str(teacher.settings.get("weights", "")).split() or ["1"] * len(paintings)
    strength = teacher.settings.get("strength", 1.0)
    return StyleBlend(teacher.name, paintings, tuple(map(float, weights)), float(strength))


def _note_differences(teacher: TeacherRecord, blend: StyleBlend, side_px: int) -> None:
    """Say if the teacher took its style from other files, or saw them in another size than the loss does."""
    seen_px = teacher.settings.get("style_side_px")
    if seen_px is not None and seen_px != side_px:
        print_note(
            f"losses.style.painting_side_px is {side_px}, but {teacher.name} saw its painting at {seen_px} px: the"
            f" strokes have other sizes; set losses.style.painting_side_px={seen_px} to make them equal"
        )
    digests = [sha256_file(path) for path in blend.paintings if path.is_file()]
    if teacher.style_sha256 and set(digests) != set(teacher.style_sha256):
        print_note(f"{blend.name} is not the painting of the pair set's teacher {teacher.name}")
