"""Libraries that worker processes have from their start: loaded once, by the process that all are forked from."""

from __future__ import annotations

import multiprocessing
from multiprocessing import forkserver


def begin_to_load(module: str) -> None:
    """Has a module loaded, while this process goes on, for all processes that are forked from the fork server."""
    multiprocessing.get_context("forkserver").set_forkserver_preload([module])
    forkserver.ensure_running()
