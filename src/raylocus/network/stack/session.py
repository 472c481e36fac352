"""What a network knows of a session: handovers, events that fired, timing advance and its commands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.mac.uplink import TimingLoop, commanded_timing_advance
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.rrc.events import Event, event_conditions, triggered
from raylocus.network.rrc.handover import HandoverHistory
from raylocus.ragged import Rows
from raylocus.scenes.sites import Carrier


@dataclass(frozen=True)
class SessionReport:
    """RRC features of the serving cell."""

    event: Float[np.ndarray, " report"]
    handovers: Float[np.ndarray, " report"]
    stay: Float[np.ndarray, " report"]


@dataclass(frozen=True)
class AdvanceReport:
    """Timing advance of the serving cell."""

    timing_advance: Float[np.ndarray, " report"]
    """N_TA in steps; a critical feature, which `ReportContent` has."""
    timing_command: Float[np.ndarray, " report"]


def session_report(
    rsrp: Float[np.ndarray, "report cell"],
    history: HandoverHistory,
    trajectories: Trajectories,
    events: tuple[Event, ...],
) -> SessionReport:
    """The session at every report.

    Levels are L3-filtered [dBm].
    """
    event = np.zeros(len(rsrp))
    for each in events:
        fires = fired(rsrp, history, trajectories, each)
        event = np.where(fires, np.maximum(event, each.number), event)
    return SessionReport(event=event, handovers=history.count.astype(float), stay=history.stay)


def advance_report(
    delay: Float[np.ndarray, " report"],
    history: HandoverHistory,
    trajectories: Trajectories,
    carrier: Carrier,
    loop: TimingLoop,
) -> AdvanceReport:
    """Timing advance at every report: measured at access and after handovers, then kept up.

    `delay` is that of the UE's SRS at its serving cell [s]; NaN where it is not heard.
    """
    offsets = trajectories.report_offsets
    changed = np.flatnonzero(np.diff(history.count, prepend=0) > 0)
    access = np.unique(np.concatenate([offsets[:-1], changed])).astype(np.int64)
    advance, command = commanded_timing_advance(delay, access, offsets, carrier, loop)
    return AdvanceReport(advance, np.where(command == 0, np.nan, command.astype(float)))


def fired(
    rsrp: Float[np.ndarray, "report cell"],
    history: HandoverHistory,
    trajectories: Trajectories,
    event: Event,
) -> Bool[np.ndarray, " report"]:
    """Whether an event fires at each report, for any neighbour of the cell that served up to it.

    A handover follows the report of its event, so the event is seen from the cell that is left.
    """
    reports, own = np.arange(len(rsrp)), _served_before(history, trajectories)
    others = rsrp.copy()
    others[reports, own] = np.nan
    entering, leaving = event_conditions(rsrp[reports, own], others, event)
    fires, _ = triggered(
        entering, leaving, trajectories.time, trajectories.report_offsets, event.time_to_trigger
    )
    return np.any(fires, axis=1)


def _served_before(history: HandoverHistory, trajectories: Trajectories) -> Int[np.ndarray, " report"]:
    """The cell that served when each report was made, before any handover that it led to."""
    before = np.concatenate([history.serving[:1], history.serving[:-1]])
    starts = Rows(trajectories.report_offsets).starts
    before[starts] = history.serving[starts]
    return before
