"""How a network is set up that is observed with every layer of the stack."""

from __future__ import annotations

from dataclasses import dataclass

from raylocus.errors import InputError
from raylocus.network.clocks import ClockErrors
from raylocus.network.features import FEATURE_SETS
from raylocus.network.impairments import ObservationConfiguration
from raylocus.network.mac.buffer_status import Traffic
from raylocus.network.mac.power_headroom import UplinkPowerControl
from raylocus.network.mac.timing_advance import TimingLoop
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
from raylocus.network.rrc.parameters import SSB_PERIODS


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
    bearer: AcknowledgedMode = AcknowledgedMode()
    headroom_period: float = 0.2
    """phr-PeriodicTimer [s]."""
    dropout: float = 0.03
    """Probability that any one feature beyond the critical ones is missing from a report."""

    def __post_init__(self) -> None:
        if self.feature_set not in FEATURE_SETS:
            raise InputError(
                f"there is no feature set {self.feature_set!r}; choose one of {', '.join(FEATURE_SETS)}"
            )
        if self.ssb_period not in SSB_PERIODS or self.ssb_occasions < 1:
            raise InputError(
                "SSBs come every 5, 10, 20, 40, 80 or 160 ms, and a sample averages one at least"
            )
        if not 0 <= self.dropout <= 1:
            raise InputError("the dropout of features is a probability between 0 and 1")
