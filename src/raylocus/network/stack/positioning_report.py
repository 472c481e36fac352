"""Positioning measurements of the serving and neighbour cells of a batch of reports."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.network.channel.links import Links, column_ports
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.impairments.report_errors import drifts
from raylocus.network.mac.uplink import uplink_timing_error
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.phy.impulse_response import comb_frequencies, frequency_response
from raylocus.network.positioning.angles import arrival_cosine
from raylocus.network.positioning.timing_measurements import (
    receive_transmit_differences,
    reference_signal_time_difference,
    relative_time_of_arrival,
    reported_angle,
    reported_timing,
)
from raylocus.network.random_streams import RandomSource, complex_normal
from raylocus.network.reports.features import feature_values
from raylocus.network.stack.heard_cells import HeardCells
from raylocus.ragged import Rows
from raylocus.scenes.sites import Deployment
from raylocus.units import from_decibel, timing_advance_step

#: Subcarriers over which an angle of arrival is averaged.
ANGLE_SUBCARRIERS = 16


def uplink_angles(
    links: Links, heard: HeardCells, deployment: Deployment, random: RandomSource
) -> Float[np.ndarray, "report slot"]:
    """UL-AoA azimuths [degrees] in steps of 0.1; NaN where a panel has one column or detects no path."""
    carrier = deployment.carrier
    frequencies = comb_frequencies(carrier.resource_blocks, carrier.numerology)
    frequencies = frequencies[:: max(len(frequencies) // ANGLE_SUBCARRIERS, 1)][:ANGLE_SUBCARRIERS]
    widest = max(cell.array.columns for cell in deployment.cells)
    noise = complex_normal((*heard.cells.shape, len(frequencies), widest), random)
    angles = np.full(heard.cells.shape, np.nan)
    for index, cell in enumerate(deployment.cells):
        rows, slots = np.nonzero((heard.cells == index) & ~np.isnan(heard.uplink_snr_db))
        if not len(rows) or cell.array.columns < 2:
            continue
        field = links.transfer[rows, cell.site, :, 0, 0]
        ports = (column_ports(links.departure[rows, cell.site], cell) * field[..., None]).swapaxes(1, 2)
        response = frequency_response(links.delay[rows, cell.site], ports, frequencies).swapaxes(1, 2)
        snr = from_decibel(heard.uplink_snr_db[rows, slots]) / cell.array.columns
        own = noise[rows, slots, :, : cell.array.columns]
        power = np.mean(np.abs(response) ** 2, axis=(1, 2), keepdims=True)
        scaled = np.divide(response, np.sqrt(power), out=np.zeros_like(response), where=power > 0)
        cosine = arrival_cosine(scaled + own / np.sqrt(snr)[:, None, None])
        azimuth = heard.boresight[rows, slots] + np.arcsin(np.clip(cosine, -1, 1))
        angles[rows, slots] = np.where(power[:, 0, 0] > 0, np.rad2deg(azimuth), np.nan)
    return reported_angle(angles, -180.0)


def positioning_report(
    delays: tuple[Float[np.ndarray, "report slot"], Float[np.ndarray, "report slot"]],
    heard: HeardCells,
    clock: Float[np.ndarray, "report slot"],
    trajectories: Trajectories,
    numerology: int,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> xr.Dataset:
    """Times and levels of the heard cells for positioning, all but levels as reported; NaN where undetected.

    Delays are of the first paths of each cell's PRS at the UE and of the UE's SRS at each cell, `clock` is the error
    of each site's clock [s]. Group delays of a UE and its drift are drawn once for a sequence.
    """
    (downlink, uplink), errors, count = delays, configuration.timing_errors, (len(trajectories.time),)
    site_delay = errors.trp_group_delay * random.standard_normal((*clock.shape, 2))
    drift = drifts(trajectories.report_offsets, configuration.clocks, random)
    ue_delay = errors.ue_group_delay * random.standard_normal(count)
    ue_transmit = uplink_timing_error(count, numerology, random)
    # A UE's frame was aligned at the last SSB, or when its sequence began.
    ue_drift = drift * np.minimum(trajectories.time, configuration.ssb_period)
    sent, at_site = downlink + site_delay[..., 0], uplink + site_delay[..., 1]
    at_ue = sent + ue_delay[Rows(trajectories.report_offsets).first][:, None]
    # A UE sends its frame when the serving cell's arrives, less the advance that it was given.
    step = timing_advance_step(numerology)
    serving = np.zeros(len(sent), np.int64)
    ahead = np.nan_to_num(downlink[:, 0] - step * np.round(2 * uplink[:, 0] / step))
    ue_side, site_side = receive_transmit_differences(at_ue, at_site, clock, ahead + ue_transmit + ue_drift)
    times = {
        "rstd": neighbours_only(reference_signal_time_difference(sent, serving, clock)),
        "ue_rx_tx": ue_side,
        "gnb_rx_tx": site_side,
        "ul_rtoa": relative_time_of_arrival(at_site, clock, ue_transmit),
    }
    return feature_values(
        **{name: reported_timing(time, errors.granularity) for name, time in times.items()},
        prs_rsrp=np.where(np.isnan(downlink), np.nan, heard.measured_rsrp),
        srs_rsrp=np.where(np.isnan(uplink), np.nan, heard.uplink_rsrp),
        time_of_arrival=at_ue + clock - ue_drift[:, None],
    )


def neighbours_only(values: Float[np.ndarray, "report slot"]) -> Float[np.ndarray, "report slot"]:
    """Values of the neighbours only: the serving cell, which they refer to, has none."""
    out = values.copy()
    out[:, 0] = np.nan
    return out
