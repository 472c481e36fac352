"""The cells that a report names, and the levels that positioning works at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.mac.uplink import needed_power
from raylocus.network.random_streams import RandomSource
from raylocus.network.rrc.handover import HandoverHistory, neighbour_cells
from raylocus.network.stack.cell_levels import CellMeasurements
from raylocus.network.stack.downlink import cell_energy
from raylocus.scenes.sites import Deployment
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, noise_per_resource_element


@dataclass(frozen=True)
class HeardCells:
    """The cells of each report, serving first, and the levels that positioning works at."""

    cells: Int[np.ndarray, "report slot"]
    """Cell indices; −1 where there is none."""
    rsrp: Float[np.ndarray, "report slot"]
    """RSRP [dBm] of the best beam, as it is."""
    uplink_snr_db: Float[np.ndarray, "report slot"]
    """SNR of SRS in one resource element at the gNB, its array combined [dB]."""
    measured_rsrp: Float[np.ndarray, "report slot"]
    """RSRP [dBm] of the best beam in one occasion as the UE measures it, biased and noisy."""
    measured_snr_db: Float[np.ndarray, "report slot"]
    """The uplink SNR as the gNB estimates it [dB]."""
    uplink_rsrp: Float[np.ndarray, "report slot"]
    """UL SRS-RSRP [dBm] of one column as the gNB measures it."""
    boresight: Float[np.ndarray, "report slot"]
    """Azimuth that the operator believes each cell's antenna to have [rad]."""


def named_cells(
    rsrp: Float[np.ndarray, "report cell"],
    history: HandoverHistory,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> Int[np.ndarray, "report slot"]:
    """The serving cell and the neighbours that are reported; −1 where there is none.

    Levels are L3-filtered [dBm]; NaN where a cell is not measured.
    """
    named = random.random(rsrp.shape) >= configuration.neighbour_dropout
    most = configuration.report.most_neighbours
    neighbours = neighbour_cells(np.where(named, rsrp, np.nan), history.serving, most)
    return np.concatenate([history.serving[:, None], neighbours], axis=1)


def heard_cells(
    cells: Int[np.ndarray, "report slot"],
    mean_rsrp: Float[np.ndarray, "report cell beam"],
    single_rsrp: Float[np.ndarray, "report cell beam"],
    levels: CellMeasurements,
    deployment: Deployment,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> HeardCells:
    """Down- and uplink levels of the cells of each report.

    Args:
        cells: serving cell and neighbours, −1 where there is none.
        mean_rsrp: level of every beam as it is on the average [dBm].
        single_rsrp: the same in one SSB, with the UE's own error [dBm].
        levels: L3-filtered levels, by which the UE sets its power.
        deployment: sites and cells as the operator believes them to be.
        configuration: SRS, power control, noise.
        random: source of all random numbers.
    """
    held, exists = np.maximum(cells, 0), cells >= 0
    rsrp = np.where(exists, np.take_along_axis(np.fmax.reduce(mean_rsrp, axis=2), held, axis=1), np.nan)
    single = np.where(exists, np.take_along_axis(np.fmax.reduce(single_rsrp, axis=2), held, axis=1), np.nan)
    error = configuration.receiver_noise_db * random.standard_normal((*cells.shape, 2))
    power = _sounding_power(levels.rsrp, cells[:, 0], deployment, configuration)
    uplink = power[:, None] + rsrp - cell_energy(deployment)[held]
    noise = noise_per_resource_element(
        deployment.carrier.numerology, configuration.base_station_noise_figure_db
    )
    columns = np.array([cell.array.columns for cell in deployment.cells])[held]
    return HeardCells(
        cells=cells,
        rsrp=rsrp,
        uplink_snr_db=uplink - noise,
        measured_rsrp=np.where(np.isnan(rsrp), np.nan, single + error[..., 0]),
        measured_snr_db=uplink + error[..., 1] - noise,
        uplink_rsrp=uplink + error[..., 1] - 10 * np.log10(columns),
        boresight=np.array([cell.azimuth for cell in deployment.cells])[held],
    )


def best_amplitudes(
    amplitude: Complex[np.ndarray, "report cell receive beam path"], cells: Int[np.ndarray, "report slot"]
) -> Complex[np.ndarray, "report slot path"]:
    """Path amplitudes of the strongest beam of every heard cell, vertical at the UE."""
    own = amplitude[np.arange(len(cells))[:, None], np.maximum(cells, 0), 0]
    strongest = (np.abs(own) ** 2).sum(axis=-1).argmax(axis=-1)
    return np.take_along_axis(own, strongest[:, :, None, None], axis=2)[:, :, 0]


def _sounding_power(
    rsrp: Float[np.ndarray, "report cell"],
    serving: Int[np.ndarray, " report"],
    deployment: Deployment,
    configuration: NetworkConfiguration,
) -> Float[np.ndarray, " report"]:
    """Power of one resource element of SRS [dBm], by the power control of the serving cell."""
    carrier, sounding = deployment.carrier, configuration.sounding_signal
    loss = cell_energy(deployment)[serving] - rsrp[np.arange(len(serving)), serving]
    control = configuration.power_control
    power = needed_power(loss, sounding.resource_blocks, carrier.numerology, control)
    power = np.minimum(control.maximum_dbm, power)
    return power - 10 * np.log10(SUBCARRIERS_PER_RESOURCE_BLOCK * sounding.resource_blocks / sounding.comb)
