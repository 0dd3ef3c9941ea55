"""Weights & Biases: online, offline where that cannot be had, and never in a run's way."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pix2style.config.train import TrackingConfig
from pix2style.errors import require
from pix2style.training.tracking.artifact_uploads import ArtifactUploads
from pix2style.training.tracking.artifacts import PairSetReference
from pix2style.training.tracking.base import warn
from pix2style.training.tracking.jsonl import METRICS_FILE

# W&B's own is 90 s, during which the run would stand still.
_INIT_TIMEOUT_S = 20
_PROBE_TIMEOUT_S = 5
# W&B's own is for ever; what was not sent by then stays in the run folder, for `wandb sync`.
_FINISH_TIMEOUT_S = 60
# How long the end of a run waits for links before it asks W&B to finish: W&B gives up asking for a type after 19 s.
_LINK_TIMEOUT_S = 22
_BEST = {"validation/l1_levels": "min", "validation/psnr_db": "max", "validation/ssim": "max"}


class WandbTracker:
    """A Weights & Biases run; use `start_wandb`, which falls back to offline.

    Args:
        run: what `wandb.init` gave.
        wandb: the package.
        folder: the run folder.
        pairs: what is learned, to link as an artifact; with the model at the end; nothing: no artifacts.
    """

    def __init__(self, run: Any, wandb: Any, folder: Path, pairs: PairSetReference | None) -> None:
        self._run, self._wandb = run, wandb
        self._links = None if pairs is None else ArtifactUploads(run, wandb, folder, pairs)
        # W&B's own step restarts at 0 when an offline run is resumed
        run.define_metric("trainer/step")
        run.define_metric("*", step_metric="trainer/step")
        for figure, best in _BEST.items():
            run.define_metric(figure, step_metric="trainer/step", summary=f"{best},last")

    @property
    def run_id(self) -> str | None:
        """W&B's id of the run."""
        return str(self._run.id)

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """See `Tracker.log`."""
        if self._links is not None:
            # not before: processes that the loader forks would inherit the locks that W&B's imports hold
            self._links.use_pairs()
        self._run.log({"trainer/step": step, **figures})

    def log_image(self, step: int, name: str, path: Path) -> None:
        """See `Tracker.log_image`."""
        self._run.log({"trainer/step": step, name: self._wandb.Image(str(path))})

    def close(self, summary: Mapping[str, Any]) -> None:
        """Write the summary, link the model, and end the run."""
        self._run.summary.update(dict(summary))
        if self._links is not None:
            self._links.use_pairs()
            self._links.make_model()
            self._links.wait(_LINK_TIMEOUT_S)
        try:
            self._run.finish()
        except TimeoutError:
            sync = f"wandb sync --include-online {self._run.sync_dir}"  # without the option it skips such a run
            warn(f"W&B did not take everything within {_FINISH_TIMEOUT_S} s; later: {sync}")
        finally:
            if self._links is not None:
                self._links.close()


def start_wandb(
    folder: Path,
    tracking: TrackingConfig,
    description: Mapping[str, Any],
    *,
    name: str,
    run_id: str | None,
    pairs: PairSetReference | None = None,
) -> WandbTracker | None:
    """A W&B run; offline where online cannot be had, None where even that fails, each loudly.

    Takes 5 s if the server does not answer, and half a minute if it answers and then falls silent.

    Raises:
        MissingExtraError: W&B is not installed.
    """
    [wandb] = require("train", "wandb")
    links = pairs if tracking.artifacts else None
    for mode in ("online", "offline") if tracking.wandb == "online" else ("offline",):
        try:
            if mode == "online":
                _check_answers(str(wandb.setup().settings.base_url))
            run = _init(wandb, folder, tracking, description, name=name, run_id=run_id, mode=mode)
            return WandbTracker(run, wandb, folder, links)
        except Exception as error:  # noqa: BLE001 (W&B raises many kinds; none may stop a run)
            reason = " ".join(str(error).split())[:200]
            if mode == "online":
                warn(f"W&B online is not to be had ({reason}): going on offline; later: wandb sync {folder}/wandb/*")
            else:
                warn(f"W&B offline failed too ({reason}): going on with {METRICS_FILE} alone")
    return None


def _init(
    wandb: Any,
    folder: Path,
    tracking: TrackingConfig,
    description: Mapping[str, Any],
    *,
    name: str,
    run_id: str | None,
    mode: str,
) -> Any:
    settings = wandb.Settings(
        init_timeout=_INIT_TIMEOUT_S,
        login_timeout=_INIT_TIMEOUT_S,  # without a key it asks on a terminal, where nobody may be
        finish_timeout=_FINISH_TIMEOUT_S,
        finish_timeout_raises=True,
        silent=True,
        console="off",  # stdout and stderr stay ours
    )
    return wandb.init(
        project=tracking.project,
        entity=tracking.entity,
        name=name,
        tags=list(tracking.tags),
        config=dict(description),
        dir=str(folder),
        mode=mode,
        id=run_id,
        resume="allow" if run_id else None,
        settings=settings,
    )


def _check_answers(base_url: str) -> None:
    """Refuse a server that does not answer, before W&B begins to wait for it in earnest.

    Raises:
        OSError: no network, no server, or no answer in time.
        ValueError: not an address of HTTP.
    """
    if not base_url.startswith(("http://", "https://")):
        raise ValueError(f"{base_url}: is no address of a W&B server")
    try:
        # urlopen() would keep the proxies of its first call, which may be another part of this process's.
        urllib.request.build_opener().open(f"{base_url}/healthz", timeout=_PROBE_TIMEOUT_S).close()
    except urllib.error.HTTPError:
        return  # it answers, whatever it says
