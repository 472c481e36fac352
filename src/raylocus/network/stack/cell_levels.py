"""The physical layer: what a UE measures of every cell and beam (TS 38.215 §5.1), and what it cannot have heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.channel.links import ChannelState
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.random_streams import RandomSource
from raylocus.ragged import Columns
from raylocus.scenes.sites import Carrier
from raylocus.units import (
    SUBCARRIERS_PER_RESOURCE_BLOCK,
    from_decibel,
    noise_per_resource_element,
    to_decibel,
)

#: A cell's traffic lies this much below its best beam [dB], the beams sharing it.
TRAFFIC_BELOW_BEST_DB = 6.0
#: Share of the resource elements of an SS/PBCH block's four symbols that it fills: PSS 127, PBCH 240, SSS and
#: PBCH 127 + 96, PBCH 240 of 240 each (TS 38.211 T 7.4.3.1-1).
SSB_OCCUPANCY = (127 + 240 + 127 + 96 + 240) / 960


def audible_level(
    level: Float[np.ndarray, "report cell"], carrier: Carrier, network: NetworkConfiguration
) -> Float[np.ndarray, " report"]:
    """Level below which a cell cannot have been in a report with these levels [dBm].

    The highest of the detection threshold, what the interference of the reported cells hides, and, where a
    report is full, the weakest that is in it.

    RSRP of the reported cells [dBm] is NaN where a cell is not reported.
    """
    noise = from_decibel(noise_per_resource_element(carrier.numerology, network.noise_figure_db))
    traffic = network.load * np.nansum(from_decibel(level - TRAFFIC_BELOW_BEST_DB), axis=1)
    interference = to_decibel(traffic + noise) + network.detection_sinr
    full = np.isfinite(level).sum(axis=1) > network.report.most_neighbours
    weakest = np.where(full, np.fmin.reduce(level, axis=1, initial=np.inf), -np.inf)
    return np.maximum(np.maximum(interference, network.detection_rsrp), weakest)


@dataclass(frozen=True)
class CellMeasurements(Columns):
    """What a UE measures of every cell; NaN where the cell has no path."""

    rsrp: Float[np.ndarray, "report cell"]
    """SS-RSRP of the best beam [dBm]."""
    rsrq: Float[np.ndarray, "report cell"]
    """SS-RSRQ [dB]."""
    sinr: Float[np.ndarray, "report cell"]
    """SS-SINR [dB]."""

    def where(self, *there: Bool[np.ndarray, "report _"]) -> CellMeasurements:
        """RSRP, RSRQ and SINR where each is there, and NaN elsewhere."""
        levels = zip(there, (self.rsrp, self.rsrq, self.sinr), strict=True)
        return CellMeasurements(*(np.where(each, level, np.nan) for each, level in levels))


def measure_cells(
    state: ChannelState, carrier: Carrier, load: float, noise_figure_db: float
) -> CellMeasurements:
    """SS-RSRP, SS-RSRQ and SS-SINR of every cell (TS 38.215 §5.1.1, §5.1.3, §5.1.5).

    Per resource element and in linear power, with S_c the best beam of cell c, T_c the mean over its
    beams (traffic is spread evenly over them), ρ the load, α what a cell's own SSB fills of the symbols
    in which RSSI is measured, and N thermal noise:
    RSRP = S_c;  SINR = S_c / (ρ Σ_{j≠c} T_j + N);
    RSRQ = N_RB·RSRP / RSSI = S_c / 12((α + (1 − α)ρ) S_c + ρ Σ_{j≠c} T_j + N).
    A fully loaded lone cell without noise has RSRQ −10·log10(12) = −10.8 dB and an idle one −10.2 dB: the
    −10.3 dB at which phones near a lone cell stay. That RSSI is taken in the SSB's symbols is inferred
    from them, not from the text of §5.1.3.
    """
    beams = np.nan_to_num(from_decibel(state.rsrp_beam.astype(np.float64)))
    best = beams.max(axis=-1)
    # Cells may have fewer beams than the beam axis is long; a beam that does not exist carries no traffic.
    exists = np.maximum(np.sum(~np.isnan(state.rsrp_beam), axis=-1), 1)
    traffic = load * beams.sum(axis=-1) / exists
    noise = from_decibel(noise_per_resource_element(carrier.numerology, noise_figure_db))
    # The difference of two nearly equal sums must not fall below zero by rounding.
    interference = np.maximum(traffic.sum(axis=-1, keepdims=True) - traffic, 0) + noise
    own = (SSB_OCCUPANCY + (1 - SSB_OCCUPANCY) * load) * best
    return CellMeasurements(
        rsrp=to_decibel(best),
        rsrq=to_decibel(best / (SUBCARRIERS_PER_RESOURCE_BLOCK * (own + interference))),
        sinr=to_decibel(best / interference),
    )


def detected_cells(
    measured: CellMeasurements, configuration: NetworkConfiguration
) -> Bool[np.ndarray, "report cell"]:
    """Whether the UE finds each cell: RSRP and SS-SINR above the detection thresholds."""
    with np.errstate(invalid="ignore"):
        return (measured.rsrp > configuration.detection_rsrp) & (measured.sinr > configuration.detection_sinr)


def strongest_beams(
    rsrp_beam: Float[np.ndarray, "report beam"], count: int, noise_db: float, generator: RandomSource
) -> tuple[Int[np.ndarray, "report reported"], Float[np.ndarray, "report reported"]]:
    """SSB indices and L1-RSRP [dBm] of the strongest beams of one cell, strongest first.

    L1 measurements are not L3 filtered; each beam has its own Gaussian error [dB]. Beams without a path come
    last, with NaN.
    """
    measured = rsrp_beam + noise_db * generator.standard_normal(rsrp_beam.shape)
    order = np.argsort(-measured, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(measured, order, axis=1)
