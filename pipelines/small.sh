#!/usr/bin/env bash
# Run every stage once, in a minute, on the sample photos with the built-in teacher, as the gate does. The filter that it
# makes is not good, because its training is far too short.
set -euo pipefail
OUT=${OUT:-out/small}
SAMPLES=${SAMPLES:-pix2style/samples/photos}

pix2style make-pairs --content "$SAMPLES" --teacher watercolor --out "$OUT/pairs" --size 96 pairs.val_share=0.1 pairs.test_share=0.2
pix2style pairs verify "$OUT/pairs"
pix2style pairs show "$OUT/pairs" -o "$OUT/pairs.jpg" --count 6
rm -rf "$OUT/folders"
pix2style pairs export "$OUT/pairs" -o "$OUT/folders" --as folders
pix2style train --pairs "$OUT/pairs" --out "$OUT/run" --resume-if-begun name=small model.generator=lite losses.perceptual.weight=0 \
    model.discriminator.channels=8 train.images=128 train.batch=4 train.augment.crop=64 train.workers=0
pix2style export "$OUT/run" -o "$OUT/small.onnx"
pix2style infer "$OUT/small.onnx" "$SAMPLES" -o "$OUT/pictures" --overwrite
pix2style eval watercolor "$OUT/run" "$OUT/small.onnx" --pairs "$OUT/pairs"
