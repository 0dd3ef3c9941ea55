"""Reports: one file each, without anything from elsewhere, with what the run, set or evaluation holds."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from pix2style.config import Config
from pix2style.errors import DataError
from pix2style.evaluation.evaluate import EvaluatedPhoto
from pix2style.images import decode_picture
from pix2style.reports import write_report as write_report_module
from pix2style.reports.extremes import Extremes
from pix2style.reports.html import page, section, slider, table
from pix2style.reports.line_chart import line_chart
from pix2style.reports.run_metrics import RunMetrics
from pix2style.reports.write_report import write_report
from pix2style.training.run.train import train


class _Page(HTMLParser):
    """Headings, images and addresses of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == [], "elements that are not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in {"meta", "img", "input", "path", "polyline"}:
            self.open.append(tag)
        if tag == "img":
            self.images.append(values)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action"}]

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"path", "polyline"}:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"h1", "h2"}:
            self.headings.append(data)


def _read(path: Path) -> _Page:
    shown = _Page(path.read_text(encoding="utf-8"))
    for address in shown.addresses:
        assert address.startswith("data:image/jpeg;base64,"), "a report loads nothing from elsewhere"
        assert decode_picture(base64.b64decode(address.partition(",")[2]), name="image").rgb.size > 0
    assert all(image["alt"] for image in shown.images), "each image is described"
    return shown


def test_of_a_run(tmp_path: Path, experiment: Callable[..., Config], pair_set: Path) -> None:
    train(experiment("train.images=24", "train.validate_every_images=8"), tmp_path / "run")
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 7, "generator/l1": ')  # a process that was killed while it wrote
    size = write_report(tmp_path / "run", tmp_path / "report.html")
    assert size == (tmp_path / "report.html").stat().st_size
    shown, html = _read(tmp_path / "report.html"), (tmp_path / "report.html").read_text()
    grids = len(list((tmp_path / "run" / "samples").glob("*.png")))
    assert grids > 1
    assert sum("after step" in str(image["alt"]) for image in shown.images) == grids
    for heading in ("Checkpoints", "Curves", "Validation over time", "Origin"):
        assert heading in shown.headings
    assert any(heading.startswith("Held-out photos") for heading in shown.headings)
    for words in ("Losses of the generator", "Learning rates", "Validation: PSNR", "1 line of metrics.jsonl"):
        assert words in html
    assert "step-0000006" in html


def test_of_a_run_whose_pairs_are_gone(tmp_path: Path, experiment: Callable[..., Config], pair_set: Path) -> None:
    train(experiment("train.images=8"), tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["config"]["pairs"]["path"] = str(tmp_path / "gone")
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    write_report(tmp_path / "run", tmp_path / "report.html")
    assert "They could not be measured" in (tmp_path / "report.html").read_text()


def test_a_damaged_pair_or_damaged_weights_leave_the_other_sections(
    tmp_path: Path, experiment: Callable[..., Config], pair_set: Path
) -> None:
    """The run is called as the row of the unchanged photos, which is no reason not to measure it."""
    pairs, run, out = tmp_path / "pairs", tmp_path / "run", tmp_path / "report.html"
    shutil.copytree(pair_set, pairs)
    train(experiment("train.images=8", "name=photo", f"pairs.path={pairs}"), run)
    write_report(run, out)
    assert "Held-out photos: stylizer photo" in _read(out).headings
    shards = sorted(pairs.glob("**/*.tar"))
    assert shards
    for shard in shards:
        shard.write_bytes(bytes(len(shard.read_bytes())))
    write_report(run, out)
    assert "They could not be measured" in out.read_text()
    assert "Origin" in _read(out).headings
    shutil.rmtree(pairs)
    shutil.copytree(pair_set, pairs)
    for weights in run.glob("checkpoints/*/generator*.safetensors"):
        weights.write_bytes(b"damaged")
    write_report(run, out)
    assert "is damaged: its digest differs" in out.read_text()
    assert "Origin" in _read(out).headings


def test_names_that_are_not_utf_8_are_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_report_module, "_report_of", lambda *_: page("R\udce9sum", "", []))
    size = write_report(tmp_path, tmp_path / "report.html")
    assert size == (tmp_path / "report.html").stat().st_size
    assert "<h1>R\\udce9sum</h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_eval_steady_prints_is_told_from_other_files(tmp_path: Path) -> None:
    (tmp_path / "steady.json").write_text('{"schema_version": 1, "photo_clip": null, "stylizers": []}')
    with pytest.raises(DataError, match=r"steady\.json: is what pix2style eval --steady prints, .* without --steady"):
        write_report(tmp_path / "steady.json", tmp_path / "report.html")


def test_of_a_pair_set(tmp_path: Path, pair_set: Path) -> None:
    write_report(pair_set, tmp_path / "pairs.html")
    shown = _read(tmp_path / "pairs.html")
    manifest = json.loads((pair_set / "manifest.json").read_text())
    splits = {f"Split {name}" for name, count in manifest["pairs"].items() if count}
    assert {heading for heading in shown.headings if heading.startswith("Split")} == splits
    assert manifest["teachers"][0]["sha256"] in (tmp_path / "pairs.html").read_text()


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"schema_version": 1}', b"\xff\xfe"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "eval.json").write_bytes(content)
    with pytest.raises(DataError, match=r"eval\.json: is not what pix2style eval --json prints"):
        write_report(tmp_path / "eval.json", tmp_path / "report.html")
    with pytest.raises(DataError, match="nowhere: does not exist: name a run folder"):
        write_report(tmp_path / "nowhere", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_text_is_never_markup() -> None:
    hostile = "<script>alert(1)</script>\"'&"
    html = page(hostile, hostile, [section(hostile, table([hostile], [[hostile]]))])
    assert html.count("<script>") == 1  # the page's own
    assert "alert(1)" in html


def test_the_extremes_are_the_best_and_the_worst() -> None:
    extremes, photo = Extremes(kept=2), np.full((8, 8, 3), 100, np.uint8)
    for error in (3, 9, 1, 5, 7):
        extremes(EvaluatedPhoto(photo, photo, {"filter": photo + np.uint8(error)}))
    [html] = extremes.sections()
    worst, best = re.findall(r"of 5: ([^<]*)</figcaption>", html)
    assert worst == "29.0 dB, 31.2 dB"  # errors 9 and 7: 20 log10(255 / 9) = 29.05
    assert best == "48.1 dB, 38.6 dB"


def test_a_chart_leaves_out_what_cannot_be_drawn(tmp_path: Path) -> None:
    assert line_chart("Empty", {"a": []}, "x") == ""
    assert line_chart("One point", {"a": [(1, 1)], "b": [(1, float("nan")), (2, float("inf"))]}, "x") == ""
    svg = line_chart("Loss", {"a": [(i, 2.0**-i) for i in range(2000)], "flat": [(0, 1), (9, 1)]}, "images")
    lines = " ".join(re.findall(r'points="([^"]*)"', svg)).split()
    points = [[float(value) for value in pair.split(",")] for pair in lines]
    assert len(points) <= 402
    assert all(0 <= x <= 640 and 0 <= y <= 300 for x, y in points)
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "images_seen": 2.0, "ok": true}\n[]\nnonsense\n')
    metrics = RunMetrics(tmp_path / "metrics.jsonl")
    assert (metrics.rows, metrics.left_out) == ([{"step": 1.0, "images_seen": 2.0}], 2)


def test_a_slider_shows_the_last_image() -> None:
    images = [(f"step {i}", np.zeros((4, 4, 3), np.uint8)) for i in range(3)]
    assert [" hidden" in line for line in slider("Step", images).splitlines() if line.startswith("<img")] == [
        True,
        True,
        False,
    ]
