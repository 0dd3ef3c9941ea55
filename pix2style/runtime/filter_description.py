"""Read and check the description in a filter file, without ONNX Runtime, whose import takes longer than this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pix2style.errors import ArtifactError
from pix2style.runtime.content_digest import METADATA_FIELD, DigestState, check_content, read_fields
from pix2style.spec import SPEC_KEY, GeneratorSpec

_KEY_FIELD, _VALUE_FIELD = 1, 2  # of StringStringEntryProto in onnx.proto


def read_file(path: Path) -> bytes:
    """Return the content of a filter file.

    Raises:
        ArtifactError: The file does not exist or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{path}: no such filter file: expected an .onnx file that pix2style export wrote"
        ) from error
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error


def check_digest(data: bytes, path: Path) -> DigestState:
    """Compare a filter file with the digest that it holds.

    Args:
        data: Content of the filter file.
        path: Path of the file, for messages.

    Returns:
        "matches"; "changed" if another program has written the file anew; or "absent" if it holds no digest, as files
        of older versions.

    Raises:
        ArtifactError: The file is damaged.
    """
    state = check_content(data)
    if state == "differs":
        raise ArtifactError(
            f"{path}: is damaged, or was changed after its export: its content differs from the digest in its metadata:"
            " copy it again or export it again"
        )
    return state


def read_metadata(data: bytes) -> dict[str, str]:
    """Return the metadata of an ONNX file; empty if the data are no ONNX file.

    Args:
        data: Content of the file.
    """
    try:
        entries = [data[value:end] for number, _, value, end in read_fields(data) if number == METADATA_FIELD]
        parts = [{number: entry[value:end] for number, _, value, end in read_fields(entry)} for entry in entries]
        return {part[_KEY_FIELD].decode(): part.get(_VALUE_FIELD, b"").decode() for part in parts}
    except (ValueError, KeyError):  # a UnicodeDecodeError is a ValueError
        return {}


def spec_in(metadata: Mapping[str, str], path: Path) -> GeneratorSpec:
    """Return the description of a filter that is in its metadata.

    Args:
        metadata: Metadata of the file.
        path: Path of the file, for messages.

    Raises:
        ArtifactError: The file is no filter of pix2style, or its description is damaged or of an unknown version.
    """
    if SPEC_KEY not in metadata:
        raise ArtifactError(
            f"{path}: is an ONNX file, but not a filter of pix2style (it has no {SPEC_KEY!r} in its metadata):"
            " expected a file that pix2style export wrote"
        )
    return GeneratorSpec.from_json(metadata[SPEC_KEY], source=str(path))
