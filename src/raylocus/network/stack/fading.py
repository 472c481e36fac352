"""Small-scale fading: the power that coherent paths leave on a set of subcarriers and moments, in closed form.

The mean of |Σ a_p·exp(j2π(ν_p t − f τ_p))|² over equally spaced frequencies and times is the quadratic
form aᴴ K a, with K_pq the product of two Dirichlet kernels of the paths' differences in delay and Doppler.
It equals the sum over subcarriers and symbols, at the price of the paths alone.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float

from raylocus.network.channel.links import Links, beam_weights
from raylocus.network.phy.frequency_response import SSS_SUBCARRIERS
from raylocus.scenes.sites import Deployment
from raylocus.units import SPEED_OF_LIGHT, subcarrier_spacing, to_decibel


def dirichlet(turns: Float[np.ndarray, "*batch"], count: int) -> Float[np.ndarray, "*batch"]:
    """Mean of exp(j2π·n·turns) over `count` values of n about their middle: sin(πNx) / (N·sin(πx))."""
    base = np.sin(np.pi * turns)
    small = np.abs(base) < 1e-9
    return np.where(small, 1.0, np.sin(np.pi * count * turns) / (count * np.where(small, 1.0, base)))


def coherence_kernel(
    delay: Float[np.ndarray, "*link path"],
    shift: Float[np.ndarray, "*link path"],
    spacing: float,
    subcarriers: int,
    interval: float,
    occasions: int,
) -> Float[np.ndarray, "*link path path"]:
    """K of paths by their delays [s] and Doppler shifts [Hz], over subcarriers and over measurement occasions.

    Both sets are taken about their middle, whose phase belongs to the amplitudes; the sign of K's
    differences does not matter.
    """
    known = np.nan_to_num(delay)
    by_delay = dirichlet((known[..., :, None] - known[..., None, :]) * spacing, subcarriers)
    if occasions == 1:
        return by_delay
    return by_delay * dirichlet((shift[..., :, None] - shift[..., None, :]) * interval, occasions)


def kernel_power(
    amplitude: Complex[np.ndarray, "*link port path"], kernel: Float[np.ndarray, "*link path path"]
) -> Float[np.ndarray, "*link port"]:
    """aᴴ K a of every port."""
    mixed = amplitude @ kernel.astype(np.float32)
    return np.maximum((mixed.real * amplitude.real + mixed.imag * amplitude.imag).sum(axis=-1), 0.0)


def doppler_shifts(
    links: Links, velocity: Float[np.ndarray, "report 3"], frequency: float
) -> Float[np.ndarray, "report site path"]:
    """Doppler shift of every path [Hz]."""
    return -np.einsum("rspi,ri->rsp", links.arrival, velocity) * frequency / SPEED_OF_LIGHT


def beam_amplitudes(
    links: Links, deployment: Deployment
) -> Complex[np.ndarray, "report cell receive beam path"]:
    """Amplitude of every path of every SSB beam at the UE's two polarisations; 0 for beams a cell lacks."""
    reports, _, paths = links.delay.shape
    shape = (reports, len(deployment.cells), 2, deployment.beam_count, paths)
    amplitude = np.zeros(shape, np.complex64)
    for index, cell in enumerate(deployment.cells):
        weight = beam_weights(links.departure[:, cell.site], cell).swapaxes(1, 2)
        field = links.transfer[:, cell.site, :, :, 0].swapaxes(1, 2)
        amplitude[:, index, :, : cell.array.beams] = weight[:, None] * field[:, :, None]
    return amplitude


def local_mean(
    amplitude: Complex[np.ndarray, "report cell receive beam path"],
) -> Float[np.ndarray, "report cell beam"]:
    """Power gain of every beam with the paths' powers added, over both polarisations."""
    return (amplitude.real**2 + amplitude.imag**2).sum(axis=(2, 4))


def beam_fading_db(
    amplitude: Complex[np.ndarray, "report cell receive beam path"],
    kernel: Float[np.ndarray, "report cell path path"],
) -> Float[np.ndarray, "report cell beam"]:
    """How far each beam's RSRP is from its local mean [dB], by interference of the paths; NaN where no path.

    RSRP is the mean over the 127 SSS subcarriers and over some SSB occasions, summed over the UE's two
    polarisations; the local mean adds path powers.
    """
    reports, cells, receive, beams, paths = amplitude.shape
    flat = amplitude.reshape(reports, cells, receive * beams, paths)
    coherent = kernel_power(flat, kernel).reshape(reports, cells, receive, beams).sum(axis=2)
    incoherent = local_mean(amplitude)
    absent = incoherent <= 0
    ratio = np.divide(coherent, incoherent, out=np.ones_like(coherent), where=~absent)
    # A perfect null is below any noise; −40 dB keeps the level finite.
    return np.where(absent, np.nan, to_decibel(np.maximum(ratio, 1e-4)))


def ssb_kernel(
    links: Links,
    velocity: Float[np.ndarray, "report 3"],
    deployment: Deployment,
    ssb_period: float,
    occasions: int,
) -> Float[np.ndarray, "report cell path path"]:
    """The coherence kernel of the 127 SSS subcarriers over some SSB occasions, for every cell."""
    carrier = deployment.carrier
    kernel = coherence_kernel(
        links.delay,
        doppler_shifts(links, velocity, carrier.frequency),
        subcarrier_spacing(carrier.numerology),
        len(SSS_SUBCARRIERS),
        ssb_period,
        occasions,
    )
    return kernel.astype(np.float32)[:, deployment.site_of_cell]
