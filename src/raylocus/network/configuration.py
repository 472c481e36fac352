"""How a network observes UEs: one configuration for every feature set."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from raylocus.errors import InputError
from raylocus.network.impairments.availability import FULL_CAPABILITY, UeCapability
from raylocus.network.impairments.building_loss import BuildingLoss
from raylocus.network.impairments.report_errors import ClockErrors, IdentityErrors
from raylocus.network.mac.link_adaptation import OuterLoop, Scheduler
from raylocus.network.mac.uplink import TimingLoop, Traffic, UplinkPowerControl
from raylocus.network.phy.time_of_arrival import FirstPathDetector
from raylocus.network.positioning.timing_measurements import TimingErrors
from raylocus.network.reports.features import feature_set, features_named
from raylocus.network.rlc import AcknowledgedMode
from raylocus.network.rrc.events import UNSET, Event
from raylocus.network.rrc.handover import DEFAULT_EVENT
from raylocus.network.rrc.measurement_configuration import (
    BUFFER_STATUS_TIMERS,
    HEADROOM_TIMERS,
    SSB_PERIODS,
    PositioningSignal,
    ReportConfiguration,
    SoundingSignal,
    check_listed,
)


@dataclass(frozen=True)
class StatisticalFading:
    """What averaging leaves of fast fading is part of the Gaussian `receiver_noise_db`, independent in every report."""

    kind: Literal["statistical"] = "statistical"


@dataclass(frozen=True)
class CoherentFading:
    """The atlas's paths interfere, consistent in phase along the way; `receiver_noise_db` comes on top."""

    kind: Literal["coherent"] = "coherent"
    occasions: int = 5
    """SSBs that an L3 sample averages (TS 38.133 §9.2.5: at least 5 in 200 ms)."""

    def __post_init__(self) -> None:
        if self.occasions < 1:
            raise InputError(f"an L3 sample averages one SSB at least, not {self.occasions}")


@dataclass(frozen=True)
class MapTiming:
    """A receiver's time of arrival is the delay of the first path in the maps with Gaussian noise."""

    kind: Literal["map"] = "map"
    noise: float = 30e-9
    """Standard deviation of one delay, one way [s]."""

    def __post_init__(self) -> None:
        if self.noise < 0:
            raise InputError(f"the noise of a time of arrival is 0 s or more, not {self.noise:g}")


@dataclass(frozen=True)
class DetectedTiming:
    """A receiver's time of arrival is what a first-path detector finds on a noisy band-limited PRS or SRS."""

    kind: Literal["detected"] = "detected"
    detector: FirstPathDetector = FirstPathDetector(oversampling=4)


Fading = StatisticalFading | CoherentFading
Timing = MapTiming | DetectedTiming


@dataclass(frozen=True)
class NetworkConfiguration:
    """The law by which a network observes UEs.

    Device bias and neighbour dropout belong to the world's severity: their values here are those at
    severity 1, and `at_severity` gives the configuration that `observe` is to be called with.
    """

    feature_set: str = "critical"
    """A key of `features.FEATURE_SETS`; only what its features need is computed."""
    availability: dict[str, float] = field(default_factory=dict)
    """Share of the reports that have a feature, by its name, where it is not that of `features.csv`."""
    fading: Fading = StatisticalFading()
    timing: Timing = MapTiming()
    receiver_noise_db: float = 1.5
    """Standard deviation of a cell's level in one report, all beams alike [dB]."""
    beam_noise_db: float = 1.0
    """Standard deviation of each beam's L1-RSRP in addition to its cell's [dB]."""
    device_bias_db: float = 3.0
    """Standard deviation of a UE's own level error, the same in all its reports [dB]; at severity 1."""
    neighbour_dropout: float = 0.3
    """Probability that a detected neighbour goes unreported; at severity 1."""
    detection_rsrp: float = -125.0
    """A cell below this RSRP is not detected [dBm]."""
    detection_sinr: float = -8.0
    """A cell below this SS-SINR is not detected [dB]."""
    load: float = 0.5
    """Share of its resource elements that a cell transmits on, at SSB power."""
    noise_figure_db: float = 9.0
    """Noise figure of the UE [dB]."""
    building_loss: BuildingLoss = BuildingLoss()
    """What walls cost UEs indoors."""
    report: ReportConfiguration = ReportConfiguration()
    """Cells and beams of a report, L3 filter, CSI period."""
    handover: Event = DEFAULT_EVENT
    """Event A3 by which the serving cell changes."""
    frequency_offsets_db: tuple[float, ...] = ()
    """offsetMO of each carrier [dB], by which the serving carrier of several is preferred; 0 where left out."""
    events: tuple[Event, ...] = (DEFAULT_EVENT, Event("A2", threshold=-110.0, time_to_trigger=0.32))
    """Measurement events A1 to A6 that the feature `event` reports."""
    trigger: Event | None = None
    """Reports are sent when this event fires, then `report.interval` apart up to `report.amount`; where
    there is none they are periodic, at every instant of the trajectories."""
    capability: UeCapability = FULL_CAPABILITY
    ssb_period: float = 0.02
    """Time between two SSBs of a beam [s]."""
    positioning_signal: PositioningSignal = PositioningSignal()
    sounding_signal: SoundingSignal = SoundingSignal()
    timing_errors: TimingErrors = TimingErrors()
    """Errors of the sites' clocks and of the hardware's group delay."""
    timing_loop: TimingLoop = TimingLoop(dead_band_steps=0.5)
    """How T_A is kept up; with half a step it is that of every report, rounded."""
    clocks: ClockErrors = ClockErrors()
    spread_error: float = 0.15
    """Relative error of delay and Doppler spread, and of the condition number, as estimated from SRS."""
    power_control: UplinkPowerControl = UplinkPowerControl()
    base_station_noise_figure_db: float = 5.0
    """Noise figure of the gNB [dB]."""
    traffic: Traffic = Traffic()
    scheduler: Scheduler = Scheduler()
    outer_loop: OuterLoop = OuterLoop()
    feedback_error_db: float = 1.0
    """Standard deviation of what the channel has moved on by since it was reported [dB]."""
    feedback_memory: float = 0.5
    """Correlation time of that error [s]."""
    bearer: AcknowledgedMode = AcknowledgedMode()
    headroom_period: float = 0.2
    """phr-PeriodicTimer [s]."""
    buffer_status_period: float = 0.08
    """periodicBSR-Timer [s]."""
    identities: IdentityErrors = IdentityErrors(wrong=0.0, missing=0.0)

    def __post_init__(self) -> None:
        feature_set(self.feature_set)
        features_named(tuple(self.availability))
        shares = (*self.availability.values(), self.neighbour_dropout, self.load)
        if not all(0 <= share <= 1 for share in shares):
            raise InputError("shares and probabilities of a network configuration lie between 0 and 1")
        check_listed("the period of SSBs [s]", self.ssb_period, SSB_PERIODS)
        check_listed("phr-PeriodicTimer [s]", self.headroom_period, HEADROOM_TIMERS)
        check_listed("periodicBSR-Timer [s]", self.buffer_status_period, BUFFER_STATUS_TIMERS)
        self._check_events()

    def _check_events(self) -> None:
        offsets_only = self.handover.threshold == self.handover.second_threshold == UNSET
        if self.handover.kind != "A3" or not offsets_only:
            raise InputError(
                "handover is by event A3, which has an offset and a hysteresis but no threshold; "
                f"not by {self.handover}"
            )
        periodic = ReportConfiguration()
        timed = (self.report.interval, self.report.amount) != (periodic.interval, periodic.amount)
        if self.trigger is None and timed:
            raise InputError(
                "report.interval and report.amount are of event-triggered reports; give a trigger, or set "
                "the intervals of the mobility"
            )

    def at_severity(self, severity: float) -> NetworkConfiguration:
        """The configuration in a world of this severity: bias × severity, dropout × severity (at most 1)."""
        return dataclasses.replace(
            self,
            device_bias_db=self.device_bias_db * severity,
            neighbour_dropout=min(self.neighbour_dropout * severity, 1.0),
        )
