"""preview_teacher says in words what a teacher makes of a few photos, and make_pairs does so before the long work."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from pix2style.config.pairs import PairsConfig
from pix2style.errors import ArtifactError, DataError, PhotoError
from pix2style.images import Image8, read_picture
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.pairs.build.style_figures import Verdict, measure_style
from pix2style.pairs.build.teacher_preview import TeacherPreview, preview_teacher
from pix2style.pairs.check.verify import verify_pairs
from pix2style.stylizer import Stylizer, StylizerIdentity
from pix2style.teachers.spec import TeacherSpec

from sets import detailed_photo  # isort: skip
from tint import TintTeacher, tree, write_photos  # isort: skip

Target = Callable[[Image8], Image8]


class OwnTeacher(Stylizer):
    """A teacher that applies a function to each photo."""

    def __init__(self, function: Target) -> None:
        self._function = function

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("own", "c" * 64)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [self._function(image) for image in images]


def _texture(image: Image8) -> Image8:
    """Return stripes that have nothing to do with the photo."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.repeat((127 + 120 * np.sin(x / 3) * np.sin(y / 5)).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("function", "verdict", "words"),
    [
        (lambda image: image, "unchanged", "most of the photos' structure stays (1.00 of 1); the photos hardly change"),
        (lambda image: np.clip(image + 8.0, 0, 255).astype(np.uint8), "unchanged", "the photos hardly change"),
        (lambda image: image // 64 * 64, "weak", "the style is weak"),
        (lambda image: 255 - image // 64 * 64, "good", "most of the photos' structure stays"),
        (_texture, "overpowered", "little of the photos' structure stays"),
    ],
)
def test_words_of_clear_cases(function: Target, verdict: Verdict, words: str) -> None:
    photos = [detailed_photo(i) for i in range(4)]
    figures = measure_style(photos, [function(photo) for photo in photos])
    assert figures.verdict == verdict, figures
    assert words in figures.words


@pytest.mark.parametrize(
    ("painting", "verdict", "advice"),
    [
        (("style17", 1.0, 256), "overpowered", "try --strength 0.6 or --painting-size 512"),
        (("style03", 1.0, 256), "overpowered", "try --strength 0.6 or --painting-size 512"),
        (("style03", 0.5, 256), "good", None),
        (("style08", 1.0, 256), "good", None),
        (("style25", 0.2, 256), "weak", "try --strength 0.6"),
        (("style08", 1.0, 512), "good", None),
    ],
)
def test_words_of_real_paintings(
    assets: Path, painting: tuple[str, float, int], verdict: Verdict, advice: str | None
) -> None:
    name, strength, painting_size = painting
    module = assets / "assets" / "teacher" / "magenta-arbitrary"
    if not module.is_dir():
        pytest.skip(f"no converted network at {module}")
    settings = PairsConfig(
        content=(assets / "data" / "content",),
        styles=({"paintings": (assets / "data" / "styles" / f"{name}.jpg",), "strength": strength},),  # type: ignore[arg-type]
        teacher="magenta",
        module=str(module),
        painting_size=painting_size,
        size=192,
    )
    [style] = preview_teacher(settings, TeacherSpec(settings).load()).styles
    assert style.figures.verdict == verdict, style.figures
    assert (style.advice is None) == (advice is None)
    assert advice is None or advice in str(style.advice)


def test_photos_without_edges_have_no_structure_to_lose() -> None:
    flat = np.full((96, 96, 3), 90, np.uint8)
    assert measure_style([flat], [flat]).structure == 1
    assert measure_style([flat, detailed_photo(1)], [flat, detailed_photo(1)]).structure == pytest.approx(1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (32, 32), (700, 20)])
def test_images_of_any_size_can_be_measured(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    figures = measure_style([image], [255 - image])
    assert np.isfinite([figures.structure, figures.style]).all()


def test_the_photos_are_spread_over_the_folder_and_the_sheet_shows_them(tmp_path: Path) -> None:
    content = write_photos(tmp_path / "content", [detailed_photo(i, 64, 96) for i in range(16)])
    settings, sheet = PairsConfig(content=(content,), size=48), tmp_path / "new" / "sheet.png"
    first = preview_teacher(settings, TintTeacher(), sheet)
    names = ["album0/photo04.png", "album0/photo12.png", "album1/photo05.png", "album1/photo13.png"]
    assert list(first.photos) == names
    assert read_picture(sheet).rgb.shape[0] > 4 * 256
    again = preview_teacher(settings, [TintTeacher(), TintTeacher(90)], tmp_path / "two.png")
    assert again.photos == first.photos
    assert again.styles[0].figures == first.styles[0].figures
    assert again.lines()[0].startswith("2 styles, ")
    assert read_picture(tmp_path / "two.png").rgb.shape[1] > read_picture(sheet).rgb.shape[1]


def test_files_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    content = write_photos(tmp_path / "content", [detailed_photo(i, 48, 48) for i in range(3)])
    (content / "album0" / "photo00.png").write_bytes(b"not a picture")
    (content / "album0" / "photo01.png").write_bytes(b"")
    settings = PairsConfig(content=(content,), size=48)
    assert preview_teacher(settings, TintTeacher()).photos == ("album0/photo02.png", "album1/photo01.png")
    for path in content.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="none of the photos that were tried"):
        preview_teacher(settings, TintTeacher())
    with pytest.raises(DataError, match="nowhere: no such file or folder"):
        preview_teacher(PairsConfig(content=(tmp_path / "nowhere",)), TintTeacher())


def test_a_teacher_that_fails_or_returns_another_size(tmp_path: Path) -> None:
    def fail(_: Image8) -> Image8:
        raise PhotoError("too dark")

    content = write_photos(tmp_path / "content", [detailed_photo(i, 48, 48) for i in range(3)])
    settings = PairsConfig(content=(content,), size=48)
    with pytest.raises(DataError, match="can be read and stylized"):
        preview_teacher(settings, OwnTeacher(fail))
    with pytest.raises(ArtifactError, match="must match pixel by pixel"):
        preview_teacher(settings, OwnTeacher(lambda image: image[:40]))


def test_a_slow_teacher_is_stopped_after_its_time(tmp_path: Path) -> None:
    content = write_photos(tmp_path / "content", [detailed_photo(i, 48, 48) for i in range(8)])
    settings = PairsConfig(content=(content,), size=48)
    assert (
        len(preview_teacher(settings, TintTeacher(before_photo=lambda: time.sleep(0.05)), max_seconds=0.01).photos) == 1
    )


def test_make_pairs_shows_a_preview_before_the_first_pair(content: Path, config: PairsConfig, tmp_path: Path) -> None:
    previews: list[TeacherPreview] = []

    def remember(preview: TeacherPreview) -> None:
        assert not list((tmp_path / "set" / "shards").iterdir())
        previews.append(preview)

    report = make_pairs(config, TintTeacher(), tmp_path / "set", on_preview=remember)
    [preview] = previews
    assert len(preview.photos) == 4
    assert preview.sheet == tmp_path / "set" / "preview.png"
    # It is no part of the set: the digest is the same without it, and verify does not mind.
    assert make_pairs(config, TintTeacher(), tmp_path / "plain").sha256 == report.sha256
    files = tree(tmp_path / "set")
    assert files.keys() - tree(tmp_path / "plain").keys() == {"preview.png"}
    assert verify_pairs(tmp_path / "set").notes == ()
    assert make_pairs(config, TintTeacher(), tmp_path / "set", on_preview=remember).already_finished
    assert (len(previews), tree(tmp_path / "set")) == (1, files)
    # A sheet of an earlier trial is no other file.
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial" / "preview.png").write_bytes(b"old")
    make_pairs(config, TintTeacher(), tmp_path / "trial", on_preview=lambda _: None)
    assert tree(tmp_path / "trial") == files


def test_a_teacher_that_fails_in_the_preview_fails_in_the_work(config: PairsConfig, tmp_path: Path) -> None:
    previews: list[TeacherPreview] = []
    with pytest.raises(ArtifactError, match="cannot make pairs"):
        make_pairs(config, OwnTeacher(lambda image: image[:20]), tmp_path / "set", on_preview=previews.append)
    assert previews == []
