"""CSI of the serving cell: CQI, RI and PMI that the UE reports, and what the gNB reads off its SRS."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Complex, Float, Int

from raylocus.network.channel.links import Links, column_ports
from raylocus.network.impairments.availability import CODEBOOK_COLUMNS, COLUMN_FEATURES, UeCapability
from raylocus.network.phy.impulse_response import frequency_response, path_delay_spread, rms_spread
from raylocus.network.phy.rank import (
    column_phase_step,
    compress_csi,
    rank_indicator,
    transmit_covariance,
)
from raylocus.network.phy.type_one_codebook import MOST_SEARCHED_LAYERS, codebook, select_precoder
from raylocus.network.random_streams import RandomSource
from raylocus.network.reports.features import feature_values
from raylocus.network.stack.downlink import doppler_shifts
from raylocus.propagation.link_abstraction.link_quality import link_quality
from raylocus.scenes.sites import Carrier, Cell, Deployment
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, from_decibel, subcarrier_spacing, to_decibel

#: Frequencies at which the wideband channel is looked at.
SUBBANDS = 8
#: What follows from the MIMO channel: features, and the mean SINR per layer [dB] for link adaptation.
_SELECTED = (*COLUMN_FEATURES, "layer_sinr_db")


def csi_report(
    links: Links,
    serving: Int[np.ndarray, " report"],
    velocity: Float[np.ndarray, "report 3"],
    snr_db: Float[np.ndarray, " report"],
    deployment: Deployment,
    cqi_table: int,
    capability: UeCapability,
) -> xr.Dataset:
    """CSI of every report; NaN where there is no path to the serving cell or no codebook for its panel.

    `snr_db` is the serving cell's EPRE over interference and noise, at a channel of gain 1 [dB]; velocities in
    m/s.
    """
    reports = np.arange(len(serving))
    site = deployment.site_of_cell[serving]
    shift = doppler_shifts(links, velocity, deployment.carrier.frequency)[reports, site]
    delay = links.delay[reports, site]
    power = (np.abs(links.transfer[reports, site, :, :, 0]) ** 2).sum(axis=-1)
    columns = np.full((len(serving), len(_SELECTED)), np.nan)
    for index, cell in enumerate(deployment.cells):
        own = np.flatnonzero((serving == index) & ~np.isnan(delay).all(axis=1) & ~np.isnan(snr_db))
        if len(own) and cell.array.columns in CODEBOOK_COLUMNS:
            response = mimo_response(links, own, index, deployment, capability.receive_antennas)
            snr = from_decibel(snr_db[own])
            columns[own] = _selected(response, snr, cell, deployment.carrier, cqi_table, capability)
    return feature_values(
        **dict(zip(_SELECTED, columns.T, strict=True)),
        delay_spread=path_delay_spread(delay, power),
        doppler_spread=rms_spread(np.where(np.isnan(delay), np.nan, shift), power),
    )


def with_estimation_errors(report: xr.Dataset, spread_error: float, random: RandomSource) -> xr.Dataset:
    """What the gNB estimates from SRS: spreads and condition number with a log-normal error."""
    error = spread_error * random.standard_normal((report.sizes["report"], 3))
    return report.assign(
        condition_number=np.maximum(report["condition_number"] + to_decibel(np.exp(2 * error[:, 0])), 0.0),
        delay_spread=report["delay_spread"] * np.exp(error[:, 1]),
        doppler_spread=report["doppler_spread"] * np.exp(error[:, 2]),
    )


def mimo_response(
    links: Links, reports: Int[np.ndarray, " ue"], cell_index: int, deployment: Deployment, antennas: int
) -> Complex[np.ndarray, "ue subcarrier receive transmit"]:
    """H on `SUBBANDS` frequencies between a cell's ports (polarisation, column) and a UE's antennas.

    The UE has pairs of crossed elements λ/2 apart along x, as many as it has antennas.
    """
    cell, carrier = deployment.cells[cell_index], deployment.carrier
    departure, arrival = links.departure[reports, cell.site], links.arrival[reports, cell.site]
    ports = column_ports(departure, cell)
    pairs = np.exp(1j * np.pi * arrival[..., 0, None] * np.arange((antennas + 1) // 2)).astype(np.complex64)
    path = np.einsum("upab,upe,upc->ueabcp", links.transfer[reports, cell.site], pairs, ports, optimize=True)
    path = path.reshape(len(reports), -1, path.shape[-1])
    block = SUBCARRIERS_PER_RESOURCE_BLOCK * subcarrier_spacing(carrier.numerology) * carrier.resource_blocks
    frequencies = block * ((np.arange(SUBBANDS) + 0.5) / SUBBANDS - 0.5)
    response = frequency_response(links.delay[reports, cell.site], path, frequencies)
    shaped = response.reshape(len(reports), -1, 2 * ports.shape[-1], SUBBANDS)[:, :antennas]
    return shaped.transpose(0, 3, 1, 2)


def _selected(
    response: Complex[np.ndarray, "ue subcarrier receive transmit"],
    snr: Float[np.ndarray, " ue"],
    cell: Cell,
    carrier: Carrier,
    cqi_table: int,
    capability: UeCapability,
) -> Float[np.ndarray, "ue selected"]:
    """The columns `_SELECTED` of the channels of some UEs.

    The singular values bound the rank; among the ranks below, the one whose best precoder gives an LMMSE
    receiver the highest rate is reported.
    """
    covariance = transmit_covariance(response)
    csi = compress_csi(covariance)
    _, _, antennas, ports = response.shape
    limit = min(ports, antennas, capability.most_layers, MOST_SEARCHED_LAYERS)
    rank = rank_indicator(csi.eigenvalues, snr, limit)
    out = np.full((len(snr), len(_SELECTED)), np.nan)
    out[:, 5] = csi.condition_db
    # The second to fourth singular values; NaN where there are fewer.
    out[:, 6:9] = np.pad(csi.values_db, ((0, 0), (0, 3)), constant_values=np.nan)[:, 1:4]
    out[:, 9] = column_phase_step(csi, cell.array.columns)
    best = np.full(len(snr), -np.inf)
    for layers in range(1, int(rank.max()) + 1):
        own = np.flatnonzero(rank >= layers)
        book = codebook(cell.array.columns, 1, layers)
        precoder, _ = select_precoder(covariance[own], snr[own], book)
        indices = book.indices[precoder]
        sinr = layer_sinr(response[own], book.weights[precoder], snr[own])
        rate = layers * np.log2(1 + sinr).mean(axis=-1)
        wins = rate > best[own]
        chosen, sinr, indices = own[wins], sinr[wins], indices[wins]
        blocks, numerology = carrier.resource_blocks, carrier.numerology
        cqi = link_quality(sinr, blocks, numerology, cqi_table, layers).cqi
        out[chosen, :5] = np.column_stack([cqi, np.full(len(chosen), layers), indices[:, (0, 2, 3)]])
        out[chosen, 10] = to_decibel(sinr.mean(axis=-1))
        best[chosen] = rate[wins]
    return out


def layer_sinr(
    response: Complex[np.ndarray, "ue subcarrier receive transmit"],
    precoder: Complex[np.ndarray, "ue transmit layer"],
    snr: Float[np.ndarray, " ue"],
) -> Float[np.ndarray, "ue resource"]:
    """SINR of every layer on every subcarrier after an LMMSE receiver: 1/[(I + γ Gᴴ G)⁻¹]_ii − 1, G = H W."""
    effective = response @ precoder[:, None]
    gram = effective.conj().swapaxes(-1, -2) @ effective
    layers = gram.shape[-1]
    inverse = np.linalg.inv(np.eye(layers) + snr[:, None, None, None] * gram)
    diagonal = np.diagonal(inverse, axis1=-2, axis2=-1).real
    return np.maximum(1 / np.clip(diagonal, 1e-9, 1.0) - 1, 1e-9).reshape(len(snr), -1)
