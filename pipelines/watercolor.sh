#!/usr/bin/env bash
# From photos to filters: stylize COCO-WikiArt (see data/README.md) with Google Magenta's network after one painting, train
# a U-Net on the pairs on a GPU, distil the lightweight generator from both, export it, measure it, and stylize PHOTOS.
# Every step resumes, so run the script again after a stop.
set -euo pipefail
CONFIG=${CONFIG:-configs/watercolor.yaml}
PAIRS=${PAIRS:-data/pairs/watercolor}
OUT=${OUT:-runs}
# settings for a GPU; configs/distill.yaml itself is made for a CPU
LITE=${LITE:-train.batch=32 train.images=2_000_000 train.compile=true train.workers=8
    losses.features.start_images=1_000_000 train.ema_halflife_images=75_000
    train.validate_every_images=200_000 train.checkpoint_every_images=200_000}

pix2style make-pairs --config "$CONFIG" --out "$PAIRS" || [ $? = 1 ] # 1: done, but some photos could not be read
pix2style train --config "$CONFIG" --pairs "$PAIRS" --out "$OUT/watercolor" --resume-if-begun
# shellcheck disable=SC2086 # several overrides
pix2style distill --config configs/distill.yaml --teacher-run "$OUT/watercolor" --pairs "$PAIRS" --out "$OUT/watercolor-lite" \
    --resume-if-begun name=watercolor-lite $LITE
pix2style export "$OUT/watercolor-lite" -o "$OUT/watercolor.onnx" --precision all
pix2style eval "$OUT/watercolor" "$OUT/watercolor.onnx" "$OUT/watercolor.int8.onnx" --pairs "$PAIRS"
pix2style infer "$OUT/watercolor.int8.onnx" "${PHOTOS:?a folder of photos}" -o "$OUT/stylized" --overwrite
