#!/usr/bin/env bash
# The whole: COCO-WikiArt from Kaggle (data/README.md) x one painting through Google Magenta -> pairs -> U-Net on a GPU
# -> the lightweight generator, from the pairs and the U-Net -> filters -> figures -> pictures. Every step resumes: run it
# again after a stop.
set -euo pipefail
CONFIG=${CONFIG:-configs/watercolor.yaml}
PAIRS=${PAIRS:-data/pairs/watercolor}
OUT=${OUT:-runs}
# what a GPU bears; configs/distill.yaml itself is for a CPU
LITE=${LITE:-train.batch=32 train.augment.crop=256 train.images=2_000_000 train.compile=true train.workers=8
    losses.features.start_images=1_000_000 train.ema_halflife_images=75_000
    train.validate_every_images=200_000 train.checkpoint_every_images=200_000}

pix2style make-pairs --config "$CONFIG" --out "$PAIRS" || [ $? = 1 ] # 1: done, but some photos could not be read
pix2style train --config "$CONFIG" --pairs "$PAIRS" --out "$OUT/watercolor" --resume-if-begun
# shellcheck disable=SC2086 # several overrides
pix2style distill --config configs/distill.yaml --teacher-run "$OUT/watercolor" --pairs "$PAIRS" --out "$OUT/watercolor-lite" \
    --resume-if-begun name=watercolor-lite $LITE
pix2style export "$OUT/watercolor-lite" -o "$OUT/watercolor.onnx" --precision all
pix2style eval "$OUT/watercolor" "$OUT/watercolor.onnx" "$OUT/watercolor.int8.onnx" --pairs "$PAIRS"
pix2style infer "$OUT/watercolor.int8.onnx" "${PHOTOS:?a folder of photos}" -o "$OUT/painted" --overwrite
