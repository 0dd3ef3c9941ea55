#!/usr/bin/env bash
# Train on all GPUs of one machine, with one process for each. They share the batch (train.batch) among them, so an
# experiment means the same on one GPU or eight. Ctrl-C saves a checkpoint; the same command then resumes.
#
#   PAIRS=data/pairs/mine OUT=runs/mine pipelines/train-torchrun.sh train.batch=32
set -euo pipefail

: "${PAIRS:?set PAIRS to the pair set}" "${OUT:?set OUT to the run folder}"
CONFIG=${CONFIG:-configs/watercolor.yaml}
PROCESSES=${PROCESSES:-gpu} # gpu: as many as there are GPUs; without a GPU, give a number

torchrun --nproc-per-node "$PROCESSES" -m pix2style train --config "$CONFIG" --pairs "$PAIRS" --out "$OUT" \
  --resume-if-begun "$@"
