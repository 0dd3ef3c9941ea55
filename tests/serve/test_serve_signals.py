"""What becomes of a real server and its requests when its processes are killed, and when it is told to end."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("prometheus_client")
pytest.importorskip("python_multipart")

from pix2style.images import Image8

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="benchmarks/serve_process.py looks into /proc, which only Linux has"
)
BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture(scope="module")
def benchmarks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield


@pytest.fixture(scope="module")
def pictures(photos: Callable[..., list[Image8]]) -> list[bytes]:
    encoded = []
    for photo in [*photos(2, 240, 320), *photos(1, 900, 1100)]:
        stream = io.BytesIO()
        Image.fromarray(photo).save(stream, "JPEG")
        encoded.append(stream.getvalue())
    return encoded


def test_kill_9_of_the_front_leaves_no_process_no_file_and_the_port(
    benchmarks: None, pictures: list[bytes], tmp_path: Path
) -> None:
    from serve_signals import kill_front

    report = asyncio.run(kill_front(tmp_path, ["great-wave"], ["--workers", "1"], pictures[:2], 0.2))
    assert report.processes >= 2
    assert report.gone_s < float("inf")
    assert report.leftovers == []


def test_only_requests_of_a_killed_worker_are_lost_and_sigterm_finishes_the_others(
    benchmarks: None, pictures: list[bytes], tmp_path: Path
) -> None:
    from serve_process import ServerProcess
    from serve_signals import kill_workers, terminate

    with ServerProcess(tmp_path, ["great-wave"], ["--workers", "2"]) as server:
        killed = asyncio.run(kill_workers(server, pictures[:2], kills=2, pause_s=0.2))
        assert killed.kills == 2
        assert killed.right > 0
        assert killed.lost <= killed.kills
        assert killed.broken == 0
        assert killed.workers_after == 2
        ended = asyncio.run(terminate(server, pictures[2:], 8, 0.5, surely_sent_s=0.25))
    assert ended.finished == ended.in_flight
    assert set(ended.other) <= {0, 200, 503}
    assert ended.exit_code == 0
    assert ended.leftovers == []
    assert "Traceback" not in ended.log
