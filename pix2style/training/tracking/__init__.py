"""Who hears of a run: metrics.jsonl always, Weights & Biases and TensorBoard on request.

A tracker never stops a run, and never slows its steps.
"""

from pix2style.training.tracking.artifacts import PairSetLink
from pix2style.training.tracking.background import Background
from pix2style.training.tracking.base import Tracker, Trackers
from pix2style.training.tracking.figures import peak_memory_bytes, step_figures
from pix2style.training.tracking.jsonl import METRICS_FILE, JsonLines, history
from pix2style.training.tracking.start import check_trackers, start_trackers
from pix2style.training.tracking.wandb_run import WandbTracker, start_wandb

__all__ = [
    "METRICS_FILE",
    "Background",
    "JsonLines",
    "PairSetLink",
    "Tracker",
    "Trackers",
    "WandbTracker",
    "check_trackers",
    "history",
    "peak_memory_bytes",
    "start_trackers",
    "start_wandb",
    "step_figures",
]
