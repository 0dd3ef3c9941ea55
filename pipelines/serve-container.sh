#!/usr/bin/env bash
# Build the container of `pix2style serve` (Dockerfile), and check that it works without root, without capabilities and
# with nothing writable but /dev/shm: it has to become ready, stylize a photo, refuse one without the token, and end
# after SIGTERM.
#
#   bash pipelines/serve-container.sh
#
# ENGINE is docker or podman, with options if needed: ENGINE="podman --runtime runc". BUILD_OPTIONS and RUN_OPTIONS are
# added to the commands `build` and `run`, for example BUILD_OPTIONS="--isolation chroot --network host". With
# BASE=debian, the script first makes a base image with Python from Debian's packages, for machines that reach Debian
# but no registry of container images (needs root and debootstrap).
set -euo pipefail
cd "$(dirname "$0")/.."

ENGINE=${ENGINE:-$(command -v docker || command -v podman || true)}
: "${ENGINE:?install docker or podman, or set ENGINE}"
engine() { $ENGINE "$@"; }
image=pix2style-serve token=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n') name=pix2style-serve-try-$$
work=$(mktemp -d)
clean() { engine rm -f "$name" >/dev/null 2>&1 || true; rm -rf "$work"; }
trap clean EXIT

python_image=docker.io/library/python:3.13-slim
if [ "${BASE:-}" = debian ]; then
  python_image=localhost/python:debian
  debootstrap --variant=minbase --include=python3,python3-pip,python3-venv,ca-certificates trixie "$work/base" \
    "${MIRROR:-http://deb.debian.org/debian}" >"$work/log" || { tail "$work/log"; exit 1; }
  rm -rf "$work"/base/usr/lib/python3*/EXTERNALLY-MANAGED "$work"/base/var/{cache/apt,lib/apt/lists}/*
  ln -sf python3 "$work/base/usr/bin/python"
  certificates=/etc/ssl/certs/ca-certificates.crt # those of this machine, which may be behind a proxy with its own
  cp -L "$certificates" "$work/base$certificates"
  tar -C "$work/base" -c . | engine import --change "ENV SSL_CERT_FILE=$certificates" - "$python_image" >/dev/null
fi
# shellcheck disable=SC2086 # several options
engine build ${BUILD_OPTIONS:-} --build-arg PYTHON_IMAGE="$python_image" -t "$image" .
engine image inspect --format 'size: {{.Size}} bytes' "$image"

readonly_root=(--read-only)
case $ENGINE in *podman*) readonly_root+=(--read-only-tmpfs=false) ;; esac # otherwise podman makes /tmp writable
export PIX2STYLE_SERVE_TOKEN=$token
# shellcheck disable=SC2086
engine run -d --name "$name" ${RUN_OPTIONS:-} -p 127.0.0.1::8080 -e PIX2STYLE_SERVE_TOKEN "${readonly_root[@]}" \
  --cap-drop all --security-opt no-new-privileges "$image" >/dev/null
address=http://$(engine port "$name" 8080/tcp | head -1)
for _ in $(seq 100); do
  curl -sf "$address/readyz" >/dev/null && break
  sleep 0.1
done
[ "$(engine exec "$name" id -u)" != 0 ]
if engine exec "$name" touch /file /tmp/file 2>/dev/null; then echo "the root is writable" >&2; exit 1; fi
photo=$(find pix2style/samples -name '*.jpg' | sort | head -1)
ask() { curl -s -o "$work/stylized.jpg" -w '%{http_code} %{content_type}' --data-binary "@$photo" "$@" "$address/v1/stylize"; }
[ "$(ask -H "Authorization: Bearer $token")" = "200 image/jpeg" ] || { engine logs "$name"; exit 1; }
cmp -s "$photo" "$work/stylized.jpg" && exit 1
[ "$(ask)" = "401 application/json" ]
# The command of HEALTHCHECK, which podman's own image format leaves out.
sed -n 's/^  CMD \(\[.*\]\)$/\1/p' Dockerfile | python3 -c 'import json, sys; print("\0".join(json.load(sys.stdin)), end="\0")' |
  xargs -0 $ENGINE exec "$name"
engine stop -t 30 "$name" >/dev/null
engine logs "$name"
[ "$(engine inspect --format '{{.State.ExitCode}}' "$name")" = 0 ]
echo "the container stylizes, and ends after SIGTERM"
