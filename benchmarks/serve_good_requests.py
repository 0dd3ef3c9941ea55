"""Valid requests to `pix2style serve`, and the files that `pix2style infer` writes for the same photos and options."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from serve_client import Answer

from pix2style.recipes.quickstart import sample_photos

_ROOT = Path(__file__).parents[1]
_BOUNDARY = "------------------------d74496d66958873e"
# Most callers send JPEG.
_KINDS = ("jpg", "jpg", "turned", "png", "jpg", "webp", "alpha", "jpg", "grey", "tif", "cmyk", "tiny", "small")
_ORIENTATION = 0x0112  # of EXIF
FILTERS = ("great-wave", "poppies", "ejiri")


@dataclass(frozen=True)
class Settings:
    """The same settings as a query and as switches of `infer`."""

    filter: str
    query: str = ""
    switches: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """Path and query of the request."""
        more = f"&{self.query}" if self.query else ""
        return f"/v1/stylize?filter={self.filter}{more}"


SETTINGS = (
    Settings("great-wave"),
    Settings("poppies", "strength=0.5", ("--strength", "0.5")),
    Settings("ejiri", "quality=70", ("--quality", "70")),
    Settings("great-wave:0.6,ejiri:0.4"),
    Settings("poppies", "format=png", ("--format", "png")),
    Settings("great-wave", "format=webp&quality=80", ("--format", "webp", "--quality", "80")),
    Settings("ejiri", "stroke=2&format=jpeg", ("--stroke", "2", "--format", "jpg")),
    Settings("poppies", "look=240", ("--look", "240")),
    Settings("great-wave", "preserve_color=true", ("--preserve-color",)),
    Settings("ejiri", "keep_metadata=safe&strength=0.8", ("--keep-metadata", "safe", "--strength", "0.8")),
    Settings("poppies", "lossless=true", ("--lossless",)),
    Settings("great-wave", "strength=0&format=png", ("--strength", "0", "--format", "png")),
)


@dataclass
class GoodRequest:
    """A request with its right answer.

    Attributes:
        target: Path and query.
        body: The photo, or a form with it.
        content_type: What the request says that the body is; servers have to look at the bytes instead.
        expected: Content of the file that `infer` wrote.
        accepted: Bodies of answers whose pixels were compared with those of the file.
    """

    target: str
    body: bytes
    content_type: str
    expected: bytes
    accepted: set[bytes]

    def fault(self, answer: Answer) -> str:
        """Return what is wrong with an answer of status 200; empty if nothing is."""
        if answer.body in self.accepted:
            return ""
        fault = difference(answer.body, self.expected)
        kind = Image.MIME[_open(answer.body).format or ""] if not fault else ""
        if not fault and answer.headers.get("content-type") != kind:
            fault = f"says that it is {answer.headers.get('content-type')} instead of {kind}"
        if not fault:
            self.accepted.add(answer.body)
        return fault


def difference(data: bytes, expected: bytes) -> str:
    """Return how a picture file differs from another one in what is seen of it; empty if it does not."""
    if data == expected:
        return ""
    try:
        image, other = _open(data), _open(expected)
        facts, others = ((one.format, one.mode, one.size, getattr(one, "n_frames", 1)) for one in (image, other))
        if facts != others:
            return f"{facts} instead of {others}"
        if image.getexif().get(_ORIENTATION) != other.getexif().get(_ORIENTATION):
            return "another orientation"
        for frame in range(facts[3]):
            image.seek(frame)
            other.seek(frame)
            if not np.array_equal(np.asarray(image), np.asarray(other)):
                return "other pixels"
    except OSError as error:
        return f"no picture: {error}"
    return ""


def _open(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def make_good_requests(folder: Path, photos: Sequence[Path], different: int, seed: int = 0) -> list[GoodRequest]:
    """Make photos of many kinds, stylize them with `infer`, and return the requests for the same pictures.

    Args:
        folder: Where the photos and the expected files are written.
        photos: Photos to make them of; the sample photos if there are none.
        different: Number of different requests.
        seed: Seed of the choice of sizes and kinds.
    """
    sources = list(photos) or sorted(sample_photos().glob("*.jpg"))
    numbers = random.Random(seed)  # noqa: S311
    requests = []
    settings = SETTINGS[: max(1, min(len(SETTINGS), different))]
    for group, chosen in enumerate(settings):
        inputs, outputs = folder / f"in{group}", folder / f"out{group}"
        inputs.mkdir(parents=True)
        for number in range(group, different, len(settings)):
            _write_photo(inputs / f"{number:05d}", sources[number % len(sources)], number, numbers)
        _infer(chosen, inputs, outputs)
        for path in sorted(inputs.iterdir()):
            (expected,) = outputs.glob(f"{path.stem}.*")
            body, content_type = _body(path, numbers)
            requests.append(GoodRequest(chosen.target, body, content_type, expected.read_bytes(), set()))
    numbers.shuffle(requests)
    return requests


def _write_photo(path: Path, source: Path, number: int, numbers: random.Random) -> None:
    """Write a photo of one of many kinds and sizes, of at most 0.3 megapixels. The path has no suffix yet."""
    with Image.open(source) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    width = numbers.randrange(120, 640)
    image = image.resize((width, max(1, round(width * image.height / image.width))))
    kind = _KINDS[number % len(_KINDS)]
    if kind == "turned":
        exif = Image.Exif()
        exif[_ORIENTATION] = 6
        image.save(path.with_suffix(".jpg"), quality=90, exif=exif)
    elif kind == "alpha":
        image.putalpha(image.convert("L"))
        image.save(path.with_suffix(".png"))
    elif kind == "grey":
        image.convert("L").save(path.with_suffix(".jpg"))
    elif kind == "cmyk":
        image.convert("CMYK").save(path.with_suffix(".jpg"))
    elif kind in ("tiny", "small"):
        image.resize((1, 1) if kind == "tiny" else (37, 3)).save(path.with_suffix(".png"))
    else:
        image.save(path.with_suffix(f".{kind}"))


def _infer(settings: Settings, inputs: Path, outputs: Path) -> None:
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "pix2style", "--quiet", "infer", settings.filter, inputs, "-o", outputs]
    subprocess.run([*command, *settings.switches], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})


def _body(path: Path, numbers: random.Random) -> tuple[bytes, str]:
    """Return a body and its type: raw, raw with a wrong type, or a form whose file has a hostile name."""
    data = path.read_bytes()
    way = numbers.randrange(4)
    if way == 0:
        return data, "application/octet-stream"
    if way == 1:
        return data, "text/html"
    if way == 2:
        return data, f"image/{path.suffix[1:]}"
    name = numbers.choice(["photo.jpg", "../../../etc/passwd", "C:\\\\photo.exe", "%00.png", "a" * 300, "кот.jpg"])
    top = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="{name}"\r\n'
    form = f"{top}Content-Type: application/octet-stream\r\n\r\n".encode() + data + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return form, f"multipart/form-data; boundary={_BOUNDARY}"
