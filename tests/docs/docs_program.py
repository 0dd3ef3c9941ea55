"""Runs the commands of the documentation in this process, and makes them small enough for a test."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pix2style.cli import main

SMALL_RUN = (
    "train.images=8",
    "train.batch=2",
    "train.augment.crop=32",
    "train.device=cpu",
    "train.precision=fp32",
    "train.compile=false",
    "train.workers=0",
    "train.decoded_cache_gb=0",
    "train.cuda_graphs=false",
    "tracking.wandb=off",
    "model.unet.channels=8",
    "model.unet.levels=2",
    "model.unet_2017.channels=4",
    "model.resnet.channels=8",
    "model.resnet.blocks=1",
    "model.lite.channels=8",
    "model.lite.blocks=1",
    "model.discriminator.channels=8",
    "losses.adversarial.start_images=0",
    "losses.features.start_images=0",
    "losses.features.start_share=null",
    "train.minutes=null",
    "losses.features.every=1",
    "train.warmup_images=0",
    "export.int8_min_psnr_db=0",
    "export.calibration_photos=2",
    "export.held_out_photos=2",
)
SMALL_FEATURES = (
    "losses.features.network=vgg19",
    "losses.features.weights=vgg19_to_conv3_1.safetensors",
    "losses.perceptual.layers={relu1_1: 1}",
    "losses.style.layers={relu1_1: 1}",
    "losses.content.layers={relu1_1: 1}",
)
SPLITS = ("pairs.val_share=0.3", "pairs.test_share=0.3")


def run_program(folder: Path, *arguments: str) -> int:
    """Run `pix2style` in this process, where torch is loaded already, and return the exit code."""
    before, argv = Path.cwd(), sys.argv
    os.chdir(folder)
    sys.argv = ["pix2style", *arguments]
    try:
        main()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    finally:
        os.chdir(before)
        sys.argv = argv
    return 0
