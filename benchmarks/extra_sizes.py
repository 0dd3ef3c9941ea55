"""How large pix2style's extras are: downloads from `uv.lock`, installed sizes from this environment.

    python -m uv sync --frozen --all-extras && python benchmarks/extra_sizes.py

Sizes hold for Linux on x86-64 and the Python that runs this. Writes benchmarks/results/extra_sizes.md.
"""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.markers import Marker, default_environment
from packaging.tags import sys_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/extra_sizes.md"
CHOICES = {
    "none (run filters)": (),
    "`pairs`": ("pairs",),
    "`painting`": ("painting",),
    "`train`": ("train",),
    "`vgg` (with `train`)": ("vgg",),
    "`painting`, `vgg`: quickstart": ("painting", "vgg"),
    "`magenta` (TensorFlow)": ("magenta",),
    "`convert`": ("convert",),
    "`parquet`": ("parquet",),
    "`data`": ("data",),
    "`ray`": ("ray",),
    "`hub` (with `train`)": ("hub",),
    "`tensorboard` (with `train`)": ("tensorboard",),
    "`metrics` (with `train`)": ("metrics",),
    "`heif`": ("heif",),
    "`video`": ("video",),
    "`live` (with `video`)": ("live",),
    "`openvino`": ("openvino",),
    "`studio`": ("studio",),
    "`serve`": ("serve",),
    "all": ("all",),
}


class Lock:
    """The packages of `uv.lock`, by name."""

    def __init__(self) -> None:
        text = (ROOT / "uv.lock").read_text(encoding="utf-8")
        self._ranks = {tag: rank for rank, tag in enumerate(sys_tags())}
        self._environment = {key: str(value) for key, value in default_environment().items()}
        # A package may have a version for each range of Pythons.
        self._packages = {
            package["name"]: package
            for package in tomllib.loads(text)["package"]
            if any(
                Marker(text).evaluate(self._environment)
                for text in package.get("resolution-markers", ["python_version > '3'"])
            )
        }

    def _is_for_this_python(self, markers: list[str]) -> bool:
        """Return whether a version of a package is for this Python: a package may have one for each range of them."""
        return not markers or any(Marker(marker).evaluate(self._environment) for marker in markers)

    def closure(self, extras: tuple[str, ...]) -> set[str]:
        """Return the names of all packages that pix2style with these extras needs on this machine."""
        seen: set[tuple[str, str]] = set()
        waiting = [("pix2style", ""), *(("pix2style", extra) for extra in extras)]
        while waiting:
            name, extra = waiting.pop()
            if (name, extra) in seen or name not in self._packages:
                continue
            seen.add((name, extra))
            package = self._packages[name]
            needs = (
                package.get("optional-dependencies", {}).get(extra, []) if extra else package.get("dependencies", [])
            )
            for need in needs:
                if "marker" not in need or Marker(need["marker"]).evaluate(self._environment):
                    waiting += [(need["name"], ""), *((need["name"], inner) for inner in need.get("extra", []))]
        return {name for name, _ in seen} - {"pix2style"}

    def download_bytes(self, name: str) -> int:
        """Return the size of the wheel that pip would take, or of the source archive."""
        package: dict[str, Any] = self._packages[name]
        ranked = []
        for wheel in package.get("wheels", []):
            tags = parse_wheel_filename(wheel.get("filename") or wheel["url"].rpartition("/")[2])[3]
            ranks = [self._ranks[tag] for tag in tags if tag in self._ranks]
            if ranks:
                ranked.append((min(ranks), wheel.get("size", 0)))
        return min(ranked)[1] if ranked else package.get("sdist", {}).get("size", 0)


def installed_bytes(name: str) -> int:
    """Return the size of the files that an installed package has; 0 if it is not installed here."""
    try:
        files = metadata.distribution(name).files or []
    except metadata.PackageNotFoundError:
        return 0
    return sum(Path(str(file.locate())).stat().st_size for file in files if Path(str(file.locate())).is_file())


def main() -> None:
    """Print and write the table."""
    lock = Lock()
    rows = [
        "| Extras | packages | download, MB | installed, MB | of these CUDA libraries, MB |",
        "|---|---|---|---|---|",
    ]
    sizes: dict[str, int] = {}
    for label, extras in CHOICES.items():
        names = lock.closure(extras)
        for name in names - sizes.keys():
            sizes[name] = installed_bytes(canonicalize_name(name))
        cuda = sum(sizes[name] for name in names if name.startswith(("nvidia-", "cuda-", "triton")))
        download = sum(map(lock.download_bytes, names))
        installed = sum(sizes[name] for name in names)
        rows.append(f"| {label} | {len(names)} | {download / 1e6:.0f} | {installed / 1e6:.0f} | {cuda / 1e6:.0f} |")
    absent = sorted(name for name, size in sizes.items() if size == 0)
    table = "\n".join(rows)
    print(table)
    if absent:
        print("not installed here, so not in the sizes:", ", ".join(absent))
    text = f"# Sizes of the extras\n\n`python benchmarks/extra_sizes.py`, Linux on x86-64.\n\n{table}\n"
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
