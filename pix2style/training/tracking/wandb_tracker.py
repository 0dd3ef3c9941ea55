"""Track a run with Weights & Biases (W&B): online, offline if its server cannot be used, and never in a run's way."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pix2style.config.train import TrackingConfig
from pix2style.errors import require
from pix2style.progress import print_next, print_note
from pix2style.training.tracking.artifact_uploads import ArtifactUploads
from pix2style.training.tracking.base import TrackedRun, warn
from pix2style.training.tracking.jsonl import METRICS_FILE

# Time limit of wandb.init(); W&B's own is 90 s, during which the run would not begin.
_INIT_TIMEOUT_S = 20
# Time limit of the first request, which finds out whether the server answers at all.
_PROBE_TIMEOUT_S = 5
# Time limit of finish(); W&B's own is infinite. What was not sent stays in the run folder, for `wandb sync`.
_FINISH_TIMEOUT_S = 60
# How long the end of a run waits for artifacts before finish(). W&B gives up a request for an artifact type after 19 s.
_UPLOAD_TIMEOUT_S = 22
# Metric -> which of its values W&B shows as the run's best.
_BEST_VALUES = {"validation/l1_levels": "min", "validation/psnr_db": "max", "validation/ssim": "max"}


class WandbTracker:
    """Logs to a W&B run. Use `start_wandb` to make one: it handles servers that cannot be used.

    Args:
        wandb: The package `wandb`.
        wandb_run: The W&B run, as returned by `wandb.init`.
        uploads: Uploads of the pair set and the model; None for no artifacts.
    """

    def __init__(self, wandb: Any, wandb_run: Any, uploads: ArtifactUploads | None) -> None:
        self._wandb, self._wandb_run, self._uploads = wandb, wandb_run, uploads
        # Metrics are plotted over our step, because W&B's own step begins at 0 again when an offline run is resumed.
        wandb_run.define_metric("trainer/step")
        wandb_run.define_metric("*", step_metric="trainer/step")
        for name, best in _BEST_VALUES.items():
            wandb_run.define_metric(name, step_metric="trainer/step", summary=f"{best},last")

    @property
    def run_id(self) -> str | None:
        """W&B's id of the run."""
        return str(self._wandb_run.id)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """See `Tracker.log`."""
        if self._uploads is not None:
            # Not earlier: W&B imports modules in this thread, and processes that the data loader forks meanwhile would
            # inherit the import locks in their locked state.
            self._uploads.start_pair_set()
        self._wandb_run.log({"trainer/step": step, **metrics})

    def log_image(self, step: int, name: str, path: Path) -> None:
        """See `Tracker.log_image`."""
        self._wandb_run.log({"trainer/step": step, name: self._wandb.Image(str(path))})

    def close(self, summary: Mapping[str, Any]) -> None:
        """Write the summary, upload the model, and finish the W&B run; say how to upload a run that is offline."""
        self._wandb_run.summary.update(dict(summary))
        if self._uploads is not None:
            self._uploads.start_pair_set()  # in case that nothing was logged
            self._uploads.start_model()
            self._uploads.wait(_UPLOAD_TIMEOUT_S)
        try:
            self._wandb_run.finish()
        except TimeoutError:
            # Without --include-online, `wandb sync` skips a run that was online.
            sync = f"wandb sync --include-online {self._wandb_run.sync_dir}"
            warn(f"W&B did not take everything within {_FINISH_TIMEOUT_S} s; later: {sync}")
        finally:
            if self._uploads is not None:
                self._uploads.close()
        if self._wandb_run.offline:
            self._note_sync_command()

    def _note_sync_command(self) -> None:
        """Print the command that uploads this run, of which every session has its own folder."""
        folders = sorted(Path(self._wandb_run.sync_dir).parent.glob(f"offline-run-*-{self._wandb_run.id}"))
        print_note(f"W&B: the run {self._wandb_run.id} was recorded offline; the next line uploads it")
        print_next("wandb", "sync", *folders)


def start_wandb(run: TrackedRun, tracking: TrackingConfig) -> WandbTracker | None:
    """Start a W&B run; an offline one if the server cannot be used. Each failure is reported on stderr.

    Takes 5 s if the server does not answer, and half a minute if it answers at first and then no longer.

    Args:
        run: The run to track.
        tracking: Section `tracking`; its `wandb` is "online" or "offline".

    Returns:
        The tracker; None if even an offline run cannot be started.

    Raises:
        MissingExtraError: W&B is not installed.
    """
    [wandb] = require("train", "wandb")
    for mode in ("online", "offline") if tracking.wandb == "online" else ("offline",):
        try:
            if mode == "online":
                _check_server(str(wandb.setup().settings.base_url))
            wandb_run = _init(wandb, run, tracking, mode)
            pairs = run.pairs if tracking.artifacts else None
            uploads = None if pairs is None else ArtifactUploads(wandb, wandb_run, run.folder, pairs)
            return WandbTracker(wandb, wandb_run, uploads)
        except Exception as error:  # noqa: BLE001 (W&B raises many kinds; none may stop a run)
            reason = " ".join(str(error).split())[:200]
            if mode == "online":
                warn(f"W&B cannot be used online ({reason}): going on offline; later: wandb sync {run.folder}/wandb/*")
            else:
                warn(f"W&B failed offline too ({reason}): going on with {METRICS_FILE} alone")
    return None


def _init(wandb: Any, run: TrackedRun, tracking: TrackingConfig, mode: str) -> Any:
    settings = wandb.Settings(
        init_timeout=_INIT_TIMEOUT_S,
        login_timeout=_INIT_TIMEOUT_S,  # without a key W&B asks for one on the terminal, where nobody may be
        finish_timeout=_FINISH_TIMEOUT_S,
        finish_timeout_raises=True,
        silent=True,
        console="off",  # do not redirect stdout and stderr
    )
    return wandb.init(
        project=tracking.project,
        entity=tracking.entity,
        name=run.name,
        tags=list(tracking.tags),
        config=dict(run.description),
        dir=str(run.folder),
        mode=mode,
        id=run.wandb_id,
        resume="allow" if run.wandb_id else None,
        settings=settings,
    )


def _check_server(base_url: str) -> None:
    """Refuse a server that does not answer soon, because `wandb.init` would wait for it much longer.

    Raises:
        OSError: There is no network or no server, or the answer does not come in time.
        ValueError: It is not an HTTP address.
    """
    if not base_url.startswith(("http://", "https://")):
        raise ValueError(f"{base_url}: is not the address of a W&B server")
    try:
        # Not urlopen(): it keeps the proxy settings of its first call in this process, which may have been another's.
        urllib.request.build_opener().open(f"{base_url}/healthz", timeout=_PROBE_TIMEOUT_S).close()
    except urllib.error.HTTPError:
        return  # an error status is an answer too
