#!/usr/bin/env bash
# Runs the test suite as processors with other instruction sets would: sums are added up in another order there, and
# what hangs on a last bit comes out otherwise.
#
#     tests/instruction_sets.sh            every set, one after the other, with the arguments of `make test`
#     tests/instruction_sets.sh avx2 -x    one set; what follows its name goes to pytest
#
# NumPy groups its dispatched features and ignores names that are none of the groups, with a warning that nobody sees;
# so each set is asked what it really runs on before its tests. MKL (PyTorch) and oneDNN have variables of their own.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
unset PYTHONDONTWRITEBYTECODE

declare -A SETS=(
  [native]=""
  [avx2]="NPY_DISABLE_CPU_FEATURES='X86_V4 AVX512_ICL AVX512_SPR' OPENBLAS_CORETYPE=Haswell
          ATEN_CPU_CAPABILITY=avx2 DNNL_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2"
  [sse4]="NPY_DISABLE_CPU_FEATURES='X86_V3 X86_V4 AVX512_ICL AVX512_SPR' OPENBLAS_CORETYPE=Nehalem
          ATEN_CPU_CAPABILITY=default DNNL_MAX_CPU_ISA=SSE41 MKL_ENABLE_INSTRUCTIONS=SSE4_2"
  [avx512]="OPENBLAS_CORETYPE=SkylakeX ATEN_CPU_CAPABILITY=avx512 DNNL_MAX_CPU_ISA=AVX512_CORE
            MKL_ENABLE_INSTRUCTIONS=AVX512"
)
SHOW='
import numpy, scipy.linalg, threadpoolctl, torch
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
numpy_sets = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)] or ["baseline"]
kernels = sorted({pool["architecture"] for pool in threadpoolctl.threadpool_info() if "architecture" in pool})
print("numpy", *numpy_sets, "| openblas", *kernels, "| torch", torch.backends.cpu.get_cpu_capability())
'

run() {
  local name=$1 && shift
  eval "export OMP_NUM_THREADS=1 ${SETS[$name]//$'\n'/ }"
  echo "== $name: $($PYTHON -c "$SHOW")"
  $PYTHON -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder "$@"
}

if [[ $# -gt 0 ]]; then
  [[ -v SETS[$1] ]] || { echo "no instruction set $1; choose of: ${!SETS[*]}" >&2; exit 2; }
  run "$@"
  exit
fi
failed=()
for name in native avx2 sse4 avx512; do
  if [[ $name == avx512 ]] && ! grep -qw avx512f /proc/cpuinfo; then
    echo "== avx512: left out, this processor has none"
    continue
  fi
  (run "$name") || failed+=("$name")
done
[[ ${#failed[@]} -eq 0 ]] || { echo "failed on: ${failed[*]}" >&2; exit 1; }
