"""Where UEs are when they report: what mobility draws, importers read and `observe` measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.ragged import Rows


@dataclass(frozen=True)
class Trajectories:
    """Where UEs are at the times of their reports, ragged like `Reports`."""

    report_offsets: Int[np.ndarray, " sample_plus_1"]
    """Reports `report_offsets[i]:report_offsets[i + 1]` are of UE i."""
    time: Float[np.ndarray, " report"]
    """Seconds since the UE's first report."""
    position: Float[np.ndarray, "report 3"]
    """UE antenna position [m] in the place's frame."""

    def __len__(self) -> int:
        return len(self.report_offsets) - 1


def select_sequences(
    trajectories: Trajectories, chosen: Int[np.ndarray, " selected"]
) -> tuple[Trajectories, slice]:
    """The trajectories of consecutive sequences, and which of all reports are theirs."""
    offsets = trajectories.report_offsets[chosen[0] : chosen[-1] + 2]
    rows = slice(int(offsets[0]), int(offsets[-1]))
    return Trajectories(offsets - offsets[0], trajectories.time[rows], trajectories.position[rows]), rows


def keep_reports(trajectories: Trajectories, reports: Int[np.ndarray, " kept"]) -> Trajectories:
    """Trajectories of some of the reports (ascending); sequences left with none are dropped.

    Time starts again at each sequence's first report that is kept.
    """
    rows, time = Rows(trajectories.report_offsets).keep(reports), trajectories.time[reports]
    return Trajectories(rows.offsets, time - time[rows.first], trajectories.position[reports])


def velocities(trajectories: Trajectories) -> Float[np.ndarray, "report 3"]:
    """Velocity of the UE at each report [m/s]: from the last position, and at the first towards the next."""
    time, position, rows = trajectories.time, trajectories.position, Rows(trajectories.report_offsets)
    later = np.minimum(np.maximum(np.arange(len(time)), rows.first + 1), rows.offsets[1:][rows.row] - 1)
    earlier = np.maximum(later - 1, rows.first)
    return (position[later] - position[earlier]) / np.maximum(time[later] - time[earlier], 1e-3)[:, None]
