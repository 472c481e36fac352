"""Progress of long work as plain lines: how much is done, at what rate, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable


def progress_lines(unit: str, tell: Callable[[str], None], every: float = 15.0) -> Callable[[int, int], None]:
    """A callback of (done, total) that tells a line at the most every few seconds, and at the end.

    Args:
        unit: what is counted, in the plural.
        tell: given each line.
        every: seconds between two lines.
    """
    started = reported = time.monotonic()
    before: int | None = None

    def callback(done: int, total: int) -> None:
        nonlocal reported, before
        # What an earlier run had done counts for nothing in the rate.
        before = done - 1 if before is None else before
        now = time.monotonic()
        if now - reported < every and done < total:
            return
        reported = now
        rate = max(done - before, 1) / max(now - started, 1e-6)
        left = (total - done) / rate
        tell(f"      {done} of {total} {unit}, {rate:.2g} a second, {left:.0f} s left")

    return callback
