"""What the commands of the documentation find in the working folder: small photos, pairs, runs and filters."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from docs_program import SMALL_RUN, SPLITS, run_program

from pix2style.files import sha256_json
from pix2style.images import Image8, Picture, write_picture

Program = Callable[..., int]


@pytest.fixture(scope="session")
def magenta_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `XDG_CACHE_HOME` that holds a converted network which stands in for Magenta's.

    Its style vector is the mean colour of the painting, and it mixes that colour into the photo.
    """
    from onnx import TensorProto, checker, helper, save

    from pix2style.teachers.magenta.cache import fetch
    from pix2style.teachers.magenta.records import STYLE_FILE, TRANSFORMER_FILE, ConversionRecord, FileRecord

    def write(path: Path, nodes: list[object], inputs: dict[str, list[object]], output: list[object]) -> None:
        graph = helper.make_graph(
            nodes,
            path.stem,
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, output)],
            [helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5])],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        checker.check_model(model)
        save(model, path)

    folder = tmp_path_factory.mktemp("magenta") / "converted"
    folder.mkdir()
    image = ["batch", "height", "width", 3]
    mean = helper.make_node("ReduceMean", ["painting"], ["output"], axes=[1, 2], keepdims=1)
    write(folder / STYLE_FILE, [mean], {"painting": image}, ["batch", 1, 1, 3])
    mix = [
        helper.make_node("Add", ["photo", "vector"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["output"]),
    ]
    write(folder / TRANSFORMER_FILE, mix, {"photo": image, "vector": ["batch", 1, 1, 3]}, image)
    files = {name: FileRecord.of(folder / name) for name in (STYLE_FILE, TRANSFORMER_FILE)}
    ConversionRecord(sha256_json("stand-in"), 3, files, {"stand-in": "1"}).write(folder)

    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        patch.delenv("PIX2STYLE_MAGENTA", raising=False)
        fetch(str(folder))
    return cache


@pytest.fixture(scope="session")
def material(
    tmp_path_factory: pytest.TempPathFactory,
    magenta_cache: Path,
    photos: Callable[..., list[Image8]],
    vgg_to_conv3_1: Path,
    lite_file: Callable[..., Path],
) -> Path:
    """A folder with all that pages assume that a reader has: photos, paintings, pair sets, runs and filters."""
    folder = tmp_path_factory.mktemp("material")
    for number, photo in enumerate(photos(24, 104, 136)):
        part = "photos" if number < 16 else "more-photos"
        write_picture(folder / part / f"{number:02d}.jpg", Picture(photo))
    write_picture(folder / "photo.jpg", Picture(photos(30, 301, 517)[29]))  # several tiles, and no multiple of anything
    for name, color in {"painting.jpg": (200, 90, 40), "other.jpg": (30, 60, 180)}.items():
        write_picture(folder / name, Picture(np.full((64, 64, 3), color, np.uint8)))
    shutil.copy(vgg_to_conv3_1, folder / "vgg19_to_conv3_1.safetensors")
    shutil.copy(lite_file(), folder / "watercolor.onnx")
    shutil.copy(lite_file(styles=2), folder / "many.onnx")
    _write_clip(folder / "clip.mp4", photos(1, 72, 200)[0])
    shutil.copytree(folder / "more-photos", folder / "holiday")
    shutil.copy(folder / "clip.mp4", folder / "holiday" / "beach.mp4")
    made = ("make-pairs", "--content", "photos", "--size", "64", "--out")
    steps: list[tuple[str, ...]] = [
        (*made, "data/pairs/mine", "--style", "painting.jpg", *SPLITS),
        (*made, "data/pairs/blend", "--style", "other.jpg", *SPLITS),
        (*made, "data/pairs/two-styles", "--style", "painting.jpg", "--style", "other.jpg", "--each-style", *SPLITS),
    ]
    for name, generator in {"watercolor": "unet", "lite": "lite"}.items():
        steps.append(
            (
                *("train", "--pairs", "data/pairs/mine", "--out", f"runs/{name}", f"name={name}"),
                *(
                    f"model.generator={generator}",
                    "losses.perceptual.weight=0",
                    "losses.adversarial.weight=0",
                    *SMALL_RUN,
                ),
            )
        )
    steps.append(("export", "runs/lite", "-o", "lite.onnx"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(magenta_cache))
        patch.delenv("PIX2STYLE_MAGENTA", raising=False)
        for step in steps:
            assert run_program(folder, *step) == 0, step
    return folder


def _write_clip(path: Path, wide: Image8) -> None:
    """Write a clip of 1.2 seconds that pans over a photo."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
        for shift in range(30):
            frame = np.ascontiguousarray(wide[:, 2 * shift : 2 * shift + 128])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
