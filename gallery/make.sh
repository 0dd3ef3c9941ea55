#!/usr/bin/env bash
# Make filters of the gallery again, from public packages, on the processor alone. This takes about ten minutes for each:
# five for the pairs and the training, and the rest for the figures of the card.
#
#   bash gallery/make.sh                        # all of them
#   bash gallery/make.sh great-wave mackerel    # these
#
# It needs Debian (apt-get, dpkg-deb) and pix2style with the extras train, painting and vgg. What is finished is not made
# again: after an interruption, the same command goes on. DATA is the folder of everything that is made on the way, and
# OUT the folder of the filters and their cards. PACKAGES is a folder of .deb files that were downloaded before.
set -euo pipefail
cd "$(dirname "$0")/.."
DATA=data/gallery
OUT=${OUT:-$DATA/filters}
PYTHON=${PYTHON:-python}
pix2style() { "$PYTHON" -m pix2style "$@"; }

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for recipe in gallery/recipes/*.yaml; do names+=("$(basename "$recipe" .yaml)"); done
fi
for name in "${names[@]}"; do
  [ -f "gallery/recipes/$name.yaml" ] || { echo "gallery/recipes/$name.yaml does not exist" >&2; exit 2; }
done

"$PYTHON" gallery/fetch.py --out "$DATA" ${PACKAGES:+--packages "$PACKAGES"} "${names[@]}"
mkdir -p "$OUT" "$DATA/reports"
for name in "${names[@]}"; do
  filter=$OUT/$name.onnx recipe=gallery/recipes/$name.yaml
  if [ -f "$OUT/$name.json" ]; then
    echo "$name: $OUT/$name.json exists"
    continue
  fi
  echo "$name"
  pix2style make-pairs --config "$recipe"
  pix2style train --config "$recipe" --out "runs/gallery/$name" --resume-if-begun
  pix2style export "runs/gallery/$name" -o "$filter"
  reports=$DATA/reports/$name
  pix2style -q eval "$filter" --pairs "$DATA/pairs/$name" --features none --json > "$reports.json"
  pix2style -q eval "$filter" --pairs "$DATA/pairs/$name" --limit 4 --json > "$reports.gram.json"
  pix2style -q eval "$filter" --pairs "$DATA/pairs/$name" --limit 4 --steady --json > "$reports.steady.json"
  "$PYTHON" gallery/write_card.py "$name" --filter "$filter" --pairs "$DATA/pairs/$name" --reports "$DATA/reports"
done
