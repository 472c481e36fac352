"""Handover of a connected UE by event A3, and its history (TS 38.331 §5.5.4.4, §5.3.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.rrc.events import Event, event_conditions, reports_by_step
from raylocus.ragged import Rows


def neighbour_cells(
    rsrp: Float[np.ndarray, "report cell"], serving: Int[np.ndarray, " report"], most: int
) -> Int[np.ndarray, "report neighbour"]:
    """Indices of the strongest cells other than the serving one, strongest first; −1 where there is none.

    Levels are filtered RSRP [dBm], NaN where a cell is not to be reported; `most` is maxReportCells, 1 to 8.
    """
    level = np.where(np.isnan(rsrp), -np.inf, rsrp)
    np.put_along_axis(level, serving[:, None], -np.inf, axis=1)
    order = np.argsort(-level, axis=1, kind="stable")[:, :most]
    return np.where(np.isinf(np.take_along_axis(level, order, axis=1)), -1, order)


#: A3 as networks set it: 3 dB better for 0.32 s.
DEFAULT_EVENT = Event("A3", offset=2.0, hysteresis=1.0, time_to_trigger=0.32)


@dataclass(frozen=True)
class HandoverHistory:
    """Serving cells along sequences."""

    serving: Int[np.ndarray, " report"]
    """Serving cell at each instant."""
    count: Int[np.ndarray, " report"]
    """Handovers since the sequence began."""
    stay: Float[np.ndarray, " report"]
    """Time since the last handover, or since the sequence began [s]."""


def handover_history(
    rsrp: Float[np.ndarray, "report cell"],
    time: Float[np.ndarray, " report"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    event: Event = DEFAULT_EVENT,
) -> HandoverHistory:
    """Serving cells when each UE hands over to the cell whose A3 has held for the time-to-trigger.

    The strongest cell serves at first; a serving cell that is lost is replaced by the strongest at once
    (re-establishment). Between instants nothing is known, so a condition that holds at two instants in
    a row held between them. Every instant must have a cell that is measured.

    Levels are L3-filtered [dBm], NaN where a cell is not measured; times in s.
    """
    level = np.where(np.isnan(rsrp), -np.inf, rsrp)
    serving = level.argmax(axis=1)
    count = np.zeros(len(time), np.int64)
    arrived = time[Rows(report_offsets).first]
    # Of every cell, when its condition began to hold; what is set at the first instants is all that is kept of this.
    since = np.where(_better(level, serving, event), time[:, None], np.inf)
    for now in reports_by_step(report_offsets):
        own = serving[now - 1]
        better = _better(level[now], own, event)
        since[now] = np.where(better, np.minimum(since[now - 1], time[now, None]), np.inf)
        due = better & (time[now, None] - since[now] >= event.time_to_trigger)
        target = np.where(due, level[now], -np.inf).argmax(axis=1)
        lost = np.isneginf(level[now, own])
        new = np.where(due.any(axis=1), target, np.where(lost, level[now].argmax(axis=1), own))
        moves = new != own
        serving[now] = new
        count[now] = count[now - 1] + moves
        arrived[now] = np.where(moves, time[now], arrived[now - 1])
        # Conditions are of the new serving cell from now on.
        since[now] = np.where(moves[:, None], np.inf, since[now])
    return HandoverHistory(serving, count, time - arrived)


def _better(
    level: Float[np.ndarray, "report cell"], own: Int[np.ndarray, " report"], event: Event
) -> Bool[np.ndarray, "report cell"]:
    """Whether each cell's entering condition holds; never that of the serving cell itself."""
    better, _ = event_conditions(np.take_along_axis(level, own[:, None], axis=1)[:, 0], level, event)
    np.put_along_axis(better, own[:, None], False, axis=1)
    return better
