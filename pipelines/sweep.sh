#!/usr/bin/env bash
# A W&B sweep (pipelines/sweep.yaml). `sweep.sh` makes one and works on it; on other machines `sweep.sh agent ID` helps.
# CONFIG and PAIRS say which experiment; IMAGES how long a trial is; TRIALS how many this machine makes.
# The agent itself calls `sweep.sh trial KEY=VALUE...`.
set -euo pipefail
CONFIG=${CONFIG:-configs/watercolor.yaml}
PAIRS=${PAIRS:-data/pairs/watercolor}
IMAGES=${IMAGES:-40000}

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
    # W&B names the trial; one that was stopped goes on
    exec pix2style train --config "$CONFIG" --pairs "$PAIRS" --out "runs/sweep/${WANDB_RUN_ID:?set by the agent}" --resume-if-begun \
        "train.images=$IMAGES" tracking.wandb=online tracking.artifacts=false "$@"
    ;;
*)
    echo "usage: sweep.sh [new | agent ID]" >&2
    exit 2
    ;;
esac
