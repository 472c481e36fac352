"""How a network is set up that is observed with every layer of the stack."""

from __future__ import annotations

from dataclasses import dataclass

from raylocus.errors import InputError
from raylocus.network.clocks import ClockErrors
from raylocus.network.features import FEATURE_SETS
from raylocus.network.identities import IdentityErrors
from raylocus.network.impairments import ObservationConfiguration
from raylocus.network.mac.power_headroom import UplinkPowerControl
from raylocus.network.mac.timing_advance import TimingLoop
from raylocus.network.mac.traffic import Traffic
from raylocus.network.phy.time_of_arrival import FirstPathDetector
from raylocus.network.positioning.timing_measurements import TimingErrors
from raylocus.network.rlc.acknowledged_mode import AcknowledgedMode
from raylocus.network.rrc.capability import FULL_CAPABILITY, UeCapability
from raylocus.network.rrc.events import Event
from raylocus.network.rrc.handover import DEFAULT_EVENT
from raylocus.network.rrc.measurement_configuration import (
    PositioningSignal,
    ReportConfiguration,
    SoundingSignal,
)
from raylocus.network.rrc.parameters import BUFFER_STATUS_TIMERS, HEADROOM_TIMERS, SSB_PERIODS
from raylocus.network.system.outer_loop import OuterLoop
from raylocus.network.system.scheduling import Scheduler


@dataclass(frozen=True)
class StackConfiguration:
    """Everything that `observe_stack` needs to know beside the channel."""

    feature_set: str = "all"
    """A key of `features.FEATURE_SETS`."""
    observation: ObservationConfiguration = ObservationConfiguration()
    """Detection, device bias and dropout. Fast fading is in the paths here, not in `receiver_noise_db`."""
    level_noise_db: float = 1.0
    """Standard deviation of a level measurement beside fading [dB]."""
    spread_error: float = 0.15
    """Relative error of delay and Doppler spread, and of the condition number, as estimated from SRS."""
    report: ReportConfiguration = ReportConfiguration()
    """Cells and beams of a report, L3 filter."""
    capability: UeCapability = FULL_CAPABILITY
    handover: Event = DEFAULT_EVENT
    events: tuple[Event, ...] = (DEFAULT_EVENT, Event("A2", threshold=-110.0, time_to_trigger=0.32))
    """Measurement events A1 to A6 that the feature `event` tells of."""
    trigger: Event | None = None
    """Reports are sent when this event fires, then `report.interval` apart up to `report.amount`; where
    there is none they are periodic, at every instant of the trajectories."""
    ssb_period: float = 0.02
    """Time between two SSBs of a beam [s]."""
    ssb_occasions: int = 5
    """SSBs that an L3 sample averages (TS 38.133 §9.2.5: at least 5 in 200 ms)."""
    cqi_table: int = 2
    positioning_signal: PositioningSignal = PositioningSignal()
    sounding_signal: SoundingSignal = SoundingSignal()
    detector: FirstPathDetector = FirstPathDetector(oversampling=4)
    timing: TimingErrors = TimingErrors()
    timing_loop: TimingLoop = TimingLoop()
    clocks: ClockErrors = ClockErrors()
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
    identities: IdentityErrors = IdentityErrors()
    dropout: float = 0.03
    """Probability that what one occasion gives (or a feature without one) is missing from a report."""

    def __post_init__(self) -> None:
        if self.feature_set not in FEATURE_SETS:
            raise InputError(
                f"there is no feature set {self.feature_set!r}; choose one of {', '.join(FEATURE_SETS)}"
            )
        if self.ssb_period not in SSB_PERIODS or self.ssb_occasions < 1:
            raise InputError(
                "SSBs come every 5, 10, 20, 40, 80 or 160 ms, and a sample averages one at least"
            )
        if self.headroom_period not in HEADROOM_TIMERS:
            raise InputError(f"phr-PeriodicTimer is one of {HEADROOM_TIMERS} s, not {self.headroom_period}")
        if self.buffer_status_period not in BUFFER_STATUS_TIMERS:
            raise InputError(
                f"periodicBSR-Timer is one of {BUFFER_STATUS_TIMERS} s, not {self.buffer_status_period}"
            )
        if any(each.kind.startswith("B") for each in self.events):
            raise InputError("events B1 and B2 are of another radio system; name events A1 to A6")
        if not 0 <= self.dropout <= 1:
            raise InputError("the dropout of features is a probability between 0 and 1")
