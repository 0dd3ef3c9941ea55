"""The command that installs an extra of pix2style, or another package, into this environment.

pix2style is on no package index. Its extras are installed from where it was installed itself: a clone, a repository or
a wheel file.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent
NAME = "pix2style"


def install_extras(*extras: str) -> str:
    """Return the command that installs extras, such as `pip install ".[train]"`, with a remark if it needs one.

    Args:
        extras: Names of the extras.
    """
    names = ",".join(extras)
    requirement = _requirement(names)
    if requirement is None:
        return install_command(f".[{names}]") + " (in a clone of pix2style)"
    return install_command(requirement)


def install_command(requirement: str, *options: str) -> str:
    """Return the command that installs a package into the environment of this Python.

    Args:
        requirement: What pip takes, such as `name==1.0`.
        options: Options of `pip install`.
    """
    words = " ".join([_installer(), *options])
    return f'{words} "{requirement}"'


def source() -> str:
    """Return the clone that runs, or what pix2style was installed from, or its own folder if that is not known."""
    return str(_clone() or _direct_url().get("url") or _PACKAGE)


def project_table() -> dict[str, Any]:
    """Return the table `project` of pyproject.toml if the package lies in a clone; empty if it was installed."""
    clone = _clone()
    if clone is None:
        return {}
    import tomllib

    table: dict[str, Any] = tomllib.loads((clone / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def _installer() -> str:
    """Return the words before the name of a package: pip's, or uv's in an environment without pip, as uv makes them."""
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    if importlib.util.find_spec("pip") is None:
        return f"uv pip install --python {python}"
    import shutil  # brings several compressors along

    for name in ("pip", "pip3"):
        path = shutil.which(name)
        if path is not None and Path(path).parent == Path(sys.executable).parent:
            return f"{name} install"
    return f"{python} -m pip install"


def _requirement(extras: str) -> str | None:
    """Return what pip takes for pix2style with extras; None if it is not known where pix2style came from."""
    clone = _clone()
    if clone is not None:
        return f"{'.' if clone == Path.cwd() else clone}[{extras}]"
    direct = _direct_url()
    url = str(direct.get("url", ""))
    if "vcs_info" in direct:
        vcs = direct["vcs_info"]
        return f"{NAME}[{extras}] @ {vcs['vcs']}+{url}@{vcs['commit_id']}"
    path = _local_path(url)
    if path is not None and path.is_file():
        return f"{path}[{extras}]"
    if path is not None and (path / "pyproject.toml").is_file():
        return f"{'.' if path == Path.cwd() else path}[{extras}]"
    return f"{NAME}[{extras}] @ {url}" if url.startswith(("http://", "https://")) else None


def _direct_url() -> dict[str, Any]:
    """Return what the installer recorded about the source (PEP 610); empty if it recorded nothing."""
    from importlib import metadata  # takes as long as all that --help needs

    try:
        text = metadata.distribution(NAME).read_text("direct_url.json")
        values = json.loads(text or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _local_path(url: str) -> Path | None:
    if not url.startswith("file:"):
        return None
    from urllib.request import url2pathname

    return Path(url2pathname(url.removeprefix("file:").removeprefix("//")))


def _clone() -> Path | None:
    """Return the clone that the package lies in; None if it was installed elsewhere."""
    try:
        is_clone = f'name = "{NAME}"' in (_PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return None
    return _PACKAGE.parent if is_clone else None
