"""A phone asked about again and again while it reports, as whoever follows it does."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from raylocus.errors import InputError
from raylocus.network.reports.reports import Reports

#: Reports that are older than a question by more say nothing to it [s].
HISTORY = 60.0


def asked_every(reports: Reports, seconds: float) -> Reports:
    """A sequence for each question: at a sequence's last report, and before it every so many seconds or more.

    Each ends with the report that is asked about and has those of the `HISTORY` before it.

    Raises:
        InputError: the time is not above 0.
    """
    if not seconds > 0:
        raise InputError(f"questions are asked every so many seconds above 0, not {seconds:g}")
    found: list[tuple[int, int]] = []
    for start, stop in pairwise(reports.report_offsets.tolist()):
        time, asked = reports.time[start:stop], stop - start
        stretches = []
        while asked > 0:
            now = time[asked - 1]
            stretches.append((start + int(np.searchsorted(time, now - HISTORY)), start + asked))
            asked = int(np.searchsorted(time, now - seconds, side="right"))
        found += reversed(stretches)
    return reports.stretches(*np.array(found, np.int64).reshape(-1, 2).T)
