#!/usr/bin/env bash
# Run the whole path on 300 real photos and one painting, on a CPU in about half an hour: make pairs of 256x256 pixels with
# a Magenta network, train a U-Net and the lightweight generator, export it, measure it, and stylize 20 photos.
# PIX2STYLE_ASSETS is the folder that holds data/ and assets/.
set -euo pipefail
A=${PIX2STYLE_ASSETS:?the folder with data/content, data/styles, assets/teacher and assets/vgg}
OUT=${OUT:-out/real-input}
CONFIG=configs/real-input-cpu.yaml

pix2style make-pairs --config $CONFIG --content "$A/data/content" --style "$A/data/styles/style08.jpg" \
    --module "$A/assets/teacher/magenta26" --out "$OUT/pairs"
pix2style train --config $CONFIG --pairs "$OUT/pairs" --out "$OUT/unet" --resume-if-begun \
    losses.features.weights="$A/assets/vgg/vgg19_to_conv3_1.safetensors"
pix2style train --config $CONFIG --pairs "$OUT/pairs" --out "$OUT/lite" --resume-if-begun name=lite model.generator=lite \
    losses.features.weights="$A/assets/vgg/vgg19_to_conv3_1.safetensors" \
    train.batch=8
pix2style export "$OUT/lite" -o "$OUT/style08.onnx"
pix2style eval "$OUT/unet" "$OUT/lite" "$OUT/style08.onnx" --pairs "$OUT/pairs" --style "$A/data/styles/style08.jpg" \
    --features "$A/assets/vgg/vgg19_to_conv3_1.safetensors" --sheet "$OUT/sheet.png"
photos=("$A"/data/content/*.jpg)
pix2style infer "$OUT/style08.onnx" "${photos[@]:0:20}" -o "$OUT/pictures" --overwrite
