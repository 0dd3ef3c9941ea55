"""Find settings that a run would ignore: what begins after its end, and what belongs to something that is off."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from pix2style.config import Config, load_config
from pix2style.config.late_start import LateStart
from pix2style.config.losses import AdversarialConfig
from pix2style.config.shipped import shipped_configs
from pix2style.config.train import TrainConfig
from pix2style.training.data.photos import PhotoReader
from pix2style.training.data.sources import TrainingData
from pix2style.training.step.device import compiles, pick_device

_SHOWN_KEYS = 6


def idle_settings(config: Config, images: int | None, validation_photos: int) -> list[str]:
    """Return one sentence for each setting that has no effect, or not the whole one, in a run of this length.

    Args:
        config: Configuration of the experiment.
        images: Length of the run in training images; None if only `train.minutes` limits it.
        validation_photos: Number of held-out photos.
    """
    notes = [*_losses_that_never_begin(config, images), *_without_effect(config)]
    if config.train.warmup_share == 1:
        notes.append("train.warmup_share=1: the learning rates grow until the end of the run: lower it")
    if images is not None:
        notes += [*_longer_than_the_run(config.train, images), *_rarer_than_the_end(config.train, images)]
    if config.train.early_stop.patience is not None:
        notes += _early_stop_that_never_stops(config.train, images, validation_photos)
    return notes


def idle_split_shares(config: Config, data: TrainingData) -> list[str]:
    """Return a sentence if shares of the splits were changed although the pair set, or folder names, say the splits."""
    if isinstance(data.reader, PhotoReader):
        return []
    shares = {name: getattr(data.reader.manifest, name) for name in ("val_share", "test_share")}
    changed = _changed(config.pairs, "pairs", _shipped_section(config.name, "pairs"))
    keys = [f"pairs.{name}" for name, share in shares.items() if share != getattr(config.pairs, name)]
    return list(_unused([key for key in keys if key in changed], f"{data.reader.folder} says the splits"))


def _losses_that_never_begin(config: Config, images: int | None) -> Iterator[str]:
    losses, batch = config.losses, config.train.batch
    begin: dict[str, bool] = {}
    if losses.needs_features:
        begin["losses.features"] = _begins(losses.features, images, config.train)
    if losses.adversarial.weight > 0:
        begin["losses.adversarial"] = _begins(losses.adversarial, images, config.train)
    if losses.consistency.is_active:
        begin["losses.consistency"] = _begins(losses.consistency, images, config.train)
    for key, begins in begin.items():
        if not begins:
            name = key.removeprefix("losses.")
            what = "the losses on features never begin" if name == "features" else f"the {name} loss never begins"
            yield f"{key}.{_start(getattr(losses, name), images)}: {what}: lower it, or set {key}.start_share=0.25"
    if begin.get("losses.adversarial"):
        yield from _ramp_beyond_the_end(losses.adversarial, images)
    steps = None if images is None else math.ceil(images / batch)
    for key in ("losses.features", "losses.consistency"):
        every = getattr(losses, key.removeprefix("losses.")).every
        if begin.get(key) and steps is not None and every > steps:
            yield f"{key}.every={every}: the run has {steps} steps: lower it"


def _begins(section: LateStart, images: int | None, train: TrainConfig) -> bool:
    """Whether a step begins at the start or after it, of which the last one begins before the end."""
    last = None if images is None else (math.ceil(images / train.batch) - 1) * train.batch
    if section.start_share is None:
        return last is None or section.start_images <= last
    if images is None or last is None or train.minutes is not None:  # the share also follows the clock
        return section.start_share < 1
    return section.start_share <= last / images


def _start(section: LateStart, images: int | None) -> str:
    if section.start_share is not None:
        end = "the end of the run" if section.start_share == 1 else "after the beginning of the run's last step"
        return f"start_share={section.start_share:g} is {end}"
    return f"start_images={section.start_images:_} is beyond the end of the run ({images:_} images)"


def _ramp_beyond_the_end(section: AdversarialConfig, images: int | None) -> Iterator[str]:
    if section.ramp_share:
        reached = (1 - (section.start_share or 0.0)) / section.ramp_share
        key = f"ramp_share={section.ramp_share:g}"
    elif section.ramp_images and images is not None:
        reached = (images - section.start_images) / section.ramp_images
        key = f"ramp_images={section.ramp_images:_}"
    else:
        return
    if reached < 1:
        yield f"losses.adversarial.{key}: the run ends before the loss has its full weight, at {reached:.0%} of it"


def _longer_than_the_run(train: TrainConfig, images: int) -> Iterator[str]:
    if train.warmup_images > images:
        yield (
            f"train.warmup_images={train.warmup_images:_}: the run ends after {images:_} images, before the learning"
            f" rates are reached: lower it, or set train.warmup_share"
        )
    if _is_changed(train, "ema_halflife_images") and train.ema_halflife_images > images:
        yield (
            f"train.ema_halflife_images={train.ema_halflife_images:_}: the run ends after {images:_} images, where it"
            f" is at most {images / 20:.0f} (a twentieth of the images seen)"
        )


def _rarer_than_the_end(train: TrainConfig, images: int) -> Iterator[str]:
    if _is_changed(train, "validate_every_images") and train.validate_every_images > images:
        yield f"train.validate_every_images={train.validate_every_images:_}: the run validates at its end only"
    if _is_changed(train, "checkpoint_every_images") and train.checkpoint_every_images > images:
        yield f"train.checkpoint_every_images={train.checkpoint_every_images:_}: the only checkpoint is that of the end"
    steps = math.ceil(images / train.batch)
    if _is_changed(train, "log_every") and train.log_every > steps:
        yield f"train.log_every={train.log_every}: the run has {steps} steps, so metrics.jsonl gets no losses: lower it"


def _early_stop_that_never_stops(train: TrainConfig, images: int | None, validation_photos: int) -> Iterator[str]:
    patience = train.early_stop.patience or 0
    if not validation_photos:
        yield "train.early_stop: there are no validation photos, so that it never stops: raise pairs.val_share"
    elif images is not None and images // train.validate_every_images < patience + 1:
        validations = images // train.validate_every_images
        yield (
            f"train.early_stop.patience={patience}: never stops, because the run validates {validations} times: lower"
            " train.validate_every_images"
        )


def _without_effect(config: Config) -> Iterator[str]:
    """Yield a sentence for each thing that is off although settings of it are changed."""
    losses, train, model = config.losses, config.train, config.model
    for name in ("unet", "unet_2017", "resnet", "transformer", "lite"):
        if name != model.generator.replace("-", "_"):
            yield from _unused(_changed(getattr(model, name), f"model.{name}"), f"model.generator is {model.generator}")
    if losses.adversarial.weight == 0:
        # Not model.discriminator: configurations keep it for sweeps in which the weight is above 0 at times.
        keys = _changed(train.discriminator, "train.discriminator")
        keys += [key for key in _changed(losses.adversarial, "losses.adversarial") if not key.endswith(".weight")]
        keys += ["train.augment.discriminator"] if train.augment.discriminator else []
        yield from _unused(keys, "losses.adversarial.weight is 0")
    if not losses.needs_features:
        yield from _unused(_changed(losses.features, "losses.features"), "no loss compares features")
    for key in ("perceptual", "content", "consistency"):
        section = getattr(losses, key)
        if not section.weight:
            keys = [name for name in _changed(section, f"losses.{key}") if not name.endswith(".weight")]
            yield from _unused(keys, f"losses.{key}.weight is 0")
    if not losses.style.is_active:
        keys = [key for key in _changed(losses.style, "losses.style") if not key.endswith("weight")]
        yield from _unused(keys, "losses.style.weight is 0")
    if config.distill.teacher_run is None:
        keys = [*_changed(config.distill.output, "distill.output")]
        yield from _unused(keys, "distill.teacher_run is not set")
    if losses.balance.style_to_content is None:
        yield from _unused(_changed(losses.balance, "losses.balance"), "losses.balance.style_to_content is null")
    if config.tracking.wandb == "off":
        keys = _changed(config.tracking, "tracking", _shipped_section(config.name, "tracking"))
        yield from _unused([key for key in keys if key != "tracking.tensorboard"], "tracking.wandb is off")
    yield from _unused_in_training(train)


def _unused_in_training(train: TrainConfig) -> Iterator[str]:
    for name, optimizer in (("generator", train.generator), ("discriminator", train.discriminator)):
        if optimizer.kind == "adam" and _is_changed(optimizer, "momentum"):
            yield from _unused([f"train.{name}.momentum"], f"train.{name}.kind is adam")
    if train.decay == "cosine" and train.decay_from == 1:
        yield from _unused(["train.decay"], "train.decay_from is 1")
    if train.early_stop.patience is None:
        yield from _unused(_changed(train.early_stop, "train.early_stop"), "train.early_stop.patience is null")
    yield from _unused_graphs(train)


def _unused_graphs(train: TrainConfig) -> Iterator[str]:
    if train.cuda_graphs and not train.compile:
        yield from _unused(["train.cuda_graphs"], "train.compile is false")
    elif train.cuda_graphs and (device := pick_device(train)).type != "cuda":
        reason = "training runs on the CPU" if compiles(train, device) else "train.compile=auto compiles on a GPU only"
        yield from _unused(["train.cuda_graphs"], reason)


def _unused(keys: list[str], reason: str) -> Iterator[str]:
    if keys:
        more = f" and {len(keys) - _SHOWN_KEYS} more" if len(keys) > _SHOWN_KEYS else ""
        yield f"{', '.join(keys[:_SHOWN_KEYS])}{more}: without effect, because {reason}"


def _changed(section: BaseModel, prefix: str, shipped: BaseModel | None = None) -> list[str]:
    """Return the keys of a section whose values are not the defaults, with the section's name before them.

    Values of the shipped configuration that the run was begun with do not count, if `shipped` is its section.
    """
    usual: list[Any] = [type(section)(), *([] if shipped is None else [shipped])]
    return [f"{prefix}.{key}" for key, value in section if all(value != getattr(other, key) for other in usual)]


def _shipped_section(name: str, section: str) -> BaseModel | None:
    """Return a section of the shipped configuration of this name; None if there is none."""
    path = shipped_configs().get(name)
    return None if path is None else getattr(load_config(path), section)


def _is_changed(section: BaseModel, key: str) -> bool:
    return bool(getattr(section, key) != type(section).model_fields[key].default)
