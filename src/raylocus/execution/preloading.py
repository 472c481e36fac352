"""Libraries that worker processes have from their start: loaded once, by the process that all are forked from."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing import forkserver

#: What OpenMP (torch), OpenBLAS (numpy) and MKL read when they are loaded: threads of one process.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def begin_to_load(module: str, threads: int) -> None:
    """Has a module loaded, while this process goes on, for all processes that are forked from the fork server.

    Args:
        module: its name.
        threads: of each process, where the environment does not say how many.
    """
    unsaid = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unsaid, str(threads)))
    try:
        multiprocessing.get_context("forkserver").set_forkserver_preload([module])
        forkserver.ensure_running()
    finally:
        for name in unsaid:
            del os.environ[name]
