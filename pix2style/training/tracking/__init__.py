"""Who hears of a run: metrics.jsonl always, Weights & Biases and TensorBoard on request.

A tracker never stops a run, and never slows its steps.
"""

from pix2style.training.tracking.artifacts import PairSetReference
from pix2style.training.tracking.background import BackgroundTracker
from pix2style.training.tracking.base import Tracker, Trackers
from pix2style.training.tracking.jsonl import METRICS_FILE, JsonLinesTracker, metric_history
from pix2style.training.tracking.start import check_trackers, start_trackers
from pix2style.training.tracking.step_metrics import peak_memory_bytes, step_metrics
from pix2style.training.tracking.wandb_tracker import WandbTracker, start_wandb

__all__ = [
    "METRICS_FILE",
    "BackgroundTracker",
    "JsonLinesTracker",
    "PairSetReference",
    "Tracker",
    "Trackers",
    "WandbTracker",
    "check_trackers",
    "metric_history",
    "peak_memory_bytes",
    "start_trackers",
    "start_wandb",
    "step_metrics",
]
