"""UL-AoA of every heard cell from the columns of its panel."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float

from raylocus.network.channel.links import Links, column_ports
from raylocus.network.phy.frequency_response import comb_frequencies, frequency_response
from raylocus.network.positioning.angles import arrival_cosine, azimuth_of_cosine
from raylocus.network.positioning.timing_codes import decode_azimuth, encode_azimuth
from raylocus.network.random_streams import RandomSource, complex_normal
from raylocus.network.stack.heard_cells import HeardCells
from raylocus.scenes.sites import Carrier, Deployment
from raylocus.units import from_decibel

#: Subcarriers over which an angle of arrival is averaged.
ANGLE_SUBCARRIERS = 16


def uplink_angles(
    links: Links, heard: HeardCells, deployment: Deployment, random: RandomSource
) -> Float[np.ndarray, "report slot"]:
    """UL-AoA azimuths [degrees] in steps of 0.1; NaN where a panel has one column or hears no path."""
    frequencies = _angle_frequencies(deployment.carrier)
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
        azimuth = azimuth_of_cosine(_noisy_cosine(response, snr, own), heard.boresight[rows, slots])
        angles[rows, slots] = np.rad2deg(azimuth)
    coded = decode_azimuth(encode_azimuth(np.nan_to_num(angles)))
    return np.where(np.isnan(angles), np.nan, coded)


def _angle_frequencies(carrier: Carrier) -> Float[np.ndarray, "subcarrier"]:
    """Some subcarriers, evenly spread over the carrier [Hz]."""
    frequencies = comb_frequencies(carrier.resource_blocks, carrier.numerology, 1)
    return frequencies[:: max(len(frequencies) // ANGLE_SUBCARRIERS, 1)][:ANGLE_SUBCARRIERS]


def _noisy_cosine(
    response: Complex[np.ndarray, "link subcarrier column"],
    snr: Float[np.ndarray, "link"],
    noise: Complex[np.ndarray, "link subcarrier column"],
) -> Float[np.ndarray, "link"]:
    """Direction cosine of the strongest arrival at an SNR per column; NaN where nothing arrives."""
    power = np.mean(np.abs(response) ** 2, axis=(1, 2), keepdims=True)
    lit = power > 0
    scaled = np.divide(response, np.sqrt(power), out=np.zeros_like(response), where=lit)
    cosine = arrival_cosine(scaled + noise / np.sqrt(snr)[:, None, None])
    return np.where(lit[:, 0, 0], cosine, np.nan)
