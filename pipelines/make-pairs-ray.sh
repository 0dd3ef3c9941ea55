#!/usr/bin/env bash
# Pairs of very many photos on a Ray cluster whose machines share the folders of the photos and of the pair set, and have
# pix2style[pairs,ray] installed. Can be stopped and submitted again: finished pairs are kept.
#
#   CONTENT=/data/photos STYLE=painting.jpg OUT=/data/pairs/mine bash pipelines/make-pairs-ray.sh
#
# ADDRESS is the cluster's; without one it is the cluster of this machine (ray start --head).
set -euo pipefail

: "${CONTENT:?set CONTENT to the folder of photos}" "${STYLE:?set STYLE to the painting}" "${OUT:?set OUT to the pair set}"
pix2style make-pairs --content "$CONTENT" --style "$STYLE" --out "$OUT" \
  --engine ray --address "${ADDRESS:-auto}" --cpus-per-worker "${CPUS_PER_WORKER:-2}" \
  --gpus-per-worker "${GPUS_PER_WORKER:-0}" "$@"
