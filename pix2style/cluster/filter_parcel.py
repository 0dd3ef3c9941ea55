"""Send a filter from one machine to others: the content of its files, and its settings.

So the filter file need not lie on a shared path, and no machine can use another filter of the same name by mistake.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from pix2style import gallery
from pix2style.effects.blend import Blend
from pix2style.effects.blend_text import parse_blend
from pix2style.effects.preserve_color import PreserveColor
from pix2style.effects.stroke import StrokeSize
from pix2style.errors import ArtifactError, ConfigError
from pix2style.files import sha256_bytes
from pix2style.home_paths import expand_home
from pix2style.progress import print_note
from pix2style.runtime.filter_description import read_file
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.open_on_device import open_on_device
from pix2style.stylizer import Stylizer, StylizerIdentity
from pix2style.teacher_table import parse_teacher
from pix2style.version import __version__

# Packages of which other versions may compute other pixels or write other bytes.
_PACKAGES = ("numpy", "onnxruntime", "pillow")
_TAKEN = "infer-ray takes filter files (.onnx), names that `pix2style gallery` lists, and blends of these"


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """How a filter is applied; see `load_stylizer`.

    Attributes:
        strength: Strength of the style, from 0 to 1.
        style: For files with several styles: the style's number, or a weight for each style.
        tile: Side of a tile in pixels for large photos; 0 for no tiles; None for the default.
        device: Where the filter runs; None for the processor.
        preserve_color: Whether outputs have the photo's own colours.
        stroke: Size of the strokes as a multiple of the filter's own; None to leave it as it is.
        look_px: Longer side in pixels of the version of a photo whose strokes it gets; None to leave it as it is.
        threads: Number of threads of the processor for one photo.
    """

    strength: float = 1.0
    style: str | None = None
    tile: int | None = None
    device: str | None = None
    preserve_color: bool = False
    stroke: float | None = None
    look_px: int | None = None
    threads: int | None = None

    def load(self, files: Sequence[tuple[Path, FilterPart]]) -> Stylizer:
        """Load the stylizer, which is a blend if there are several files.

        Raises:
            ArtifactError, ConfigError: See `load_stylizer`.
        """
        if len(files) == 1:
            [(path, part)] = files
            stylizer: Stylizer = self._open(path, part.style or self.style, self.strength)
        else:
            opened = [(self._open(path, part.style), part.weight) for path, part in files]
            stylizer = Blend(opened, strength=self.strength, names=[part.name for _, part in files])
        if self.stroke is not None or self.look_px is not None:
            stylizer = StrokeSize(stylizer, stroke=self.stroke, look_px=self.look_px, threads=self.threads)
        return PreserveColor(stylizer) if self.preserve_color else stylizer

    def _open(self, path: Path, style: str | None, strength: float = 1.0) -> OnnxStylizer:
        return open_on_device(
            path,
            device=self.device,
            threads=self.threads,
            strength=strength,
            style=style,
            tile=self.tile,
            spinning="never",  # for small photos, waiting threads would take as much processor time as the work
        )


@dataclass(frozen=True, slots=True)
class FilterPart:
    """A filter file.

    Attributes:
        name: Name of the file.
        data: Its content.
        sha256: Digest of its content.
        style: The style that was named with `FILE@STYLE`; None if none was.
        weight: Its weight in a blend.
    """

    name: str
    data: bytes
    sha256: str
    style: str | None
    weight: float

    def unpack(self, folder: Path) -> Path:
        """Write the file into a new folder, and return its path.

        Raises:
            ArtifactError: The content was damaged on its way.
        """
        if sha256_bytes(self.data) != self.sha256:
            raise ArtifactError(f"{self.name}: was damaged on its way to a worker: run the same command again")
        folder.mkdir()
        path = folder / self.name
        path.write_bytes(self.data)
        return path


@dataclass(frozen=True, slots=True)
class FilterParcel:
    """A filter, or a blend of several, that can be sent to other machines.

    Attributes:
        parts: Its files.
        options: How it is applied.
        identity: Identity of the loaded stylizer.
        versions: Versions of pix2style and of the packages that compute and write images.
    """

    parts: tuple[FilterPart, ...]
    options: FilterOptions
    identity: StylizerIdentity
    versions: Mapping[str, str]

    def load(self) -> Stylizer:
        """Load the stylizer on this machine.

        Raises:
            ArtifactError: A file was damaged on its way, or this machine has other versions of the packages.
            ConfigError: The device cannot be used on this machine.
        """
        for name, here in installed_versions().items():
            if here != self.versions[name]:
                raise ArtifactError(
                    f"a worker has {name} {here}, but the machine that started the work has {self.versions[name]}:"
                    " outputs could differ, so install the same versions on all machines"
                )
        with tempfile.TemporaryDirectory(prefix="pix2style-") as folder:  # a session reads its file only once
            files = [(part.unpack(Path(folder, str(number))), part) for number, part in enumerate(self.parts)]
            stylizer = self.options.load(files)
        if _comparable(stylizer.identity) != self.identity:
            raise ArtifactError("a worker loaded another filter than the one that was sent: run the same command again")
        return stylizer


def pack_filter(source: str, options: FilterOptions) -> FilterParcel:
    """Read a filter, load it once to check it, and return it in a form that can be sent to other machines.

    Args:
        source: A name in the gallery, a filter file, `FILE@1` for its style 1, or a blend of these.
        options: How it is applied. Whether the device can be used is left to the workers.

    Raises:
        ArtifactError: There is no such filter, or it is damaged.
        ConfigError: It is not a filter file, or an option is not possible with it.
    """
    files = [_find(name, weight) for name, weight in parse_blend(source) or [(source, 1.0)]]
    if options.style is not None and (len(files) > 1 or files[0][1].style is not None):
        raise ConfigError(f"--style {options.style}: {source} already names a style, or is a blend: leave out --style")
    stylizer = replace(options, device=None).load(files)
    if stylizer.description:
        print_note(f"the photos are stylized by {stylizer.description}")
    parts = tuple(part for _, part in files)
    return FilterParcel(parts, options, _comparable(stylizer.identity), installed_versions())


def installed_versions() -> dict[str, str]:
    """Return the versions of pix2style and of the packages that compute and write images."""
    return {"pix2style": __version__, **{name: version(name) for name in _PACKAGES}}


def _find(text: str, weight: float) -> tuple[Path, FilterPart]:
    """Return the path of the filter file that a text names, and the file in a form that can be sent."""
    source = expand_home(text)
    name, _, style = source.rpartition("@") if "@" in source and not Path(source).exists() else (source, "", "")
    path = Path(name) if Path(name).is_file() else gallery.find(name)
    if path is None:
        raise ArtifactError(f"{text}: {_why_not(name)}")
    data = read_file(path)
    return path, FilterPart(path.name, data, sha256_bytes(data), style or None, weight)


def _why_not(source: str) -> str:
    """Return why a source that is neither a file nor in the gallery cannot be used, and what to do."""
    if (Path(source) / "checkpoints").is_dir():
        return f"is a run: export it first with `pix2style export`, because {_TAKEN}"
    if parse_teacher(source) is not None:
        return f"is a teacher: make pairs, train and export a filter, because {_TAKEN}"
    similar = [] if re.search(r"[/\\.]", source) else gallery.nearest(source)
    return f"no such filter: {f'did you mean {similar[0]}?' if similar else _TAKEN}"


def _comparable(identity: StylizerIdentity) -> StylizerIdentity:
    """Return an identity that can be pickled. It has no name, because file names may differ between machines."""
    return replace(identity, name="", settings=dict(identity.settings))
