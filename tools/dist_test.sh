#!/usr/bin/env bash
# tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of tools/test.py]
# GPUS is the number of processes a node: GPUs (nccl), or CPU processes (gloo) where there is none.
# Several nodes: set NNODES, NODE_RANK, MASTER_ADDR and PORT on each.
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
root="$(cd "$(dirname "$0")/.." && pwd)"

export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
# exec: whoever ends this script ends the processes.
exec python -m mmlevelset.commands.launch \
    --nnodes="${NNODES:-1}" \
    --node-rank="${NODE_RANK:-0}" \
    --master-addr="${MASTER_ADDR:-127.0.0.1}" \
    --master-port="${PORT:-29500}" \
    --nproc-per-node="$3" \
    "$root/tools/test.py" "$1" "$2" --launcher pytorch "${@:4}"
