#!/usr/bin/env bash
# Run a Weights & Biases sweep (pipelines/sweep.yaml). `sweep.sh` creates a sweep and works on it; on other machines,
# `sweep.sh agent ID` helps. CONFIG and PAIRS name the experiment, IMAGES is the length of a trial in training images,
# and TRIALS is the number of trials that this machine runs. The agent itself calls `sweep.sh trial KEY=VALUE...`.
#
# STARTS are the settings of every trial for when losses begin. In watercolor.yaml the losses on features begin after
# 1,000,000 images and the discriminator after 1,100,000, so a short trial would be without them.
set -euo pipefail
CONFIG=${CONFIG:-configs/watercolor.yaml}
PAIRS=${PAIRS:-data/pairs/watercolor}
IMAGES=${IMAGES:-40000}
STARTS=${STARTS:-losses.features.start_images=0 losses.features.start_share=0.5 losses.adversarial.start_images=0
    losses.adversarial.ramp_images=0 losses.adversarial.start_share=0.55 losses.adversarial.ramp_share=0.05}

case ${1:-new} in
new)
    ID=$(wandb sweep --project "${PROJECT:-pix2style}" pipelines/sweep.yaml 2>&1 | tee /dev/stderr | sed -n 's/.*wandb agent \([^ ]*\).*/\1/p' | tail -n 1)
    exec "$0" agent "${ID:?the sweep could not be made: see above}"
    ;;
agent)
    exec wandb agent --count "${TRIALS:-20}" "${2:?the ID of a sweep, ENTITY/PROJECT/ID}"
    ;;
trial)
    shift
    # W&B sets the ID of the trial, so a trial that was stopped resumes in its own folder.
    # shellcheck disable=SC2086 # several overrides
    exec pix2style train --config "$CONFIG" --pairs "$PAIRS" --resume-if-begun \
        --out "runs/sweep/${WANDB_RUN_ID:?set by the agent}" \
        "train.images=$IMAGES" train.best_by=ssim $STARTS tracking.wandb=online tracking.artifacts=false "$@"
    ;;
*)
    echo "usage: sweep.sh [new | agent ID]" >&2
    exit 2
    ;;
esac
