#!/usr/bin/env bash
# Run what only a GPU can show: the tests that need one, and the speed of a training step beside that of the plain loop,
# without and with CUDA graphs (written to benchmarks/results). With PAIRS, STYLE and VGG, also train for MINUTES and
# write the figures to OUT. PARTS chooses among these parts, if you have a GPU for minutes only:
#
#   PARTS="tests step" bash pipelines/gpu.sh
#   PARTS=training PAIRS=data/pairs/mine STYLE=painting.jpg VGG=vgg19.safetensors MINUTES=20 bash pipelines/gpu.sh
set -euo pipefail
OUT=${OUT:-out/gpu}
PYTHON=${PYTHON:-python3}
PARTS=${PARTS:-tests step graphs ${PAIRS:+training}}
SQUARES=$OUT/pairs # pairs of 256x256 pixels, the size that the plain loop reads
mkdir -p "$OUT"
failed=0

for part in $PARTS; do
    case $part in
    tests) # compiling takes most of the time: not one file after the other
        $PYTHON -m pytest tests/training/step/test_gpu.py -q -n 8 --maxprocesses 8 --dist load 2>&1 | tee "$OUT/tests.txt" || failed=1
        ;;
    step | graphs)
        [ -e "$SQUARES/manifest.json" ] || $PYTHON -m pix2style make-pairs --content pix2style/samples/photos \
            --teacher watercolor --out "$SQUARES" --size 256
        graphs=$([ "$part" = step ] || echo --cuda-graphs)
        # shellcheck disable=SC2086 # an option, or nothing
        $PYTHON benchmarks/train_step.py --pairs "$SQUARES" --device cuda --rounds 3 --seconds 2 --batches 1 32 $graphs || failed=1
        ;;
    training)
        $PYTHON benchmarks/quality.py --pairs "${PAIRS:?a pair set}" --style "${STYLE:?its painting}" --vgg "${VGG:?VGG19 weights}" \
            --recipes watercolor --device cuda --minutes "${MINUTES:-4}" --out "$OUT/quality" --result "$OUT/quality.md" || failed=1
        ;;
    *)
        echo "PARTS: $part is none of tests, step, graphs, training" >&2
        exit 2
        ;;
    esac
done
exit $failed
