"""Log a run's metrics and images: always to metrics.jsonl, on request to Weights & Biases and TensorBoard.

A tracker that fails or is slow neither stops a run nor delays its steps.
"""

from pix2style.training.tracking.artifacts import PairSetReference
from pix2style.training.tracking.background import BackgroundTracker
from pix2style.training.tracking.base import TrackedRun, Tracker, Trackers
from pix2style.training.tracking.check import check_trackers
from pix2style.training.tracking.jsonl import METRICS_FILE, JsonLinesTracker, metric_history
from pix2style.training.tracking.start import start_trackers
from pix2style.training.tracking.step_metrics import peak_memory_bytes, step_metrics
from pix2style.training.tracking.wandb_tracker import WandbTracker, start_wandb

__all__ = [
    "METRICS_FILE",
    "BackgroundTracker",
    "JsonLinesTracker",
    "PairSetReference",
    "TrackedRun",
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
