"""What comes between the channel and a report: noise, bias, and parts that go missing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.network.channel import ChannelState
from raylocus.network.indoors import BuildingLoss
from raylocus.network.rrc.parameters import MOST_REPORTED_BEAMS, MOST_REPORTED_CELLS


@dataclass(frozen=True)
class ObservationConfiguration:
    """The law by which a network observes UEs.

    Device bias and neighbour dropout belong to the world's severity: their values here are those at
    severity 1, and `at_severity` gives the configuration that `observe` is to be called with.
    """

    receiver_noise_db: float = 1.5
    """Standard deviation of a cell's level in one report: what averaging leaves of fast fading [dB]."""
    beam_noise_db: float = 1.0
    """Standard deviation of each beam's L1-RSRP beside its cell's level [dB]."""
    device_bias_db: float = 3.0
    """Standard deviation of a UE's own level error, the same in all its reports [dB]; at severity 1."""
    neighbour_dropout: float = 0.3
    """Probability that a detected neighbour goes unreported; at severity 1."""
    timing_noise: float = 30e-9
    """Standard deviation of the network's round-trip time estimate, one way [s]."""
    detection_rsrp: float = -125.0
    """A cell below this RSRP is not detected [dBm]."""
    detection_sinr: float = -8.0
    """A cell below this SS-SINR is not detected [dB]."""
    load: float = 0.5
    """Share of its resource elements that a cell transmits on, at SSB power."""
    noise_figure_db: float = 9.0
    """Noise figure of the UE [dB]."""
    filter_coefficient: int = 4
    """k of the L3 filter (TS 38.331 §5.5.3.2); 0 is no filter."""
    handover_hysteresis_db: float = 3.0
    """A neighbour must be this much stronger to become the serving cell [dB]."""
    building_loss: BuildingLoss = BuildingLoss()
    """What walls cost UEs indoors."""
    most_neighbours: int = 8
    """maxReportCells of TS 38.331."""
    most_beams: int = 4
    """Beams of the serving cell in an L1-RSRP report (nrofReportedRS of TS 38.331 is 1 to 4)."""
    sinr_share: float = 0.8
    """Share of reports that carry SS-SINR."""
    timing_advance_share: float = 0.7
    """Share of reports with a timing advance."""
    beam_share: float = 0.7
    """Share of reports with L1-RSRP of the serving cell's beams."""

    def __post_init__(self) -> None:
        shares = (
            self.neighbour_dropout,
            self.sinr_share,
            self.timing_advance_share,
            self.beam_share,
            self.load,
        )
        if not all(0 <= share <= 1 for share in shares):
            raise InputError("shares and probabilities of an observation configuration lie between 0 and 1")
        if not 1 <= self.most_neighbours <= MOST_REPORTED_CELLS:
            raise InputError(
                f"most_neighbours is maxReportCells of TS 38.331, 1 to {MOST_REPORTED_CELLS}, "
                f"not {self.most_neighbours}"
            )
        if not 1 <= self.most_beams <= MOST_REPORTED_BEAMS:
            raise InputError(f"most_beams is 1 to {MOST_REPORTED_BEAMS}, not {self.most_beams}")

    def at_severity(self, severity: float) -> ObservationConfiguration:
        """The configuration in a world of this severity: bias × severity, dropout × severity (at most 1)."""
        return dataclasses.replace(
            self,
            device_bias_db=self.device_bias_db * severity,
            neighbour_dropout=min(self.neighbour_dropout * severity, 1.0),
        )


def faded(state: ChannelState, noise_db: float, generator: np.random.Generator) -> ChannelState:
    """The channel with a Gaussian error [dB] on the level of each cell in each report, all beams alike."""
    error = noise_db * generator.standard_normal(state.rsrp_beam.shape[:2])
    return dataclasses.replace(state, rsrp_beam=state.rsrp_beam + error[:, :, None])


def device_bias(
    report_offsets: Int[np.ndarray, "sample_plus_1"], bias_db: float, generator: np.random.Generator
) -> Float[np.ndarray, "report"]:
    """Level error [dB] of the UE of each report: one Gaussian draw for a UE's whole sequence."""
    lengths = np.diff(report_offsets)
    return np.repeat(bias_db * generator.standard_normal(len(lengths)), lengths)


def kept(shape: tuple[int, ...], share: float, generator: np.random.Generator) -> Bool[np.ndarray, "..."]:
    """A mask that is true for this share of its elements, each by chance."""
    return generator.random(shape) < share
