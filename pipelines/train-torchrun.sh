#!/usr/bin/env bash
# Training on all GPUs of one machine, one process for each. The batch (train.batch) is shared out among them, so that
# the same experiment means the same on one GPU or eight; Ctrl-C writes a checkpoint first, and running it again goes on.
#
#   PAIRS=data/pairs/mine OUT=runs/mine pipelines/train-torchrun.sh train.batch=32
set -euo pipefail

: "${PAIRS:?set PAIRS to the pair set}" "${OUT:?set OUT to the run folder}"
CONFIG=${CONFIG:-configs/watercolor.yaml}
PROCESSES=${PROCESSES:-gpu} # gpu: as many as there are; on a machine without, say how many

torchrun --nproc-per-node "$PROCESSES" -m pix2style train --config "$CONFIG" --pairs "$PAIRS" --out "$OUT" \
  --resume-if-begun "$@"
