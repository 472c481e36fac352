"""Downlink of a batch of reports: levels with fading, detection, L3 filter, serving cell and neighbours.

Small-scale fading is the power that coherent paths leave on a set of subcarriers and moments, in closed form. The mean
of |Σ a_p·exp(j2π(ν_p t − f τ_p))|² over equally spaced frequencies and times is the quadratic form aᴴ K a, with K_pq
the product of two Dirichlet kernels of the paths' differences in delay and Doppler. It equals the sum over subcarriers
and symbols, at the price of the paths alone.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float
from scipy.special import diric

from raylocus.network.channel.links import ChannelState, Links, beam_weights
from raylocus.network.configuration import CoherentFading, NetworkConfiguration
from raylocus.network.phy.impulse_response import SSS_SUBCARRIERS
from raylocus.network.random_streams import RandomSource
from raylocus.network.stack.cell_levels import CellMeasurements, detected_cells, measure_cells
from raylocus.propagation.maps.path_loss import cell_energy
from raylocus.ragged import Columns
from raylocus.scenes.sites import Deployment
from raylocus.units import SPEED_OF_LIGHT, subcarrier_spacing, to_decibel


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
    differences does not matter. The mean of exp(j2πnx) over N values of n is Dirichlet's kernel, sin πNx / (N sin πx).
    """
    known, turn = np.nan_to_num(delay), 2 * np.pi
    by_delay = diric(turn * ((known[..., :, None] - known[..., None, :]) * spacing), subcarriers)
    if occasions == 1:
        return by_delay
    return by_delay * diric(turn * ((shift[..., :, None] - shift[..., None, :]) * interval), occasions)


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


@dataclass(frozen=True)
class Paths(Columns):
    """Paths from all sites, and their amplitudes through every beam."""

    links: Links
    amplitude: Complex[np.ndarray, "report cell receive beam path"]
    """Path amplitudes of every beam on the nominal maps."""

    @classmethod
    def of(cls, links: Links, antennas: Deployment) -> Paths:
        """The paths of links through the beams of antennas as they really are."""
        return cls(links, beam_amplitudes(links, antennas))


@dataclass(frozen=True)
class Downlink(Columns):
    """What UEs receive, before anything is filtered or left out."""

    measured: CellMeasurements
    """RSRP, RSRQ and SINR of detected cells; NaN elsewhere."""
    rsrp_beam: Float[np.ndarray, "report cell beam"]
    """RSRP of every beam in one SSB [dBm]: what L1 sees, without the error of its measurement."""
    error: Float[np.ndarray, "report cell"]
    """Error of each cell's level in each report, all beams alike [dB]."""
    paths: Paths | None
    """Paths, where they were needed for the levels."""

    @property
    def heard(self) -> Bool[np.ndarray, " report"]:
        """Reports in which the UE finds a cell at all."""
        return ~np.all(np.isnan(self.measured.rsrp), axis=1)


def receive(
    state: ChannelState,
    paths: Paths | None,
    velocity: Float[np.ndarray, "report 3"],
    deployment: Deployment,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> Downlink:
    """Levels at the UEs: the world's local means with measurement noise and, if it is coherent, the paths' fading.

    Cells for which the map has no path but that the world's scattering reaches have no fading structure; their
    level is the world's.
    """
    error = configuration.receiver_noise_db * random.standard_normal(state.rsrp_beam.shape[:2])
    layer_1 = layer_3 = state.rsrp_beam
    if paths is not None and isinstance(configuration.fading, CoherentFading):
        period, links = configuration.ssb_period, paths.links
        for_both = [
            beam_fading_db(paths.amplitude, ssb_kernel(links, velocity, deployment, period, occasions))
            for occasions in (configuration.fading.occasions, 1)
        ]
        layer_3, layer_1 = (state.rsrp_beam + np.nan_to_num(each) for each in for_both)
    noisy = dataclasses.replace(state, rsrp_beam=layer_3 + error[:, :, None])
    measured = measure_cells(noisy, deployment.carrier, configuration.load, configuration.noise_figure_db)
    detected = detected_cells(measured, configuration)
    return Downlink(measured.where(detected, detected, detected), layer_1, error, paths)


def level_shift_db(
    state: ChannelState,
    amplitude: Complex[np.ndarray, "report cell receive beam path"],
    deployment: Deployment,
) -> Float[np.ndarray, "report cell"]:
    """How much stronger each cell is in this world than on the nominal maps [dB]; NaN without a path."""
    nominal = cell_energy(deployment)[:, None] + to_decibel(local_mean(amplitude))
    best, nominal_best = (
        np.asarray(np.fmax.reduce(level, axis=2))
        for level in (np.where(np.isnan(nominal), np.nan, state.rsrp_beam), nominal)
    )
    return best - nominal_best
