"""p(times of arrival | places): noise, clocks and group delays are Gaussians that are integrated out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from jaxtyping import Bool, Float, Int
from scipy.linalg import cholesky, solve_triangular
from torch import Tensor

from raylocus.geo import Grid
from raylocus.nearest import nearest_where
from raylocus.network.configuration import MapTiming, NetworkConfiguration
from raylocus.network.mac.uplink import TRANSMIT_TIMING_LIMIT
from raylocus.scenes.sites import Deployment
from raylocus.units import SPEED_OF_LIGHT, TC

#: Times that are used, by what the delay is of. A difference of arrivals is to the serving cell's.
DOWNLINK, UPLINK = ("rstd", "ue_rx_tx", "time_of_arrival"), ("gnb_rx_tx", "ul_rtoa")
#: Standard deviation of when a UE sends its frame, as if nothing were known of it [m].
FRAME = 1e4
#: Standard deviation of a standard Gaussian that is cut at ±2.
CUT_AT_TWICE = 0.88
#: Directions of delays that are known no better than this are not known [m].
UNKNOWN = 1e3
#: Standard deviation of the delays between a UE's way and the nearest that is tried [m].
WAY_ERROR = 5.0
#: Probability that a reported cell is timed where the map has no path, or not where it has one.
WRONGLY_DARK = 1e-3


@dataclass(frozen=True)
class DelayGaussian:
    """A Gaussian of the lengths of links, up to what is the same everywhere."""

    white: Float[Tensor, "known link"]
    mean: Float[Tensor, " known"]
    log_peak: float

    @classmethod
    def of(
        cls,
        time: Float[np.ndarray, " time"],
        design: Float[np.ndarray, "time link"],
        loads: Float[np.ndarray, "time latent"],
        own: Float[np.ndarray, " time"],
    ) -> DelayGaussian:
        """Of times [m] that are `design` @ lengths + `loads` @ standard Gaussians + errors of variance `own` [m²]."""
        factor = cholesky(loads @ loads.T + np.diag(own), lower=True)
        columns = solve_triangular(factor, np.column_stack([design, time]), lower=True)
        left, scale, right = np.linalg.svd(columns[:, :-1], full_matrices=False)
        known = scale > 1 / UNKNOWN
        mean = left[:, known].T @ columns[:, -1]
        peak = -0.5 * (columns[:, -1] @ columns[:, -1] - mean @ mean) - np.log(np.diag(factor)).sum()
        white = scale[known, None] * right[known]
        return cls(torch.from_numpy(white).float(), torch.from_numpy(mean).float(), float(peak))

    def log_density(self, length: Float[Tensor, "*way link"]) -> Float[Tensor, "*way"]:
        """ln density where the links have these lengths [m]."""
        return self.log_peak - 0.5 * (length @ self.white.T - self.mean).square().sum(dim=-1)


@dataclass(frozen=True)
class Times:
    """Times of one sequence's links, as the Gaussian of the last report's and of all by whether a UE has moved."""

    site: Int[Tensor, " link"]
    report: Int[Tensor, " link"]
    timed: Bool[Tensor, " link"]
    """Whether a link is timed; where not, its report times others and names a cell of its site."""
    last: int
    """Index of the last report."""
    of_last: DelayGaussian
    at_rest: DelayGaussian
    moved: DelayGaussian


@dataclass(frozen=True)
class ArrivalLaw:
    """The law of times of arrival given where the UE was; of several places that may stand there, the mean."""

    length: Float[Tensor, "*place site ground"]
    """Of the first path [m]; where there is none, that of the nearest ground that has one."""
    lit: Bool[Tensor, "*place site ground"]
    """Where there is one."""

    @classmethod
    def of(cls, delay: Float[Tensor, "*place site ground"], grid: Grid) -> ArrivalLaw:
        """Of delays [s] that are NaN where there is no path."""
        lit = torch.isfinite(delay)
        length = SPEED_OF_LIGHT * delay.view(-1, *grid.shape)
        for own, there in zip(length, lit.view(-1, *grid.shape).numpy(), strict=True):
            own[:] = torch.nan_to_num(own[nearest_where(there)])
        return cls(length.view(delay.shape), lit)

    def of_last(self, times: Times, ground: Int[Tensor, " place"]) -> Float[Tensor, " place"]:
        """ln density of the last report's at some places."""
        own = times.report == times.last
        return self._log_density(times, ground[:, None].expand(-1, len(own)), own, times.of_last)

    def of_ways(
        self, times: Times, cells: Int[Tensor, "way report"], moved: Bool[Tensor, " way"]
    ) -> Float[Tensor, " way"]:
        """ln density of all at the places of each report; a UE that has moved was near a way only."""
        every, at = torch.ones_like(times.timed), cells[:, times.report]
        of_moved, of_rest = (self._log_density(times, at, every, law) for law in (times.moved, times.at_rest))
        return torch.where(moved, of_moved, of_rest)

    def _log_density(
        self, times: Times, cells: Int[Tensor, "way link"], own: Bool[Tensor, " link"], law: DelayGaussian
    ) -> Float[Tensor, " way"]:
        wrong = ((self.lit[..., times.site, cells] != times.timed) & own).sum(dim=-1)
        density = law.log_density(self.length[..., times.site, cells]) + wrong * float(np.log(WRONGLY_DARK))
        density = density.reshape(self.lit[..., 0, 0].numel(), len(cells))
        return torch.logsumexp(density, dim=0) - float(np.log(len(density)))


def times_of(
    measured: xr.Dataset,
    named: Bool[np.ndarray, "report cell"],
    serving: Int[np.ndarray, " report"],
    deployment: Deployment,
    network: NetworkConfiguration,
) -> Times:
    """The times [s] of one sequence by report and cell; NaN where missing. `named` are the cells that are reported.

    A report's DL delay is d + n + clock, its UL delay d + m − clock, n and m noise of a cell in this report with
    the site's group delay, and the clock the same for the sequence. RSTD is a difference of the first; UE Rx−Tx has the
    UE's group delay and less its frame, gNB Rx−Tx its frame, RTOA its transmit error (a Gaussian of the variance of
    its uniform law). Of the frame nothing is taken to be known, though T_A says a little.
    """
    kinds = [name for name in (*DOWNLINK, *UPLINK) if name in measured]
    found = [np.argwhere(np.isfinite(measured[name].values)) for name in kinds]
    kind = np.repeat(np.array(kinds, dtype=np.str_), [len(each) for each in found])
    report, cell = np.concatenate([np.zeros((0, 2), np.int64), *found]).T
    values = [measured[name].values[tuple(at.T)] for name, at in zip(kinds, found, strict=True)]
    time, sites = SPEED_OF_LIGHT * np.concatenate([np.zeros(0), *values]), len(deployment.sites)
    rows = _one_way(report, cell, np.isin(kind, DOWNLINK), named.shape, deployment, network)
    of_serving = _one_way(report, serving[report], kind == "rstd", named.shape, deployment, network)
    rows -= of_serving * (kind == "rstd")[:, None]
    design, loads = np.split(rows, [len(named) * sites], axis=1)
    loads = np.hstack([loads, _of_ue(kind, _one_hot(report, len(named)), deployment, network)])
    drift = network.clocks.drift * network.ssb_period * (kind == "time_of_arrival")
    own = SPEED_OF_LIGHT**2 * ((2.0**network.timing_errors.granularity * TC) ** 2 / 12 + drift**2)
    timed = (design != 0).any(axis=0)
    heard = named @ _one_hot(deployment.site_of_cell, sites) & np.isin(np.arange(len(named)), report)[:, None]
    links = np.flatnonzero(timed | heard.ravel())
    design, last, final = design[:, links], report == len(named) - 1, len(named) - 1
    apart = np.hstack([loads, WAY_ERROR * design * (links // sites < final)])
    return Times(
        torch.from_numpy(links % sites),
        torch.from_numpy(links // sites),
        torch.from_numpy(timed[links]),
        final,
        DelayGaussian.of(time[last], design[last], loads[last], own[last]),
        DelayGaussian.of(time, design, loads, own),
        DelayGaussian.of(time, design, apart, own),
    )


def _one_way(
    report: Int[np.ndarray, " time"],
    cell: Int[np.ndarray, " time"],
    down: Bool[np.ndarray, " time"],
    shape: tuple[int, int],
    deployment: Deployment,
    network: NetworkConfiguration,
) -> Float[np.ndarray, "time column"]:
    """One-way delays [m] by the links' lengths, and by noise down, noise up and clocks in standard deviations."""
    timing, errors, sites = network.timing, network.timing_errors, len(deployment.sites)
    assert isinstance(timing, MapTiming), "references refuse another law"
    site, noises = deployment.site_of_cell[cell], shape[0] * shape[1]
    noise = SPEED_OF_LIGHT * np.hypot(timing.noise, errors.trp_group_delay)
    clock = SPEED_OF_LIGHT * CUT_AT_TWICE * errors.synchronisation * np.where(down, 1.0, -1.0)
    link = _one_hot(report * sites + site, shape[0] * sites)
    received = _one_hot(report * shape[1] + cell + noises * ~down, 2 * noises)
    return np.hstack([link, noise * received, clock[:, None] * _one_hot(site, sites)])


def _of_ue(
    kind: np.ndarray,
    own: Bool[np.ndarray, "time report"],
    deployment: Deployment,
    network: NetworkConfiguration,
) -> Float[np.ndarray, "time column"]:
    """Times [m] by the UE's group delay, and by its frame and its transmit error in each report."""
    limit = SPEED_OF_LIGHT * TRANSMIT_TIMING_LIMIT[min(deployment.carrier.numerology, 3)] * TC
    group = SPEED_OF_LIGHT * network.timing_errors.ue_group_delay
    received = group * np.isin(kind, ("ue_rx_tx", "time_of_arrival"))
    frame = FRAME * ((kind == "gnb_rx_tx").astype(float) - (kind == "ue_rx_tx"))
    sent = limit / np.sqrt(3) * (kind == "ul_rtoa")
    return np.column_stack([received, frame[:, None] * own, sent[:, None] * own])


def _one_hot(index: Int[np.ndarray, " time"], size: int) -> Bool[np.ndarray, "time size"]:
    return index[:, None] == np.arange(size)
