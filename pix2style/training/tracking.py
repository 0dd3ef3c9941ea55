"""Who hears of a run: metrics.jsonl always, Weights & Biases on request. A tracker never stops a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from pix2style.config.train import TrackingConfig
from pix2style.errors import require
from pix2style.files import write_bytes

METRICS_FILE = "metrics.jsonl"
_WANDB_TIMEOUT_S = 20  # W&B's own is 90 s, during which the run would stand still


class Tracker(Protocol):
    """Hears of figures and pictures."""

    @property
    def run_id(self) -> str | None:
        """What to hand in again when the run goes on."""

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Take down figures of a step."""

    def picture(self, step: int, name: str, path: Path) -> None:
        """Take down a picture file of a step."""

    def close(self, summary: Mapping[str, Any]) -> None:
        """The run ended, with these last words."""


class JsonLines:
    """`metrics.jsonl`: one JSON object a line, with its `step`.

    Args:
        path: the file; lines are appended.
        resume_step: drop lines of later steps, which a run that goes on will write again.
    """

    run_id = None

    def __init__(self, path: Path, *, resume_step: int) -> None:
        kept = [line for line in _lines(path) if line.get("step", 0) <= resume_step]
        write_bytes(path, "".join(json.dumps(line) + "\n" for line in kept).encode())  # a kill here loses nothing
        self._stream = path.open("a", encoding="utf-8")

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Append a line."""
        self._write({"step": step, **figures})

    def picture(self, step: int, name: str, path: Path) -> None:
        """Pictures lie beside this file already."""

    def close(self, summary: Mapping[str, Any]) -> None:  # noqa: ARG002 (the summary is the last line already)
        """Close the file."""
        self._stream.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()


class WandbTracker:
    """A Weights & Biases run; use `start_wandb`, which falls back to offline."""

    def __init__(self, run: Any, wandb: Any) -> None:
        self._run, self._wandb = run, wandb
        # W&B's own step restarts at 0 when an offline run is resumed
        run.define_metric("trainer/step")
        run.define_metric("*", step_metric="trainer/step")

    @property
    def run_id(self) -> str | None:
        """W&B's id of the run."""
        return str(self._run.id)

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """See `Tracker.log`."""
        self._run.log({"trainer/step": step, **figures})

    def picture(self, step: int, name: str, path: Path) -> None:
        """See `Tracker.picture`."""
        self._run.log({"trainer/step": step, name: self._wandb.Image(str(path))})

    def close(self, summary: Mapping[str, Any]) -> None:
        """Write the summary and end the run."""
        self._run.summary.update(dict(summary))
        self._run.finish()


class Trackers:
    """Several trackers as one; what goes wrong in one is said once and stops nothing."""

    def __init__(self, trackers: list[Tracker]) -> None:
        self._trackers = trackers

    @property
    def run_id(self) -> str | None:
        """The first id that a tracker has."""
        return next((t.run_id for t in self._trackers if t.run_id is not None), None)

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """See `Tracker.log`."""
        self._each("log", step, figures)

    def picture(self, step: int, name: str, path: Path) -> None:
        """See `Tracker.picture`."""
        self._each("picture", step, name, path)

    def close(self, summary: Mapping[str, Any]) -> None:
        """See `Tracker.close`."""
        self._each("close", summary)

    def _each(self, method: str, *args: Any) -> None:
        for tracker in list(self._trackers):
            try:
                getattr(tracker, method)(*args)
            except Exception as error:  # noqa: BLE001 (a tracker must never stop a run)
                self._trackers.remove(tracker)
                _warn(f"{type(tracker).__name__} failed and is left out from here on: {error}")


def start_trackers(
    folder: Path,
    tracking: TrackingConfig,
    description: Mapping[str, Any],
    *,
    name: str,
    resume_step: int,
    run_id: str | None,
) -> Trackers:
    """metrics.jsonl, and W&B if the configuration asks for it.

    Args:
        folder: the run folder.
        tracking: the section.
        description: the resolved configuration and where things came from.
        name: of the run.
        resume_step: the step that the run goes on from; 0 for a new one.
        run_id: of the W&B run to go on with.

    Raises:
        MissingExtraError: W&B is wanted and not installed.
    """
    trackers: list[Tracker] = [JsonLines(folder / METRICS_FILE, resume_step=resume_step)]
    if tracking.wandb != "off":
        run = start_wandb(folder, tracking, description, name=name, run_id=run_id)
        trackers += [run] if run is not None else []
    return Trackers(trackers)


def start_wandb(
    folder: Path, tracking: TrackingConfig, description: Mapping[str, Any], *, name: str, run_id: str | None
) -> WandbTracker | None:
    """A W&B run; offline where online cannot be had, None where even that fails, each loudly."""
    [wandb] = require("train", "wandb")
    for mode in ("online", "offline") if tracking.wandb == "online" else ("offline",):
        try:
            run = wandb.init(
                project=tracking.project,
                entity=tracking.entity,
                name=name,
                tags=list(tracking.tags),
                config=dict(description),
                dir=str(folder),
                mode=mode,
                id=run_id,
                resume="allow" if run_id else None,
                settings=wandb.Settings(init_timeout=_WANDB_TIMEOUT_S, silent=True),
            )
            return WandbTracker(run, wandb)
        except Exception as error:  # noqa: BLE001 (W&B raises many kinds; none may stop a run)
            reason = " ".join(str(error).split())[:200]
            if mode == "online":
                _warn(f"W&B online is not to be had ({reason}): going on offline; later: wandb sync {folder}/wandb/*")
            else:
                _warn(f"W&B offline failed too ({reason}): going on with {METRICS_FILE} alone")
    return None


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:  # the last line of a killed run
            continue
    return lines


def _warn(message: str) -> None:
    print(f"pix2style: {message}", file=sys.stderr)  # noqa: T201
