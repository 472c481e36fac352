#!/usr/bin/env bash
# What a change of the code alone leaves as it was: the atlas and R of munich, the tiny dataset and its places, the tiny
# demo's model and table, as SHA-256. A minute or two; run it before and after, on one machine, and compare:
#
#     tests/same_bytes.sh > before.txt && git switch my-branch && tests/same_bytes.sh | diff before.txt -
#
# `tests/same_bytes.sh demo` takes the demo's recipe in place of the tiny one.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
PYTHON=${PYTHON:-$repository/.venv/bin/python}
recipe=${1:-tiny}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PYTHONPATH=$repository/src OMP_NUM_THREADS=1
raylocus() { "$PYTHON" -m raylocus "$@" >&2; }

cd "$folder"
raylocus scene build munich --out places/munich --scene.resolution 8
raylocus maps trace places/munich
raylocus demo --recipe "$recipe"
# A store's manifest lists the hash of each of its files.
sha256sum places/*/place.json places/*/*.zarr/manifest.json "datasets/$recipe.zarr/manifest.json" \
  "runs/$recipe/metrics.json" "runs/$recipe/table.txt"
