"""Tests of Python functions as teachers, and of the texts that name them."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import ArtifactError, ConfigError, PhotoError
from pix2style.stylizer import Stylizer
from pix2style.teachers.custom import CustomTeacherSpec, load_custom

PHOTO = np.random.default_rng(0).integers(0, 256, (13, 21, 3), dtype=np.uint8)
SMALL = np.random.default_rng(1).integers(0, 256, (4, 5, 3), dtype=np.uint8)

SCRIPT = """
import numpy as np

BUFFER = np.zeros((13, 21, 3), np.uint8)

def negative(photo):
    return 255 - photo

def negatives(photos):
    return [255 - photo for photo in photos]
negatives.batched = True

class Set:
    @staticmethod
    def dark(photo):
        return photo // 2

def in_place(photo):
    photo[:] = 255 - photo
    return photo

def same_buffer(photo):
    BUFFER[:] = photo
    return BUFFER

def cropped(photo):
    return photo[1:]

def floats(photo):
    return photo / 255

def nothing(photo):
    pass

def one_too_few(photos):
    return photos[1:]
one_too_few.batched = True

def no_list(photos):
    return None
no_list.batched = True

def fails(photo):
    raise ValueError("no sky in\\n  this photo", object())

def leaves(photo):
    raise SystemExit("bye")

number = 3
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "artist.py"
    path.write_text(SCRIPT)
    return path


def function(script: Path, name: str) -> Stylizer:
    return load_custom(f"{script}:{name}")


@pytest.mark.parametrize("name", ["negative", "negatives", "in_place"])
def test_a_function_in_a_file_stylizes(script: Path, name: str) -> None:
    photos = [PHOTO.copy(), SMALL.copy()]
    first, second = function(script, name).stylize(photos)
    assert np.array_equal(first, 255 - PHOTO)
    assert np.array_equal(second, 255 - SMALL)
    assert np.array_equal(photos[0], PHOTO)  # a function that changes its input must not change the pair's photo


def test_outputs_do_not_share_the_functions_buffer(script: Path) -> None:
    other = 255 - PHOTO
    first, second = function(script, "same_buffer").stylize([PHOTO, other])
    assert np.array_equal(first, PHOTO)
    assert np.array_equal(second, other)


def test_a_method_is_found(script: Path) -> None:
    assert np.array_equal(function(script, "Set.dark")(PHOTO), PHOTO // 2)


def test_a_module_that_can_be_imported(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(script.parent)
    monkeypatch.delitem(sys.modules, "artist", raising=False)
    teacher = load_custom("artist:negative")
    assert np.array_equal(teacher(PHOTO), 255 - PHOTO)
    assert teacher.identity.name == "custom:artist:negative"
    monkeypatch.delitem(sys.modules, "artist")


def test_a_file_may_import_its_neighbour_and_define_dataclasses(tmp_path: Path) -> None:
    (tmp_path / "brush_of_artist.py").write_text("def dab(photo):\n    return photo[::-1]\n")
    (tmp_path / "main.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom brush_of_artist import dab\n"
        "@dataclass\nclass Settings:\n    width: int = 3\n"
    )
    assert np.array_equal(load_custom(f"{tmp_path / 'main.py'}:dab")(PHOTO), PHOTO[::-1])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cropped", r"returned uint8 \[12, 21, 3\] for a photo of 21x13 px: .*uint8 \[13, 21, 3\]"),
        ("floats", r"returned float64 \[13, 21, 3\] for a photo of 21x13 px"),
        ("nothing", "returned NoneType for a photo of 21x13 px"),
        ("one_too_few", "returned 1 for a list of 2 photos"),
        ("no_list", "returned NoneType for a list of 2 photos"),
    ],
)
def test_outputs_that_are_not_an_image_of_the_photos_size(script: Path, name: str, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        function(script, name).stylize([PHOTO, PHOTO])


def test_an_exception_is_an_error_of_the_photo_with_the_same_message_every_time(script: Path) -> None:
    with pytest.raises(PhotoError) as caught:
        function(script, "fails")(PHOTO)
    assert str(caught.value) == r"the teacher raised ValueError: ('no sky in\n this photo', <object object>)"
    with pytest.raises(PhotoError, match="SystemExit: bye"):
        function(script, "leaves")(PHOTO)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("no_such_module_at_all:paint", ArtifactError, r"no module 'no_such_module_at_all'.*path/to/file\.py:function"),
        ("json.nothing:paint", ArtifactError, r"no module 'json\.nothing'"),
        ("json:paint", ArtifactError, "no 'paint' in"),
        ("nowhere/a.py:paint", ArtifactError, r"nowhere/a\.py: no such file"),
        ("just a sentence", ConfigError, r"neither module:function.*nor a command with \{input\} and \{output\}"),
        (":paint", ConfigError, "neither"),
        ("json:", ConfigError, "neither"),
    ],
)
def test_texts_that_name_nothing(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load_custom(text)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def paint(:", "SyntaxError"),
        ("import no_such_thing_here", "cannot be loaded: ModuleNotFoundError: No module named 'no_such_thing_here'"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("paint = 3", "'paint' is a int, not a function"),
    ],
)
def test_files_that_cannot_be_loaded(tmp_path: Path, code: str, message: str) -> None:
    (tmp_path / "bad.py").write_text(code)
    with pytest.raises(ArtifactError, match=message):
        load_custom(f"{tmp_path / 'bad.py'}:paint")


def test_options_that_do_not_fit(script: Path) -> None:
    with pytest.raises(ConfigError, match="for commands only"):
        load_custom(f"{script}:negative", timeout_s=3)
    with pytest.raises(ConfigError, match="above 0 seconds"):
        load_custom("true {input} {output}", timeout_s=0)
    with pytest.raises(ConfigError, match="jobs must be 1 or more"):
        load_custom("true {input} {output}", jobs=0)
    with pytest.raises(ArtifactError, match=r"brush\.png: cannot be read: No such file"):
        load_custom(f"{script}:negative", files=[Path("brush.png")])


def test_the_identity_changes_with_all_that_paints(script: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "a.bin").write_bytes(b"1")
    text = f"{script}:negative"

    def digest() -> str:
        return load_custom(text, files=[weights]).identity.sha256

    first = digest()
    assert digest() == first
    seen = {first, load_custom(text).identity.sha256, function(script, "negatives").identity.sha256}
    (weights / "a.bin").write_bytes(b"2")
    seen.add(digest())
    script.write_text(SCRIPT + "# changed\n")
    seen.add(digest())
    assert len(seen) == 5
    identity = load_custom(text, license="CC0-1.0").identity
    assert (identity.name, identity.licence) == ("custom:artist.py:negative", "CC0-1.0")
    assert identity.settings == {"text": text}


def test_a_function_imported_from_elsewhere_counts_with_its_own_file(tmp_path: Path) -> None:
    other = tmp_path / "other_of_artist.py"
    other.write_text("def paint(photo):\n    return photo\n")
    (tmp_path / "front.py").write_text("from other_of_artist import paint\n")
    before = load_custom(f"{tmp_path / 'front.py'}:paint").identity.sha256
    other.write_text("def paint(photo):\n    return photo  # changed\n")
    assert load_custom(f"{tmp_path / 'front.py'}:paint").identity.sha256 != before


def test_a_spec_can_be_sent_to_another_process(script: Path) -> None:
    spec = CustomTeacherSpec(f"{script}:negative", license="CC0-1.0")
    [teacher] = pickle.loads(pickle.dumps(spec)).load()
    assert teacher.identity == load_custom(spec.text, license="CC0-1.0").identity
    assert np.array_equal(teacher(PHOTO), 255 - PHOTO)
