#!/usr/bin/env bash
# What only a GPU shows, in about ten minutes: the tests that need one, and the speed of a step beside the plain loop's
# (into benchmarks/results). With PAIRS, STYLE and VGG also a training of MINUTES, and its figures:
#
#   PAIRS=data/pairs/mine STYLE=painting.jpg VGG=vgg19.safetensors MINUTES=20 bash pipelines/gpu.sh
set -euo pipefail
OUT=${OUT:-out/gpu}
PYTHON=${PYTHON:-python3}
DEVICE=${DEVICE:-cuda}
SQUARES=$OUT/pairs # of 256x256, which is what the plain loop learns from
mkdir -p "$OUT"

[ -e "$SQUARES/manifest.json" ] ||
    $PYTHON -m pix2style make-pairs --content pix2style/samples/photos --teacher watercolor --out "$SQUARES" --size 256
$PYTHON -m pytest tests/training/test_gpu.py -q -n 4 2>&1 | tee "$OUT/tests.txt"
for graphs in "" --cuda-graphs; do
    $PYTHON benchmarks/train_step.py --pairs "$SQUARES" --device "$DEVICE" --rounds 3 --seconds 2 --batches 1 16 64 $graphs
done
if [ -n "${PAIRS:-}" ]; then
    $PYTHON benchmarks/quality.py --pairs "$PAIRS" --style "${STYLE:?the painting of PAIRS}" --vgg "${VGG:?VGG19 weights}" \
        --recipes watercolor --device "$DEVICE" --minutes "${MINUTES:-4}" --out "$OUT/quality"
fi
