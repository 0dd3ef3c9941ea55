"""The configurations that come with pix2style, by name: `--config watercolor` takes `configs/watercolor.yaml`."""

from __future__ import annotations

import difflib
from pathlib import Path

from pix2style.errors import ConfigError

_PACKAGE = Path(__file__).parents[1]
_SUFFIXES = ("", ".yaml", ".yml")
# Configurations that would take weeks without a GPU, each with those that serve the same purpose on a CPU.
_INSTEAD_ON_CPU = {
    "watercolor": ("finetune", "watercolor-cpu"),
    "multi-style": ("real-input-cpu",),
    "johnson": ("finetune", "watercolor-cpu"),
}


def shipped_configs() -> dict[str, Path]:
    """Return the files of all configurations that come with pix2style, by their names.

    They lie inside the package where a wheel was installed, and beside it in a clone.
    """
    folders = (_PACKAGE / "configs", _PACKAGE.parent / "configs")
    folder = next((folder for folder in folders if folder.is_dir()), folders[0])
    return {path.stem: path for path in sorted(folder.glob("*.yaml"), key=lambda path: path.stem)}


def find_config(path: Path) -> Path:
    """Return the file that `--config` names: the file itself if there is one, else the shipped one of this name.

    Args:
        path: Path of a YAML file, or the name of a shipped configuration, with or without `.yaml`.

    Raises:
        ConfigError: There is no such file, and no shipped configuration has this name.
    """
    if path.exists() and not path.is_dir():  # also a pipe, such as bash's <(COMMAND)
        return path
    shipped = shipped_configs()
    name = path.name.removesuffix(".yaml").removesuffix(".yml")
    if len(path.parts) == 1 and name in shipped:
        return shipped[name]
    if path.exists():
        raise ConfigError(f"{path}: is a folder: name a YAML file")
    similar = difflib.get_close_matches(name, shipped, n=1, cutoff=0.6)
    advice = f"did you mean --config {similar[0]}?" if similar else f"shipped are {', '.join(shipped)}"
    raise ConfigError(f"{path}: there is no such file, and no shipped configuration of this name: {advice}")


def summary(path: Path) -> str:
    """Return the first sentence of the comment that a configuration file begins with; empty if it has none."""
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#") or not line.strip("# "):
            break
        lines.append(line.removeprefix("#").strip())
    text = " ".join(lines).replace(" et al. ", " et al.\N{NO-BREAK SPACE}")
    first, period, _ = text.partition(". ")
    return (first + period).strip().rstrip(":").replace("\N{NO-BREAK SPACE}", " ")


def instead_on_cpu(name: str) -> tuple[str, ...]:
    """Return the names of configurations to take on a machine without a GPU; empty if the named one suits it."""
    return _INSTEAD_ON_CPU.get(name, ())
