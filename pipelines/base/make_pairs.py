"""Make the pair sets that the base is trained on: free photos, stylized in many styles.

    python pipelines/base/make_pairs.py --material data/base --out data/base/pairs

The mobile network (extra `painting`) stylizes in the styles of the paintings, of cut, recoloured and inverted copies of
them, and of blends. With --network and --styles, another network of Magenta's stylizes in the styles of some more
paintings and in blends of them: the base that ships with pix2style saw Magenta's 26-style network, too. Beside each set
lies SET.style_vectors.json, the style vector of each of its styles by the mobile network, for `train_base.py`.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pix2style.pairs.format.reader import PairReader
from pix2style.teachers.magenta.mobile.wheel import SOURCE_SHA256
from pix2style.teachers.magenta.style_vector import painting_vector
from pix2style.teachers.style import StyleBlend

_COPY_PX = 256  # the style network sees paintings at this size
_SEED = 11
_BLENDS, _BLENDS_OF_OTHER = 48, 40
_PAIRS: dict[str, Any] = {
    "teacher": "magenta",
    "fit": "fit",
    "size": 448,
    "format": "jpeg",
    "val_share": 0.0,
    "test_share": 0.0,
    "variants": 1,
}
Style = dict[str, Any]
Pixels = NDArray[np.uint8]


def varied_copies(painting: Path, folder: Path, rng: random.Random) -> list[Path]:
    """Write six copies of a painting: whole, detail, two recoloured ones, inverted, and with more contrast."""
    image = cv2.imread(str(painting))

    def cut(share: float) -> Pixels:
        height, width = image.shape[:2]
        side = int(min(height, width) * share)
        top, left = rng.randrange(height - side + 1), rng.randrange(width - side + 1)
        return image[top : top + side, left : left + side]

    def recolored(pixels: Pixels) -> Pixels:
        hsv = cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV).astype(int)
        hsv[..., 0] = (hsv[..., 0] + rng.randrange(60, 300) // 2) % 180
        hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.5, 1.5), 0, 255)
        return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)

    contrast = cv2.convertScaleAbs(cut(0.7), alpha=rng.uniform(1.2, 1.6), beta=rng.uniform(-60, 20))
    copies = [cut(0.98), cut(0.45), recolored(cut(0.8)), recolored(cut(0.5)), 255 - cut(0.7), contrast]
    files = [folder / f"{painting.stem[:30]}-{number}.png" for number in range(len(copies))]
    for file, pixels in zip(files, copies, strict=True):
        cv2.imwrite(str(file), cv2.resize(pixels, (_COPY_PX, _COPY_PX), interpolation=cv2.INTER_AREA))
    return files


def styles_of(paintings: list[Path]) -> list[Style]:
    """Return one style for each painting."""
    return [{"paintings": [str(path)], "name": path.stem} for path in paintings]


def blends_of(paintings: list[Path], count: int, rng: random.Random) -> list[Style]:
    """Return blends of two paintings each."""
    styles = []
    for number in range(count):
        pair, share = rng.sample(paintings, 2), rng.uniform(0.25, 0.75)
        styles.append(
            {"paintings": [str(path) for path in pair], "weights": [share, 1 - share], "name": f"blend{number:02d}"}
        )
    return styles


def make_set(out: Path, photos: Path, module: str, styles: list[Style], styles_per_photo: int) -> None:
    """Run make-pairs, and write the style vectors beside the set."""
    pairs = {**_PAIRS, "path": str(out), "content": [str(photos)], "module": module, "styles": styles}
    pairs["styles_per_photo"] = styles_per_photo
    out.parent.mkdir(parents=True, exist_ok=True)
    config = out.with_suffix(".json")
    config.write_text(json.dumps({"name": out.name, "pairs": pairs}, indent=1))
    subprocess.run([sys.executable, "-m", "pix2style", "make-pairs", "--config", str(config)], check=True)
    teacher_sha256 = PairReader(out).manifest.teachers[0].sha256
    vectors = {style["name"]: _vector(style, teacher_sha256) for style in styles}
    out.with_suffix(".style_vectors.json").write_text(json.dumps(vectors))


def _vector(style: Style, teacher_sha256: str) -> list[float]:
    paintings = tuple(Path(path) for path in style["paintings"])
    weights = tuple(style.get("weights", [1.0] * len(paintings)))
    vector = painting_vector(StyleBlend(style["name"], paintings, weights), teacher_sha256=teacher_sha256)
    if vector is None:
        raise SystemExit("the mobile network is not installed: pip install '.[painting]'")
    return [float(number) for number in vector]


def main() -> None:
    """Read the arguments, and make one or two pair sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--material", type=Path, required=True, help="folder that fetch_material.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pair sets")
    parser.add_argument("--network", help="another network of Magenta's, as pairs.module names it")
    parser.add_argument("--styles", type=Path, nargs="*", default=[], help="paintings for that network")
    arguments = parser.parse_args()
    rng = random.Random(_SEED)  # noqa: S311 (not for cryptography)
    photos = arguments.material / "photos"
    copies_folder = arguments.out / "paintings"
    copies_folder.mkdir(parents=True, exist_ok=True)
    copies: list[Path] = []
    for painting in sorted((arguments.material / "paintings").glob("*.jpg")):
        copies += varied_copies(painting, copies_folder, rng)
    print(f"mobile network {SOURCE_SHA256[:12]}: {len(copies)} paintings and {_BLENDS} blends")
    make_set(arguments.out / "mobile", photos, "mobile", styles_of(copies) + blends_of(copies, _BLENDS, rng), 6)
    if arguments.network:
        make_set(arguments.out / "other", photos, arguments.network, styles_of(arguments.styles), 3)
        blends = blends_of(arguments.styles, _BLENDS_OF_OTHER, rng)
        make_set(arguments.out / "other-blends", photos, arguments.network, blends, 4)


if __name__ == "__main__":
    main()
