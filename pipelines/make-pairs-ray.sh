#!/usr/bin/env bash
# Make pairs of very many photos on a Ray cluster. All machines must see the folders of the photos and of the pair set, and
# have pix2style with the extras painting and ray installed. You can stop the script and start it again: finished pairs
# are kept.
#
#   CONTENT=/data/photos STYLE=painting.jpg OUT=/data/pairs/mine bash pipelines/make-pairs-ray.sh
#
# ADDRESS is the address of the cluster; by default the one on this machine (ray start --head).
set -euo pipefail

: "${CONTENT:?set CONTENT to the folder of photos}" "${STYLE:?set STYLE to the painting}" "${OUT:?set OUT to the pair set}"
pix2style make-pairs --content "$CONTENT" --style "$STYLE" --out "$OUT" \
  --engine ray --address "${ADDRESS:-auto}" --cpus-per-worker "${CPUS_PER_WORKER:-2}" \
  --gpus-per-worker "${GPUS_PER_WORKER:-0}" "$@"
