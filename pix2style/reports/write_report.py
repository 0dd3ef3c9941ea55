"""Write the report of whatever a path names: a run, a pair set or an evaluation."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from pix2style.errors import DataError
from pix2style.evaluation.report import EvalReport
from pix2style.files import write_bytes
from pix2style.pairs.exchange.plain_folders import open_pairs
from pix2style.progress import ProgressCallback, no_progress
from pix2style.reports.eval_report import eval_report
from pix2style.reports.pairs_report import pairs_report
from pix2style.reports.run_report import run_report
from pix2style.runs.folder import RunFolder


def write_report(path: Path, out: Path, on_progress: ProgressCallback = no_progress) -> int:
    """Write a report as one HTML file, which needs no network and no other file.

    Args:
        path: A run folder, a pair set, or a file that `pix2style eval --json` printed.
        out: The file.
        on_progress: Called with the number of photos that are done and of all photos.

    Returns:
        Size of the file in bytes.

    Raises:
        DataError: `path` is none of these, is damaged, or `out` cannot be written.
        ArtifactError: The run is damaged.
    """
    # Names of files may hold bytes that are not UTF-8.
    content = _report_of(path, on_progress).encode("utf-8", "backslashreplace")
    write_bytes(out, content)
    return len(content)


def _report_of(path: Path, on_progress: ProgressCallback) -> str:
    if not path.exists():
        raise DataError(f"{path}: does not exist: name a run folder, a pair set or a file of pix2style eval --json")
    if path.is_file():
        return eval_report(_read_evaluation(path))
    if (path / "config.json").is_file():
        return run_report(RunFolder(path), on_progress)
    return pairs_report(open_pairs(path))


def _read_evaluation(path: Path) -> EvalReport:
    try:
        value = json.loads(path.read_bytes())
        if isinstance(value, dict) and "photo_clip" in value:
            raise DataError(
                f"{path}: is what pix2style eval --steady prints, of which there is no report: name what eval --json"
                " printed without --steady"
            )
        return EvalReport.model_validate(value, strict=False)
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(
            f"{path}: is not what pix2style eval --json prints: name such a file, a run folder or a pair set"
        ) from error
