#!/usr/bin/env bash
# The whole: COCO-WikiArt from Kaggle (data/README.md) x one painting through Google Magenta -> pairs -> U-Net on a GPU
# -> figures -> the lightweight generator -> filter -> pictures. Every step resumes: run it again after a stop.
set -euo pipefail
CONFIG=${CONFIG:-configs/watercolor.yaml}

pix2style make-pairs --config "$CONFIG" || [ $? = 1 ] # 1: done, but some photos could not be read
pix2style train --config "$CONFIG" --out runs/watercolor-unet --resume-if-begun
pix2style train --config "$CONFIG" --out runs/watercolor --resume-if-begun model.generator=lite
pix2style export runs/watercolor -o watercolor.onnx
pix2style eval runs/watercolor-unet watercolor.onnx --pairs data/pairs/watercolor
pix2style infer watercolor.onnx "${PHOTOS:?a folder of photos}" -o out/watercolor --overwrite
