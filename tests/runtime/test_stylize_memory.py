"""A photo that needs more memory than there is fails alone, wherever that happens; the others are still done."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pix2style.images import Image8, Picture
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.stylize_files import stylize_files
from pix2style.stylizer import Stylizer, StylizerIdentity

Save = Callable[..., Path]

NO_MEMORY = "needs more memory than there is: make it smaller first"


class Greedy(Stylizer):
    """Takes more memory than an address can name for photos 50 pixels wide; results of those 60 wide have no end."""

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("greedy", "0" * 64)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [np.zeros(1 << 60, np.uint8) if image.shape[1] == 50 else image for image in images]

    def stylize_picture(self, picture: Picture) -> Picture:
        stylized = super().stylize_picture(picture)
        if picture.rgb.shape[1] != 60:
            return stylized
        return replace(stylized, rgb=np.broadcast_to(stylized.rgb[:1, :1], (1 << 24, 1 << 24, 3)))


@pytest.mark.parametrize("threads", [None, 1])
def test_a_photo_for_which_memory_is_short(
    photos: Callable[..., list[Image8]], save: Save, tmp_path: Path, threads: int | None
) -> None:
    for name, width in (("a", 40), ("b", 50), ("c", 40), ("d", 60), ("e", 40)):
        save(tmp_path / "in" / f"{name}.png", photos(1, 30, width)[0])
    report = stylize_files(Greedy(), [tmp_path / "in"], tmp_path / "out", files=FileSettings(threads=threads))
    assert sorted(path.name for path in report.written) == ["a.png", "c.png", "e.png"]
    assert {failed.path.name: failed.reason for failed in report.failures} == {"b.png": NO_MEMORY, "d.png": NO_MEMORY}


def test_an_animation_for_which_memory_is_short(
    photos: Callable[..., list[Image8]], save: Save, tmp_path: Path
) -> None:
    from PIL import Image

    frames = [Image.fromarray(photo) for photo in photos(3, 30, 50)]
    save(tmp_path / "in" / "a.png", frames[0], save_all=True, append_images=frames[1:])
    save(tmp_path / "in" / "b.png", photos(1, 30, 40)[0])
    report = stylize_files(Greedy(), [tmp_path / "in"], tmp_path / "out")
    assert [path.name for path in report.written] == ["b.png"]
    assert [failed.reason for failed in report.failures] == [NO_MEMORY]


_LOAD = """
import sys
from pathlib import Path

from pix2style.pairs.build.content import load_content
from pix2style.pairs.format.records import PlannedPhoto
from pix2style.system.workers import limit_memory

photo = PlannedPhoto(source="a.tif", sha256="0" * 64, split="train", shard=0, key="0" * 24)
limit_memory(1_500_000_000)
print(load_content(photo, Path(sys.argv[1]), 64, "crop").reason)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process as Linux does")
def test_a_photo_for_pairs_that_does_not_fit_in_memory(tmp_path: Path) -> None:
    """In a process of its own, whose memory is limited; the file has fewer bytes than are read of one."""
    path = tmp_path / "a.tif"
    with path.open("wb") as stream:
        stream.truncate(3_000_000_000)
    done = subprocess.run([sys.executable, "-c", _LOAD, str(path)], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (NO_MEMORY, "")
