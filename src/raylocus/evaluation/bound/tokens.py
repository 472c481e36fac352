"""The part of one sequence's reports that the bound's likelihood uses, as flat tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.evaluation.observations import Observations
from raylocus.scenes.sites import Deployment

#: Cell levels used at most; the cost of the likelihood grows with their square.
MOST_LEVELS = 56
#: Reports used at most, and the age beyond which they are left out [s].
MOST_REPORTS, MEMORY = 6, 60.0


@dataclass(frozen=True)
class SequenceTokens:
    """Levels, beams and timing advances of one sequence; `report` counts the reports used, the last is last."""

    ago: Float[np.ndarray, "report"]
    """Seconds before the last report."""
    level: Float[Tensor, "token"]
    """RSRP [dBm]."""
    level_cell: Int[Tensor, "token"]
    level_site: Int[Tensor, "token"]
    level_report: Int[Tensor, "token"]
    beam_report: Int[Tensor, "beamed"]
    """Reports with beams."""
    beam_cell: Int[Tensor, "beamed"]
    """Serving cell of those."""
    beam_level: Float[Tensor, "beamed beam"]
    """L1-RSRP [dBm]; NaN where unreported."""
    advance: Float[Tensor, "timed"]
    """T_A [steps]."""
    advance_site: Int[Tensor, "timed"]
    advance_report: Int[Tensor, "timed"]
    unreported: Int[Tensor, "silent"]
    """Cells that the last report does not name."""


def used_reports(observed: Observations, sample: int, most: int) -> Int[np.ndarray, "report"]:
    """Up to `most` reports of a sequence, spread evenly over the last `MEMORY` seconds, with the last."""
    rows = np.arange(observed.report_offsets[sample], observed.report_offsets[sample + 1])
    rows = rows[observed.time[rows] >= observed.time[rows[-1]] - MEMORY]
    heard = max(float(observed.heard[rows].mean()), 1.0)
    count = min(len(rows), most, max(int(MOST_LEVELS // heard), 1))
    # Counted from the end, so that a single report is the last.
    return rows[len(rows) - 1 - np.unique(np.linspace(0, len(rows) - 1, count).astype(np.int64))[::-1]]


def sequence_tokens(
    observed: Observations, deployment: Deployment, rows: Int[np.ndarray, "report"]
) -> SequenceTokens:
    """The tokens of some reports of one sequence."""
    site_of_cell = deployment.site_of_cell
    rsrp, serving = observed.rsrp[rows], observed.serving[rows]
    report, cell = np.nonzero(np.isfinite(rsrp))
    beamed = np.flatnonzero(np.isfinite(observed.beam_rsrp[rows]).sum(axis=1) > 1)
    timed = np.flatnonzero(np.isfinite(observed.timing_advance[rows]))
    return SequenceTokens(
        ago=observed.time[rows[-1]] - observed.time[rows],
        level=_real(rsrp[report, cell]),
        level_cell=_whole(cell),
        level_site=_whole(site_of_cell[cell]),
        level_report=_whole(report),
        beam_report=_whole(beamed),
        beam_cell=_whole(serving[beamed]),
        beam_level=_real(observed.beam_rsrp[rows][beamed]),
        advance=_real(observed.timing_advance[rows][timed]),
        advance_site=_whole(site_of_cell[serving[timed]]),
        advance_report=_whole(timed),
        unreported=_whole(np.flatnonzero(~np.isfinite(rsrp[-1]))),
    )


def _real(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _whole(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.int64))
