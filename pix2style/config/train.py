"""The sections `train` and `tracking`: how long and how fast to train, on which device, and what to record."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from pix2style.config.augment import AugmentConfig
from pix2style.config.section import Section


class OptimizerConfig(Section):
    """Settings of the optimiser of one network."""

    kind: Literal["adam", "muon"] = "adam"
    """adam: Adam. muon: Muon for convolutions between at least 16 channels, Adam for all other weights; it learns more
    from the same number of images. A learning rate means about the same for both."""
    lr: float = Field(2e-4, gt=0, le=1)
    """Learning rate after the warm-up and before the decay."""
    beta1: float = Field(0.5, ge=0, lt=1)
    """Decay rate of Adam's running mean of the gradient."""
    beta2: float = Field(0.999, ge=0, lt=1)
    """Decay rate of Adam's running mean of the squared gradient."""
    momentum: float = Field(0.95, ge=0, lt=1)
    """Decay rate of Muon's running mean of the gradient."""
    clip_norm: float | None = Field(None, gt=0)
    """Largest L2 norm of the gradient: a longer gradient is shortened to it (Pascanu et al. 2013), so that one bad step
    cannot ruin the weights. null: gradients are used as they are."""


class EarlyStopConfig(Section):
    """Stop training when the metric on held-out photos that `train.best_by` names no longer improves."""

    patience: int | None = Field(None, ge=1)
    """Number of validations in a row without an improvement after which training stops. null: training runs to its
    end."""
    min_gain: float = Field(0.0, ge=0)
    """Smallest change of the metric that counts as an improvement, in the metric's own unit: grey levels of 0 to 255
    for l1, decibels for psnr, none for ssim."""


class TrainConfig(Section):
    """Settings of a training run. Lengths count training images, so that they mean the same at any batch size."""

    images: int | None = Field(400_000, ge=1)
    """Length of the training in images; a pair that is used twice counts twice. null: `minutes` alone limits it."""
    minutes: float | None = Field(None, gt=0, le=60 * 24 * 365)
    """Limit of the training time in minutes, everything included: start of the program, validation, checkpoints, and
    earlier parts of a resumed run. Learning rates and losses then follow the clock. With `images` as well, training
    ends at whichever comes first. null: no limit."""
    batch: int = Field(1, ge=1, le=4096)
    """Pairs in one optimiser step, over all processes and micro-batches together."""
    accumulate: int = Field(1, ge=1, le=1024)
    """Micro-batches that each process splits its share of a batch into, to need less memory. Their gradients are
    accumulated, so that the step stays the same up to rounding (except with BatchNorm, which normalises each
    micro-batch by itself)."""
    unpaired: bool = False
    """Train from photos alone, without targets, by perceptual losses (Johnson et al. 2016). The photos are those of a
    pair set (`pairs.path`) or of `pairs.content`."""
    augment: AugmentConfig = AugmentConfig()
    """Random changes of training pairs."""
    generator: OptimizerConfig = OptimizerConfig()
    """Optimiser of the generator."""
    discriminator: OptimizerConfig = OptimizerConfig()
    """Optimiser of the discriminator."""
    decay_from: float = Field(0.5, ge=0, le=1)
    """Share of the training, by images or by minutes, after which the learning rates start to fall to 0 (the 2017
    recipe: 0.5). 1: they stay."""
    decay: Literal["linear", "cosine"] = "linear"
    """Shape of the decay: a straight line or half a cosine."""
    warmup_images: int = Field(0, ge=0)
    """Images over which the learning rates grow linearly at the beginning of the training. 0: no warm-up."""
    warmup_share: float = Field(0.0, ge=0, le=1)
    """The same as a share of the training, by images or by minutes, in place of `warmup_images`."""
    ema_halflife_images: int = Field(10_000, ge=0)
    """Half-life, in images, of the exponential moving average of the generator's weights, which validation and export
    use; at most a twentieth of the images seen so far, so that it suits short trainings too. 0: no average; the weights
    themselves are used."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device to train on. auto: a GPU if torch finds one, else the CPU."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Number format that networks compute in; weights are stored in fp32 in any case. auto: bf16 on GPUs that
    compute it natively (NVIDIA's since Ampere) and on CPUs that do (x86 with AVX-512 BF16 or AMX), else fp32. fp16
    needs a GPU, and is of use on older ones; it scales the losses, so that small gradients do not vanish."""
    channels_last: bool = True
    """Keep tensors in the memory layout channels_last, which is faster for most convolutions."""
    compile: bool | Literal["auto"] = False
    """Compile the networks with torch.compile: the first steps take minutes, the others are faster. auto: on a GPU
    only."""
    cuda_graphs: bool = False
    """Replay recorded GPU kernels (torch.compile's mode reduce-overhead). It needs `compile` and a GPU, and helps small
    networks."""
    pairs_on_device_gb: float = Field(8.0, ge=0)
    """Largest size, in gigabytes of decoded pairs, at which a GPU keeps all pairs in its memory and crops them there.
    0: never. Not used with transforms in `augment.photo`, which run on the CPU."""
    skips_in_a_row: int = Field(20, ge=1)
    """Number of steps in a row with a loss or gradient that is not finite after which training stops with an error.
    Such steps do not change the weights."""
    workers: int = Field(2, ge=0, le=256)
    """Processes that load pairs. 0: the training process loads them itself. The result does not depend on it."""
    decoded_cache_gb: float = Field(8.0, ge=0)
    """Largest size, in gigabytes, of the temporary file that holds all pairs decoded; larger pair sets are decoded
    again each time. 0: no such file."""
    log_every: int = Field(50, ge=1)
    """Steps between two lines in metrics.jsonl."""
    validate_every_images: int = Field(20_000, ge=1)
    """Images between two validations, each of which writes a picture of examples and metrics on held-out photos."""
    checkpoint_every_images: int = Field(20_000, ge=1)
    """Images between two checkpoints."""
    keep_last: int = Field(3, ge=1)
    """Number of the newest checkpoints to keep."""
    keep_best: int = Field(1, ge=0)
    """Number of the best checkpoints to keep besides, by `best_by`."""
    best_by: Literal["l1", "psnr", "ssim"] = "l1"
    """Metric on held-out photos that decides which checkpoint is best: the mean absolute difference, the PSNR or the
    SSIM between output and target."""
    early_stop: EarlyStopConfig = EarlyStopConfig()
    """Stop before the end when validation no longer improves."""
    grid_photos: int = Field(6, ge=1, le=64)
    """Held-out photos in the picture of examples; always the same photos."""
    validate_photos: int = Field(64, ge=1)
    """Held-out photos that metrics are computed on; always the same photos."""
    preview: bool = True
    """Renew `preview.png` in the run folder while training goes on, and `preview.html`, a page that shows it: a few
    held-out photos, the teacher's images and the filter's. It takes at most about 2 % of the time."""

    @property
    def limit_s(self) -> float | None:
        """`minutes` in seconds; None without a limit."""
        return None if self.minutes is None else 60 * self.minutes

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.warmup_images and self.warmup_share:
            raise ValueError("warmup_images and warmup_share cannot both be set: choose one")
        if self.images is None and self.minutes is None:
            raise ValueError("images and minutes are both null, so that training would never end: set one of them")
        return self


class TrackingConfig(Section):
    """Services that record a run; metrics.jsonl is written in any case."""

    wandb: Literal["off", "offline", "online"] = "off"
    """Weights & Biases: off, offline (recorded in the run folder, for a later `wandb sync`) or online. online falls
    back to offline, with a note, if there is no key or no network."""
    project: str = "pix2style"
    """Project in W&B."""
    entity: str | None = None
    """Team or user in W&B. null: the default of your account."""
    tags: tuple[str, ...] = ()
    """Tags of the run in W&B."""
    artifacts: bool = True
    """Record pair set, run and model as W&B artifacts: descriptions and digests, and for the model also its weights."""
    tensorboard: bool = False
    """Also write TensorBoard's event files into the run folder."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.project.strip():
            raise ValueError("project must not be empty")
        return self
