"""What a network knows of a session: handovers, events that fired, timing advance and its commands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.mac.timing_advance import commanded_timing_advance
from raylocus.network.mobility import Trajectories
from raylocus.network.rrc.events import Event, event_conditions, triggered
from raylocus.network.rrc.handover import HandoverHistory


@dataclass(frozen=True)
class SessionReport:
    """RRC and timing features of the serving cell."""

    timing_command: Float[np.ndarray, "report"]
    event: Float[np.ndarray, "report"]
    handovers: Float[np.ndarray, "report"]
    stay: Float[np.ndarray, "report"]
    timing_advance: Float[np.ndarray, "report"]
    """N_TA in steps; a critical feature, which `ReportContent` has."""


def session_report(
    rsrp: Float[np.ndarray, "report cell"],
    serving_delay: Float[np.ndarray, "report"],
    history: HandoverHistory,
    trajectories: Trajectories,
    numerology: int,
    configuration: NetworkConfiguration,
) -> SessionReport:
    """The session at every report.

    Args:
        rsrp: L3-filtered levels of all cells [dBm].
        serving_delay: delay of the UE's SRS at its serving cell [s]; NaN where it is not heard.
        history: serving cells and handovers.
        trajectories: times of the reports.
        numerology: μ.
        configuration: events and the loop of timing advance.
    """
    offsets = trajectories.report_offsets
    changed = np.flatnonzero(np.diff(history.count, prepend=0) > 0)
    access = np.unique(np.concatenate([offsets[:-1], changed])).astype(np.int64)
    advance, command = commanded_timing_advance(
        serving_delay, access, offsets, numerology, configuration.timing_loop
    )
    event = np.zeros(len(serving_delay))
    for each in configuration.events:
        fires = fired(rsrp, history, trajectories, each)
        event = np.where(fires, np.maximum(event, each.number), event)
    return SessionReport(
        timing_command=np.where(command == 0, np.nan, command.astype(float)),
        event=event,
        handovers=history.count.astype(float),
        stay=history.stay,
        timing_advance=advance,
    )


def fired(
    rsrp: Float[np.ndarray, "report cell"],
    history: HandoverHistory,
    trajectories: Trajectories,
    event: Event,
) -> Bool[np.ndarray, "report"]:
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


def _served_before(history: HandoverHistory, trajectories: Trajectories) -> Int[np.ndarray, "report"]:
    """The cell that served when each report was made, before any handover that it led to."""
    before = np.concatenate([history.serving[:1], history.serving[:-1]])
    starts = trajectories.report_offsets[:-1][np.diff(trajectories.report_offsets) > 0]
    before[starts] = history.serving[starts]
    return before
