"""The worker pool does jobs as `infer` does, and says what is wrong with the others."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import signal
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pix2style import load_stylizer
from pix2style.errors import ConfigError, DataError, Pix2StyleError
from pix2style.images import KeepMetadata, encode_jpeg
from pix2style.loading import gallery_file
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.stylize_data import stylize_data
from pix2style.serve.jobs import BadPictureError, NotAPictureError, StylizeJob, TooManyPixelsError
from pix2style.serve.limits import ServeLimits
from pix2style.serve.pool import WorkerPool

from pictures import encoded, ramps  # isort: skip
from plain_filters import negative_graph, write_filter  # isort: skip
from pools import with_pool  # isort: skip

PHOTO = encode_jpeg(ramps())
FILTERS = ("great-wave", "ejiri")


def animation(kind: str = "GIF") -> bytes:
    first, second = Image.fromarray(ramps()), Image.fromarray(255 - ramps())
    return encoded(first, kind, save_all=True, append_images=[second])


def test_answers_are_what_infer_writes() -> None:
    """In any order of settings: those of one job leave nothing behind for the next one."""
    effects = {"stroke": 2.0, "look_px": 64, "preserve_color": True}
    all_metadata = FileSettings(lossless=True, metadata=KeepMetadata.ALL)
    cases: list[tuple[bytes, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        (PHOTO, {}, {}, {}),
        (PHOTO, {"filter": "ejiri", "strength": 0.5}, {"strength": 0.5}, {}),
        (PHOTO, {"filter": "great-wave:0.6,ejiri:0.4"}, {}, {}),
        (PHOTO, {"filter": "great-wave,ejiri", "strength": 0.25}, {"strength": 0.25}, {}),
        (PHOTO, effects, effects, {}),
        (PHOTO, {"suffix": ".png"}, {}, {"suffix": ".png"}),
        (
            PHOTO,
            {"suffix": ".webp", "lossless": True, "metadata": "all"},
            {},
            {"suffix": ".webp", "files": all_metadata},
        ),
        (PHOTO, {"quality": 70}, {}, {"jpeg_quality": 70}),
        (animation(), {}, {}, {}),
        (animation("TIFF"), {}, {}, {}),
        (PHOTO, {}, {}, {}),
    ]

    async def use(pool: WorkerPool) -> None:
        for data, settings, load, write in cases:
            answer = await pool.stylize(StylizeJob(data, **{"filter": "great-wave", **settings}))
            stylizer = load_stylizer(settings.get("filter", "great-wave"), **load)
            made = stylize_data(stylizer, data, name="x", **write)
            assert answer.data == made.data, settings
            assert (answer.width_px, answer.height_px) == (60, 40)
            assert answer.media_type == f"image/{Image.open(io.BytesIO(made.data)).format}".lower()
            assert min(answer.queue_s, answer.decode_s, answer.stylize_s, answer.encode_s) > 0

    with_pool(use, filters=FILTERS)


def header_of_png(width: int, height: int) -> bytes:
    """The beginning of a PNG file that says how large it is."""
    header = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    file = b"\x89PNG\r\n\x1a\n"
    for chunk in (header, b"IDAT" + zlib.compress(bytes(1000))):
        file += len(chunk[4:]).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return file


def test_each_error_is_one_sentence_of_its_kind() -> None:
    page = Image.new("L", (60, 40))
    pages = encoded(page, "TIFF", save_all=True, append_images=[page] * 9)
    cases: list[tuple[bytes, dict[str, Any], type[Pix2StyleError], str]] = [
        (b"", {}, BadPictureError, "the picture: the file is empty"),
        (b"a text", {}, NotAPictureError, "the picture: not a picture in a known format"),
        (b"<svg/>", {}, NotAPictureError, "not a picture"),
        (PHOTO[:-400], {}, BadPictureError, "the picture: damaged or cut off"),
        (header_of_png(4000, 3000), {}, TooManyPixelsError, "the picture: 4000x3000 is more than 9000 pixels"),
        (header_of_png(30000, 30000), {}, TooManyPixelsError, "more than 9000 pixels"),
        (pages, {}, TooManyPixelsError, "the first 4 of 10 pages"),
        (animation(), {"suffix": ".jpg"}, DataError, "the picture.jpg: cannot be written"),
        (PHOTO, {"strength": 1.5}, ConfigError, "strength is 1.5"),
        (PHOTO, {"strength": float("nan")}, ConfigError, "strength is nan"),
        (PHOTO, {"stroke": 9.0}, ConfigError, "stroke is 9"),
        (PHOTO, {"look_px": 1}, ConfigError, "look is 1"),
        (PHOTO, {"suffix": ".jpg", "lossless": True}, ConfigError, "lossless"),
        (PHOTO, {"style": "0"}, ConfigError, "great-wave has only one style"),
        (PHOTO, {"filter": "../great-wave.onnx"}, ConfigError, "not served here: did you mean great-wave"),
    ]

    async def use(pool: WorkerPool) -> None:
        for data, settings, kind, words in cases:
            with pytest.raises(Pix2StyleError) as caught:
                await pool.stylize(StylizeJob(data, **{"filter": "great-wave", **settings}))
            assert type(caught.value) is kind, (words, caught.value)
            assert words in str(caught.value)
            assert "\n" not in str(caught.value)
            assert "/" not in str(caught.value).replace("../", "")
        await pool.stylize(StylizeJob(PHOTO, "great-wave"))
        assert (pool.counts.workers_replaced, pool.counts.jobs_lost) == (0, 0)

    with_pool(use, ServeLimits(pixels=9000))


def test_two_workers_work_at_the_same_time() -> None:
    async def use(pool: WorkerPool) -> None:
        while pool.counts.workers_ready < 2:
            await asyncio.sleep(0.005)
        jobs = [asyncio.create_task(pool.stylize(StylizeJob(PHOTO, "great-wave"))) for _ in range(6)]
        await asyncio.sleep(0)
        assert (pool.counts.in_flight, pool.counts.queued) == (6, 4)
        answers = await asyncio.gather(*jobs)
        assert len({answer.data for answer in answers}) == 1

    with_pool(use, workers=2)


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process by a signal")
def test_a_filter_that_was_changed_since_is_not_used(tmp_path: Path) -> None:
    """All workers use the file that was there when the server was started, or none does."""
    file, other = tmp_path / "wave.onnx", tmp_path / "other.onnx"
    shutil.copy(gallery_file("great-wave"), file)
    shutil.copy(gallery_file("poppies"), other)

    async def use(pool: WorkerPool) -> None:
        shutil.copy(gallery_file("ejiri"), other)
        os.kill(pool.worker_pids[0], signal.SIGKILL)
        async with asyncio.timeout(20):
            while not pool.counts.workers_replaced:
                await asyncio.sleep(0.005)
        assert (await pool.stylize(StylizeJob(PHOTO, "wave"))).width_px == 60
        with pytest.raises(Pix2StyleError, match=r"^filter other: its file was changed after the start of the server"):
            await pool.stylize(StylizeJob(PHOTO, "other"))

    with_pool(use, filters=[str(file), str(other)])


def test_a_filter_that_cannot_be_loaded_is_an_error_at_the_start(tmp_path: Path) -> None:
    graph = negative_graph()
    graph.opset_import[0].version = 999
    file = write_filter(tmp_path / "new.onnx", graph, has_proof=False)
    with pytest.raises(Pix2StyleError, match=r"new\.onnx: ONNX Runtime .* cannot load it"):
        with_pool(lambda pool: pool.stylize(StylizeJob(PHOTO, "new")), filters=["great-wave", str(file)])
