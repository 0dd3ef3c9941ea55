"""The report of a run: curves, validation grids over time, figures, held-out photos, and the origin of everything."""

from __future__ import annotations

import json
from pathlib import Path

from pix2style.durations import duration_text
from pix2style.errors import ArtifactError, ConfigError, DataError
from pix2style.evaluation.dataset import PairDataset
from pix2style.evaluation.evaluate import evaluate
from pix2style.images import read_picture
from pix2style.loading import load_stylizer
from pix2style.pairs.exchange.plain_folders import open_pairs
from pix2style.plural import counted
from pix2style.progress import ProgressCallback, no_progress
from pix2style.reports.eval_report import figures_table
from pix2style.reports.extremes import Extremes
from pix2style.reports.html import details, page, paragraph, section, slider, table
from pix2style.reports.run_metrics import RunMetrics
from pix2style.runs.folder import META_FILE, CheckpointMeta, RunFolder

_MAX_GRIDS = 24
_MAX_PHOTOS = 46


def run_report(run: RunFolder, on_progress: ProgressCallback = no_progress) -> str:
    """Return the report of a run as HTML.

    The weights that `load_stylizer` takes stylize up to 46 held-out photos of the pair set. If the set is not there any
    more, or a pair or the weights are damaged, the report says so in place of the photos.

    Args:
        run: The run.
        on_progress: Called with the number of photos that are done and of all photos.

    Raises:
        ArtifactError: The description of a checkpoint is damaged.
        DataError: The metrics cannot be read.
    """
    metrics = RunMetrics(run.path / "metrics.jsonl")
    charts = "".join(metrics.charts())
    left_out = f"{counted(metrics.left_out, 'line')} of metrics.jsonl could not be read." if metrics.left_out else ""
    return page(
        f"Run {run.name}",
        _lead(run),
        [
            section("Checkpoints", _checkpoints(run)),
            section(
                "Curves",
                f'<div class="charts">{charts}</div>' if charts else paragraph("There are no metrics yet."),
                paragraph(left_out) if left_out else "",
            ),
            section("Validation over time", _grids(run.path / "samples")),
            *_held_out(run, on_progress),
            section("Origin", _origin(run), details("config.json", _config_text(run))),
        ],
    )


def _lead(run: RunFolder) -> str:
    generator = run.config.model.generator
    if not run.checkpoints:
        return f"A generator of the kind {generator}; there is no checkpoint yet."
    meta = CheckpointMeta.read(run.checkpoint("latest") / META_FILE)
    time = f" in {duration_text(meta.elapsed_s)}" if meta.elapsed_s else ""
    images = counted(meta.images_seen, "training image")
    return f"A generator of the kind {generator}, trained on {images}{time}, with {meta.teacher} as the teacher."


def _checkpoints(run: RunFolder) -> str:
    if not run.checkpoints:
        return ""
    best = run.checkpoint("best").name
    rows = []
    for name in run.checkpoints:
        meta = CheckpointMeta.read(run.path / "checkpoints" / name / META_FILE)
        figures = [meta.figures.get(key) for key in ("psnr", "ssim", "l1")]
        rows.append((name, meta.images_seen, *figures, "the best" if name == best else ""))
    return table(["checkpoint", "training images", "PSNR, dB", "SSIM", "mean difference, levels of 255", ""], rows)


def _grids(folder: Path) -> str:
    """Return the validation grids behind a slider; of many, evenly chosen ones with the first and the last."""
    paths = sorted(folder.glob("step-*.png"), key=lambda path: (len(path.name), path.name))
    count = min(len(paths), _MAX_GRIDS)
    chosen = [paths[round(i * (len(paths) - 1) / max(count - 1, 1))] for i in range(count)]
    grids = [(f"after step {int(path.stem.rpartition('-')[2]):,}", read_picture(path).rgb) for path in chosen]
    if not grids:
        return ""
    note = f"{counted(len(grids), 'grid')} of {len(paths)}." if len(grids) < len(paths) else ""
    return slider("Step of the training", grids) + (paragraph(note) if note else "")


def _held_out(run: RunFolder, on_progress: ProgressCallback) -> list[str]:
    """Return sections with the figures on held-out photos, and with the best and the worst of them, for each style."""
    if not run.checkpoints:
        return []
    meta = CheckpointMeta.read(run.checkpoint("latest") / META_FILE)
    if len(meta.styles) <= 1:
        return _held_out_of_style(run, None, run.name, on_progress)
    return [
        part
        for style, record in enumerate(meta.styles)
        for part in _held_out_of_style(run, style, f"style {style}, {record.name}", on_progress)
    ]


def _held_out_of_style(run: RunFolder, style: int | None, name: str, on_progress: ProgressCallback) -> list[str]:
    title = f"Metrics on held-out photos: {name}"
    extremes = Extremes()
    try:
        dataset = _dataset(run, run.config.pairs.learn_style if style is None else style)
        stylizers = {name: load_stylizer(run.path, style=style)}
        report = evaluate(stylizers, dataset, on_photo=extremes, on_progress=on_progress)
    except (DataError, ArtifactError, ConfigError) as error:
        return [section(title, paragraph(f"They could not be measured: {error}"))]
    return [section(title, figures_table(report.stylizers), *map(paragraph, report.notes)), *extremes.sections()]


def _dataset(run: RunFolder, style: int | None) -> PairDataset:
    pairs = run.config.pairs
    if pairs.path is None:
        raise DataError("the configuration names no pair set")
    reader = open_pairs(pairs.path, val_share=pairs.val_share, test_share=pairs.test_share)
    return PairDataset(reader, limit=_MAX_PHOTOS, style=style)


def _origin(run: RunFolder) -> str:
    rows: list[tuple[str, object]] = [("digest of the configuration", run.config_sha256)]
    if run.checkpoints:
        meta = CheckpointMeta.read(run.checkpoint("best") / META_FILE)
        rows += [
            ("digest of the pair set", meta.pairs_sha256),
            ("teacher", meta.teacher),
            ("digest of the teacher", meta.teacher_sha256),
            ("digests of the paintings", ", ".join(meta.style_sha256)),
            *((f"digest of {name}", digest) for name, digest in sorted(meta.files_sha256.items())),
        ]
    for name in ("start.json", "features.json"):
        if (run.path / name).is_file():
            rows.append((name, (run.path / name).read_text(encoding="utf-8", errors="replace").strip()))
    return table(["", ""], rows)


def _config_text(run: RunFolder) -> str:
    return json.dumps(run.config.model_dump(mode="json"), indent=2, ensure_ascii=False)
