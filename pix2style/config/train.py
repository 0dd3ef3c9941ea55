"""The sections `train` and `tracking`: how long, how fast, on what, and who hears of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from pix2style.config.section import Section


class AugmentConfig(Section):
    """Geometry on both pictures together, colour on the content alone."""

    resize: int | None = Field(None, ge=32, le=4096)
    """Resample pairs to this side before cropping (the 2017 recipe: 286); nothing: keep their size."""
    crop: int = Field(256, ge=32, le=4096)
    """Side of the random crop in pixels."""
    align_px: int = Field(4, ge=1, le=64)
    """Crops begin at multiples of so many pixels of the stored pair. A teacher that halves its maps twice, as Magenta's
    does, paints by a grid of 4: what is cut off that grid asks for strokes between the cells. 1: anywhere."""
    flip: bool = False
    """Mirror half of the pairs, left to right. Only for a teacher that paints a mirrored photo as the mirrored
    painting: networks do not, and their strokes cannot be learned from both; `pairs.variants` has it paint mirrored
    photos."""
    color_jitter: float = Field(0.0, ge=0, le=1)
    """How far brightness, contrast and saturation of the content photo alone may vary; the target stays."""
    discriminator: tuple[Literal["color", "translation", "cutout"], ...] = ()
    """DiffAugment (Zhao et al. 2020): what the discriminator sees is varied, teacher's and generator's pictures alike;
    for sets of fewer than about a thousand pairs."""


class OptimizerConfig(Section):
    """Adam, for one network."""

    lr: float = Field(2e-4, gt=0, le=1)
    """Step size before the decay."""
    beta1: float = Field(0.5, ge=0, lt=1)
    """Decay of the gradient's running mean."""
    beta2: float = Field(0.999, ge=0, lt=1)
    """Decay of its running square."""
    clip_norm: float | None = Field(None, gt=0)
    """A gradient longer than this is shortened to it (Pascanu et al. 2013): so one bad step cannot blow the weights
    up; nothing: never."""


class EarlyStopConfig(Section):
    """End when held-out photos no longer get closer to the teacher's pictures."""

    patience: int | None = Field(None, ge=1)
    """Looks at the held-out photos without a better figure before training ends; nothing: it runs to its end."""
    min_gain: float = Field(0.0, ge=0)
    """What counts as better, in the figure's unit."""


class TrainConfig(Section):
    """One run of training; lengths are in pictures seen, so that they mean the same at any batch size."""

    images: int = Field(400_000, ge=1)
    """Training pictures to see in all (a pair seen twice counts twice)."""
    batch: int = Field(1, ge=1, le=4096)
    """Pairs in a step, over all processes and parts together."""
    accumulate: int = Field(1, ge=1, le=1024)
    """Parts that each process computes its pairs of a step in, for less memory; the step stays the same up to
    rounding (except for BatchNorm, which sees a part at a time)."""
    unpaired: bool = False
    """Learn from photos alone (a pair set's, or those of pairs.content), without any target: Johnson's objective."""
    start_from: Path | None = None
    """A run whose (averaged) weights this one begins with, to reach a new style in minutes."""
    augment: AugmentConfig = AugmentConfig()
    """What the loader does to a pair."""
    generator: OptimizerConfig = OptimizerConfig()
    """The generator's optimiser."""
    discriminator: OptimizerConfig = OptimizerConfig()
    """The discriminator's optimiser."""
    decay_from: float = Field(0.5, ge=0, le=1)
    """Share of the training after which learning rates fall to 0 (the 2017 recipe: 0.5)."""
    decay: Literal["linear", "cosine"] = "linear"
    """How they fall."""
    warmup_images: int = Field(0, ge=0)
    """Pictures over which learning rates grow linearly at the beginning."""
    ema_halflife_images: int = Field(10_000, ge=0)
    """Half-life of the averaged weights, which are the ones that ship; 0: none."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: the GPU if there is one."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """auto: bf16 on a GPU and on a CPU that multiplies it natively (x86 with AVX-512 BF16 or AMX), else fp32; fp16 (GPU
    only) scales losses so that small gradients survive."""
    channels_last: bool = True
    """Memory layout of the networks; faster with most convolutions."""
    compile: bool = False
    """torch.compile the networks: slower to start, faster afterwards."""
    cuda_graphs: bool = False
    """With compile on a GPU: replay recorded kernels (reduce-overhead); for small networks and fixed sizes."""
    pairs_on_device_gb: float = Field(8.0, ge=0)
    """Keep decoded pairs in the GPU's memory and cut them there if they fit this; 0: never."""
    skips_in_a_row: int = Field(20, ge=1)
    """Steps in a row with a loss or gradient that is not finite, after which training stops and says which."""
    workers: int = Field(2, ge=0, le=256)
    """Loader processes; results do not depend on it."""
    decoded_cache_gb: float = Field(8.0, ge=0)
    """Decode pairs once into a file of bytes if they fit this; 0: decode every time."""
    log_every: int = Field(50, ge=1)
    """Steps between lines of metrics."""
    validate_every_images: int = Field(20_000, ge=1)
    """Pictures seen between grids and figures on held-out photos."""
    checkpoint_every_images: int = Field(20_000, ge=1)
    """Pictures seen between checkpoints."""
    keep_last: int = Field(3, ge=1)
    """Newest checkpoints to keep."""
    keep_best: int = Field(1, ge=0)
    """Best checkpoints to keep besides, by `best_by`."""
    best_by: Literal["l1", "psnr", "ssim"] = "l1"
    """What makes a checkpoint the best: held-out difference, PSNR or SSIM to the teacher's pictures."""
    early_stop: EarlyStopConfig = EarlyStopConfig()
    """End before `images`."""
    grid_photos: int = Field(6, ge=1, le=64)
    """Held-out photos in the grid, always the same."""
    validate_photos: int = Field(64, ge=1)
    """Held-out photos that figures are taken on, always the same."""


class TrackingConfig(Section):
    """Weights & Biases; metrics.jsonl is always written."""

    wandb: Literal["off", "offline", "online"] = "off"
    """online falls back to offline, loudly, where there is no key or network."""
    project: str = "pix2style"
    """The W&B project."""
    entity: str | None = None
    """The W&B team or user; nothing: your default."""
    tags: tuple[str, ...] = ()
    """The W&B run's tags."""
    artifacts: bool = True
    """Link pair set, run and model in W&B as artifacts (descriptions and digests; the model with its weights)."""
    tensorboard: bool = False
    """Also write TensorBoard's event files into the run folder."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.project.strip():
            raise ValueError("project must not be empty")
        return self
