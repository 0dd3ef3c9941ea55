"""Every command and every Python example of the documentation is run, or says above it what it needs.

A page's blocks run in order in one folder, which holds what the page assumes (`ASSUMES`). So that they take seconds,
the commands get smaller settings first (`SMALLER`), and some of their words are replaced (`INSTEAD`).
"""

from __future__ import annotations

import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from docs_program import SMALL_FEATURES, SMALL_RUN, SPLITS, run_program
from pages import KNOWN_LANGUAGES, PAGES, ROOT, SHELL_LANGUAGES, Block, blocks_of

from pix2style.images import read_picture
from pix2style.runtime.onnx_stylizer import OnnxStylizer

# What a reader of the page has before the first command, besides a clone of the repository.
ASSUMES = {
    "README.md": ("photos", "photo.jpg", "painting.jpg"),
    "CONTRIBUTING.md": (),
    "docs/tutorial.md": ("photos", "photo.jpg", "painting.jpg"),
    "docs/gallery.md": ("photo.jpg",),
    "docs/guides/make-pairs.md": ("photos", "painting.jpg", "other.jpg"),
    "docs/guides/magenta.md": (),
    "docs/guides/install.md": (),
    "docs/guides/check-pairs.md": ("data/pairs/mine",),
    "docs/guides/train.md": (
        *("photos", "painting.jpg", "runs/watercolor", "vgg19_to_conv3_1.safetensors"),
        *("data/pairs/mine", "data/pairs/two-styles", "data/pairs/blend"),
    ),
    "docs/guides/distill-and-export.md": (
        *("data/pairs/mine", "more-photos", "runs/watercolor", "vgg19_to_conv3_1.safetensors"),
    ),
    "docs/guides/measure.md": (
        *("photos", "photo.jpg", "painting.jpg", "data/pairs/mine", "runs/lite", "lite.onnx", "watercolor.onnx"),
        "vgg19_to_conv3_1.safetensors",
    ),
    "docs/guides/judge.md": ("photos", "watercolor.onnx"),
    "docs/guides/use-a-filter.md": ("photos", "photo.jpg", "watercolor.onnx", "many.onnx"),
    "docs/guides/video.md": ("clip.mp4", "holiday", "watercolor.onnx", "many.onnx"),
    "docs/guides/live.md": ("watercolor.onnx", "clip.mp4"),
    "docs/guides/studio.md": (),
    "docs/guides/web-page.md": ("watercolor.onnx",),
    "docs/guides/editors.md": (),
    "docs/guides/scale-out.md": ("photos", "painting.jpg"),
    "docs/reference/python.md": ("watercolor.onnx",),
}
# Arguments that a command gets before its own: the first pattern that fits counts.
SMALLER = (
    (r"pix2style make-pairs\b", SPLITS),
    (r"pix2style train .*losses\.features\.network=autoencoder", SMALL_RUN),
    (r"pix2style (train|distill) ", (*SMALL_RUN, *SMALL_FEATURES)),
    (r"pix2style train-features\b", ("--steps", "2")),
)
# Words of commands, and what stands in for them.
INSTEAD = {
    # The tests have an environment already. The smallest time that quickstart takes is 0.5 minutes.
    r"^python3 -m pip install -q uv && python3 -m uv run --frozen --no-dev --extra painting --extra vgg ": "",
    r"^python3 -m pip install \. && ": "",
    r"--minutes (8|60)\b": "--minutes 0.5",
    r"pix2style quickstart --style painting.jpg$": r"\g<0> --minutes 0.5 --content photos",
    r"--minutes 2\b": "--minutes 0.1",
    r"train\.minutes=(5|10)\b": "train.minutes=0.2",
    r"train\.images=2000": "train.images=8",
    r"train\.images=4000": "train.images=16",
    r"distill\.budget\.ms_512=10": "distill.budget.ms_512=1000 distill.budget.channels=[8] distill.budget.blocks=[1]",
    r"(pix2style stylize .*) --steps 100$": (
        r"\1 --steps 2 --max-side 64 --preset shallow --weights vgg19_to_conv3_1.safetensors"
    ),
}
# Commands that something else runs.
ELSEWHERE = {
    "README.md": ("uv run --frozen --all-extras pytest",),  # the gate, .ci/run
    "docs/guides/scale-out.md": ("bash pipelines/small.sh",),  # the gate, .ci/run
}
ALL_BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def is_run(block: Block) -> bool:
    """Whether this file runs the block."""
    return block.language in {*SHELL_LANGUAGES, "python"} and not block.needs


PAGES_THAT_RUN = list(dict.fromkeys(block.page for block in ALL_BLOCKS if is_run(block)))


@pytest.mark.parametrize("block", ALL_BLOCKS, ids=lambda block: f"{block.page}:{block.line}")
def test_every_block_says_its_language(block: Block) -> None:
    assert block.language in KNOWN_LANGUAGES, f"{block.page}:{block.line}: name the language after the fence"
    if block.language in {"text", "html"}:
        assert not block.text.lstrip().startswith(("pix2style ", "$ ")), "a command belongs into a bash block"


@pytest.mark.parametrize("page", PAGES)
def test_no_block_of_bash_hides_in_a_nameless_fence(page: str) -> None:
    fences = len(re.findall(r"^ *```", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE))
    assert fences == 2 * len(blocks_of(page)), "a fence is not closed, or is indented otherwise than its end"


@pytest.mark.parametrize("page", PAGES)
def test_what_the_reference_describes_can_be_imported(page: str) -> None:
    for name in re.findall(r"^(?:::: |<!-- fields: )([\w.]+)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE):
        assert pkgutil.resolve_name(name) is not None


def test_the_architecture_page_has_every_package() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    page = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    for contract in contracts:
        for layer in contract.get("layers", ()):
            for name in layer.split(" | "):
                assert name == "__main__" or f"`{name}/`" in page or f"`{name}.py`" in page, name


@pytest.mark.timeout(900)  # a page may run a dozen commands, and the machine may be busy
@pytest.mark.parametrize("page", PAGES_THAT_RUN)
def test_page(page: str, material: Path, magenta_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page in ASSUMES, f"{page}: has commands: say in ASSUMES what they find in the working folder"
    _prepare(tmp_path, material, ASSUMES[page])
    monkeypatch.setenv("XDG_CACHE_HOME", str(magenta_cache))
    monkeypatch.delenv("PIX2STYLE_MAGENTA", raising=False)
    monkeypatch.setenv("PATH", f"{_programs(tmp_path)}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for block in blocks_of(page):
        if block.language == "python" and block.title:
            (tmp_path / block.title).write_text(block.text)  # a file that the reader saves
        elif block.language == "python":
            _run_python(block, tmp_path)
        elif is_run(block):
            for command in block.commands:
                _run_command(block, command, tmp_path)


def _prepare(folder: Path, material: Path, names: tuple[str, ...]) -> None:
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (material / name).is_dir():
            shutil.copytree(material / name, target)
        else:
            shutil.copy(material / name, target)
    for name in ("configs", "pipelines", "benchmarks", "pix2style", "docs", "mkdocs.yml"):
        (folder / name).symlink_to(ROOT / name)


def _programs(folder: Path) -> Path:
    """Return a folder with the program `pix2style` of this checkout, for commands that a shell has to run."""
    programs = folder / ".bin"
    programs.mkdir()
    script = programs / "pix2style"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m pix2style "$@"\n')
    script.chmod(0o755)
    return programs


def _run_command(block: Block, command: str, folder: Path) -> None:
    if any(text in command for text in ELSEWHERE.get(block.page, ())):
        return
    small = command
    for pattern, replacement in INSTEAD.items():
        small = re.sub(pattern, replacement, small)
    extra = next((words for pattern, words in SMALLER if re.match(pattern, small)), ())
    words = shlex.split(small)
    if words[0] == "pix2style" and not set("|;&<>$`") & set(small):
        words[2:2] = extra
        code = run_program(folder, *words[1:])
    else:
        code = subprocess.run(["bash", "-ec", small], cwd=folder, check=False).returncode
    assert code == 0, f"{block.page}:{block.line}: exit code {code}: {command}\n(run as: {shlex.join(words)})"


def _run_python(block: Block, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", block.text], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), f"{block.page}:{block.line}: {done.stderr}"
    stylized, half = folder / "stylized.png", folder / "half.png"
    if "stylized.png" in block.text:
        photo = read_picture(folder / "photo.jpg").rgb
        expected = OnnxStylizer(folder / "watercolor.onnx", tile=0)(photo)
        difference = np.abs(read_picture(stylized).rgb.astype(int) - expected)
        # OpenCV adds in another order, and may round otherwise.
        assert difference.max() <= (1 if "cv2" in block.text else 0)
        assert (difference > 0).mean() < 0.001
        stylized.unlink()
    if "half.png" in block.text:
        assert np.array_equal(read_picture(half).rgb, OnnxStylizer(folder / "watercolor.onnx", strength=0.5)(photo))
