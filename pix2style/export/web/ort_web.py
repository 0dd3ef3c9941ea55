"""The files of ONNX Runtime Web: from a folder or package that the user names, from the user's cache, or from npm."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pix2style.errors import ArtifactError
from pix2style.files import atomic_path, sha256_bytes, user_cache_folder
from pix2style.progress import print_note

VERSION = "1.30.0"
PACKAGE = f"onnxruntime-web@{VERSION}"
# The digest that npm's registry states for the package.
_INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
_NPM_TIMEOUT_S = 600
_LONGEST_REASON = 300

Backend = Literal["wasm", "webgpu"]
Part = Literal["script", "loader", "binary"]
FILES: Mapping[Backend, Mapping[Part, str]] = {
    "wasm": {
        "script": "ort.wasm.min.mjs",
        "loader": "ort-wasm-simd-threaded.mjs",
        "binary": "ort-wasm-simd-threaded.wasm",
    },
    "webgpu": {
        "script": "ort.webgpu.min.mjs",
        "loader": "ort-wasm-simd-threaded.asyncify.mjs",
        "binary": "ort-wasm-simd-threaded.asyncify.wasm",
    },
}
"""Files of the package that a page needs, for the processor and for the graphics card."""
_SHA256: Mapping[str, str] = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    "ort.webgpu.min.mjs": "3dffff71811bc13a3a3d9591c57ca5ee5735b8f5f3eaf789510b02bb040ae3a0",
    "ort-wasm-simd-threaded.asyncify.mjs": "3d1c85995364bb643302fc6fd877a0c3ba5ae72401815e0f24828a53d9191e28",
    "ort-wasm-simd-threaded.asyncify.wasm": "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da",
}


@dataclass(frozen=True, slots=True)
class OrtWeb:
    """The files of ONNX Runtime Web.

    Attributes:
        folder: Folder with the files that `FILES` names.
        is_tested: Whether they are of the version that pages are tested with.
    """

    folder: Path
    is_tested: bool = True

    @property
    def version(self) -> str:
        """Version of the files, in words."""
        return VERSION if self.is_tested else "unknown"

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            ArtifactError: The file is missing or cannot be read.
        """
        return _read(self.folder / name, self.folder)


def find_ort_web(source: Path | None = None) -> OrtWeb:
    """Find the files of ONNX Runtime Web. npm is asked only if no source is named and the cache lacks them.

    Args:
        source: Folder of the package (or its folder `dist`), or the package as npm packs it (`.tgz`); None for the
            user's cache and npm.

    Raises:
        ArtifactError: The files are not there and npm could not bring them, or they are damaged. The message says what
            to do.
    """
    if source is not None and source.is_dir():
        return _in_folder(source)
    if source is not None and not source.exists():
        raise ArtifactError(f"{source}: does not exist: name the folder or package that {_how_to_get()} gives")
    cache = user_cache_folder() / "onnxruntime-web" / VERSION
    if source is not None:
        _unpack(source, cache)
    elif not _is_complete(cache):
        _fetch(cache)
    return OrtWeb(cache)


def _in_folder(source: Path) -> OrtWeb:
    folder = source / "dist" if (source / "dist").is_dir() else source
    names = [name for files in FILES.values() for name in files.values()]
    is_tested = all(sha256_bytes(_read(folder / name, source)) == _SHA256[name] for name in names)
    if not is_tested:
        print_note(f"{source}: is not {PACKAGE}, which the page was tested with: try the page before you publish it")
    return OrtWeb(folder, is_tested)


def _read(path: Path, source: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"{source}: {path.name} of ONNX Runtime Web cannot be read ({error.strerror or error}): name the folder or"
            f" package that {_how_to_get()} gives"
        ) from error


def _is_complete(cache: Path) -> bool:
    """Return whether the cache holds all files, undamaged."""
    try:
        return all(sha256_bytes((cache / name).read_bytes()) == digest for name, digest in _SHA256.items())
    except OSError:
        return False


def _how_to_get() -> str:
    return f"`npm pack {PACKAGE}`"


def _other_way() -> str:
    return (
        f"on a machine with npm and a network run {_how_to_get()}, and give the file that it writes by --ort-web FILE"
    )


def _fetch(cache: Path) -> None:
    """Let npm bring the package, and unpack it into the cache."""
    npm = shutil.which("npm")
    if npm is None:
        raise ArtifactError(
            f"the page needs the files of {PACKAGE}, and npm, which brings them, is not installed: install npm"
            f" (https://nodejs.org), or {_other_way()}"
        )
    print_note(f"npm brings {PACKAGE} (33 MB, once; kept in {cache})")
    with tempfile.TemporaryDirectory(prefix="pix2style-") as folder:
        _unpack(_pack(npm, Path(folder)), cache)


def _pack(npm: str, folder: Path) -> Path:
    command = [npm, "pack", PACKAGE, "--json", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(  # noqa: S603 - npm as it was found
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=_NPM_TIMEOUT_S, check=False
        )
        reason = _npm_reason(done)
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    packages = list(folder.glob("*.tgz"))
    if reason or not packages:
        raise ArtifactError(f"npm could not bring {PACKAGE} ({reason or 'it wrote no file'}): {_other_way()}")
    return packages[0]


def _npm_reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return why npm failed; empty if it did not. With `--json` npm writes its error on stdout, in newer versions."""
    if done.returncode == 0:
        return ""
    try:
        error = json.loads(done.stdout)["error"]
        reason = str(error.get("summary") or error.get("code"))
    except (ValueError, KeyError, TypeError, AttributeError):
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        reason = next(
            (line for line in lines if "code" in line), lines[-1] if lines else f"exit code {done.returncode}"
        )
    return " ".join(reason.split())[:_LONGEST_REASON]


def _unpack(package: Path, cache: Path) -> None:
    """Check the digest of a package, and write the files that are needed into the cache.

    Raises:
        ArtifactError: The package is another one or damaged, or the cache cannot be written.
    """
    data = _read(package, package)
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if integrity != _INTEGRITY:
        raise ArtifactError(
            f"{package}: is not {PACKAGE}, or is damaged (its digest differs): {_how_to_get()} writes the right file"
        )
    try:
        with tarfile.open(package) as archive:
            for name in _SHA256:
                member = archive.extractfile(f"package/dist/{name}")
                assert member is not None  # noqa: S101 - the digest says what is in the package
                with atomic_path(cache / name) as temporary:
                    temporary.write_bytes(member.read())
    except OSError as error:
        raise ArtifactError(f"{cache}: cannot be written: {error.strerror or error}") from error
