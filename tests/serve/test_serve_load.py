"""Sound requests among hostile ones, to a real server: every sound one is answered right, and nothing is left."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("prometheus_client")
pytest.importorskip("python_multipart")

from pix2style import load_stylizer
from pix2style.images import Image8
from pix2style.runtime.stylize_data import stylize_data

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="benchmarks/serve_process.py looks into /proc, which only Linux has"
)
BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")
_LIMIT = 1_000_000
_OPTIONS = ("--workers", "2", "--max-mb", "1", "--max-body-seconds", "2", "--queue", "2")


@pytest.fixture(scope="module")
def benchmarks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield


@pytest.fixture(scope="module")
def jpeg(photos: Callable[..., list[Image8]]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(photos(1, 72, 96)[0]).save(stream, "JPEG", quality=90)
    return stream.getvalue()


@pytest.fixture(scope="module")
def good(benchmarks: None, photos: Callable[..., list[Image8]]) -> list[Any]:
    from serve_good_requests import GoodRequest

    requests = []
    for number, (query, suffix, settings) in enumerate(
        (
            ("great-wave", None, {}),
            ("poppies&strength=0.5", None, {"strength": 0.5}),
            ("great-wave:0.6,poppies:0.4&format=png", ".png", {}),
            ("poppies&preserve_color=true&format=webp", ".webp", {"preserve_color": True}),
        )
    ):
        stylizer = load_stylizer(query.partition("&")[0], **settings)
        for kind in ("JPEG", "PNG", "WEBP"):
            stream = io.BytesIO()
            Image.fromarray(photos(1, 40 + number, 64)[0]).save(stream, kind)
            expected = stylize_data(stylizer, stream.getvalue(), name="x", suffix=suffix).data
            requests.append(GoodRequest(f"/v1/stylize?filter={query}", stream.getvalue(), "text/html", expected, set()))
    return requests


def test_sound_requests_are_answered_right_among_hostile_ones(good: list[Any], jpeg: bytes, tmp_path: Path) -> None:
    from serve_hostile_connections import hostile_connections
    from serve_hostile_files import hostile_files
    from serve_load import Hostility, send_load
    from serve_process import ServerProcess

    # Heads of requests may take ten seconds, which a test does not wait for.
    connections = [
        connection
        for connection in hostile_connections(jpeg, _LIMIT, wait_s=60)
        if connection.name not in ("headers of a few bytes a second", "connection without a request")
    ]
    hostile = Hostility(hostile_files(jpeg, with_large=False), connections, share=0.6)
    with ServerProcess(tmp_path, ["great-wave", "poppies"], _OPTIONS) as server:
        before = server.usage()
        report = asyncio.run(send_load(server.port, good, hostile, requests=240, at_once=6, seed=1))
        for _ in range(1000):
            after = server.usage()
            if after.open_files <= before.open_files:
                break
        assert report.faults == {}
        assert report.good == 96
        assert sum(report.hostile.values()) == 144
        assert after.open_files <= before.open_files
        assert after.processes == before.processes
        assert server.metric("pix2style_requests_total") > 200
        assert "Traceback" not in server.log()
    assert server.process.returncode == 0
    assert server.leftovers() == []
