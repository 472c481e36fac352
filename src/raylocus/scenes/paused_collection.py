"""Python's search for cyclic garbage, put off while a map is read or built."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collection() -> Iterator[None]:
    """No search for cyclic garbage within: shapes and tags by the ten thousand set it off, and none are garbage.

    It looked at every object of the process again and again, for a fifth of the time that a build took.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
