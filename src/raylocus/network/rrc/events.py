"""The L3 filter of measurements, and events A1 to A6 with hysteresis and time-to-trigger.

TS 38.331 §5.5.3.2 and §5.5.4. The inequalities of A2 and A3 were checked against the text; the others follow the same
pattern and are from memory. Levels are L3-filtered, in dBm or dB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.network.rrc.measurement_configuration import TIMES_TO_TRIGGER, check_listed
from raylocus.ragged import Rows

#: The L3 filter's coefficients assume one L1 measurement each 200 ms in FR1, 400 ms in FR2 (TS 38.133 §9.2.5.2) [s].
MEASUREMENT_PERIODS = {1: 0.2, 2: 0.4}
MEASUREMENT_PERIOD = MEASUREMENT_PERIODS[1]


def filter_weight(
    coefficient: int, elapsed: Float[np.ndarray, "..."], period: float = MEASUREMENT_PERIOD
) -> Float[np.ndarray, "..."]:
    """Weight of a new measurement that comes `elapsed` seconds after the last (TS 38.331 §5.5.3.2).

    a = 2^(−k/4) each measurement period, so a' = 1 − (1 − a)^(elapsed / period).
    """
    return 1 - (1 - 2 ** (-coefficient / 4)) ** (elapsed / period)


def reports_by_step(
    report_offsets: Int[np.ndarray, " sample_plus_1"],
) -> Iterator[Int[np.ndarray, " report"]]:
    """For step 1, 2, …: the reports that have this many predecessors in their sequence."""
    lengths = np.diff(report_offsets)
    for step in range(1, int(lengths.max(initial=0))):
        yield report_offsets[:-1][lengths > step] + step


def l3_filter(
    measured: Float[np.ndarray, "report cell"],
    time: Float[np.ndarray, " report"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    coefficient: int,
    period: float = MEASUREMENT_PERIOD,
) -> Float[np.ndarray, "report cell"]:
    """F_n = (1 − a')·F_{n−1} + a'·M_n of each cell, in dB, along each sequence (TS 38.331 §5.5.3.2).

    The filter of a cell starts with its first measurement, and again after a report without one.
    """
    filtered = np.array(measured, np.float64)
    for now in reports_by_step(report_offsets):
        weight = filter_weight(coefficient, time[now] - time[now - 1], period)[:, None]
        blended = (1 - weight) * filtered[now - 1] + weight * measured[now]
        filtered[now] = np.where(np.isnan(filtered[now - 1]), measured[now], blended)
    return filtered


#: A threshold that an event does not have; equal to itself, so that configurations compare.
UNSET = float("-inf")


@dataclass(frozen=True)
class Event:
    """One configured event."""

    kind: str
    """A1 … A6."""
    threshold: float = UNSET
    """Threshold, or threshold 1 of A5 [dBm or dB]."""
    second_threshold: float = UNSET
    """Threshold 2 of A5."""
    offset: float = 0.0
    """Offset of A3 and A6 [dB], ±15 in steps of 0.5."""
    hysteresis: float = 0.0
    """Hysteresis [dB], 0..15 in steps of 0.5."""
    time_to_trigger: float = 0.0
    """One of `parameters.TIMES_TO_TRIGGER` [s]."""

    def __post_init__(self) -> None:
        if self.kind not in _MARGINS:
            raise InputError(f"there is no event {self.kind!r}; choose one of {', '.join(_MARGINS)}")
        if self.threshold == UNSET and self.kind not in ("A3", "A6"):
            raise InputError(f"event {self.kind} needs a threshold in dBm or dB")
        check_listed("TimeToTrigger [s]", self.time_to_trigger, TIMES_TO_TRIGGER)
        if not (0 <= self.hysteresis <= 15 and 2 * self.hysteresis == round(2 * self.hysteresis)):
            raise InputError(f"a hysteresis is 0 to 15 dB in steps of 0.5, not {self.hysteresis}")
        if not (abs(self.offset) <= 15 and 2 * self.offset == round(2 * self.offset)):
            raise InputError(f"an event's offset is −15 to 15 dB in steps of 0.5, not {self.offset}")


#: By kind: how far the condition is met [dB] in addition to hysteresis, from the serving level, the neighbours' and the
#: event. Conditions of two parts need both.
_MARGINS: dict[str, Callable[[np.ndarray, np.ndarray, Event], tuple[np.ndarray, ...]]] = {
    "A1": lambda serving, _, event: (serving - event.threshold,),
    "A2": lambda serving, _, event: (event.threshold - serving,),
    "A3": lambda serving, other, event: (other - serving - event.offset,),
    "A4": lambda _, other, event: (other - event.threshold,),
    "A5": lambda serving, other, event: (event.threshold - serving, other - event.second_threshold),
    "A6": lambda serving, other, event: (other - serving - event.offset,),
}


def event_conditions(
    serving: Float[np.ndarray, " report"], neighbour: Float[np.ndarray, "report cell"], event: Event
) -> tuple[Bool[np.ndarray, "report cell"], Bool[np.ndarray, "report cell"]]:
    """Whether the entering and the leaving condition hold, for every neighbour (A1, A2: the same in all columns).

    Args:
        serving: level of the serving cell, or of the SCell for A6.
        neighbour: level of every neighbour; NaN or −∞ where it is not measured, which neither enters nor stays.
        event: kind, thresholds and hysteresis. Offsets of cells and frequencies are 0, or part of the levels.
    """
    with np.errstate(invalid="ignore"):
        margins = [
            np.broadcast_to(margin, neighbour.shape)
            for margin in _MARGINS[event.kind](serving[:, None], neighbour, event)
        ]
        entering = np.all([margin > event.hysteresis for margin in margins], axis=0)
        # A cell that is lost leaves: a comparison with NaN is false, so its opposite is asked for.
        leaving = ~np.all([margin >= -event.hysteresis for margin in margins], axis=0)
    return entering, leaving


def triggered(
    entering: Bool[np.ndarray, "report cell"],
    leaving: Bool[np.ndarray, "report cell"],
    time: Float[np.ndarray, " report"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    time_to_trigger: float,
) -> tuple[Bool[np.ndarray, "report cell"], Bool[np.ndarray, "report cell"]]:
    """When an event fires and while it lasts.

    A cell fires once its entering condition has held at every instant over the time-to-trigger, and is
    off the list once its leaving condition has held as long (§5.5.4.1).

    Returns:
        Whether it fires at each instant, and whether it is on the list of triggered cells.
    """
    fires, listed = np.zeros(entering.shape, bool), np.zeros(entering.shape, bool)
    # Of both conditions, since when each has held without a break.
    conditions = [(holds, np.where(holds, time[:, None], np.nan)) for holds in (entering, leaving)]
    for step, now in enumerate((Rows(report_offsets).starts, *reports_by_step(report_offsets))):
        before = now - 1 if step else now
        was = listed[before] & (step > 0)
        for holds, since in conditions:
            since[now] = np.where(holds[now] & holds[before], since[before], since[now])
        due, over = (
            holds[now] & (time[now, None] - since[now] >= time_to_trigger) for holds, since in conditions
        )
        fires[now] = due & ~was
        listed[now] = (was & ~over) | due
    return fires, listed
