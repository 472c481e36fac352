"""The part of one sequence's reports that the bound's likelihood uses, as flat tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from jaxtyping import Bool, Float, Int
from torch import Tensor

from raylocus.evaluation.bound.arrivals import DOWNLINK, UPLINK, Times, times_of
from raylocus.evaluation.bound.levels import QUANTISATION_VARIANCE
from raylocus.evaluation.observations import Observations, cell_feature
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.impairments.availability import frequency_range
from raylocus.network.reports.reports import Reports
from raylocus.network.rrc.events import MEASUREMENT_PERIODS, filter_weight
from raylocus.scenes.sites import Deployment

#: Cell levels used at most; the cost of the likelihood grows with their square.
MOST_LEVELS = 40
#: Reports whose levels are used at most, and reports whose beams are.
MOST_REPORTS, MOST_BEAM_REPORTS = 6, 4


@dataclass(frozen=True)
class SequenceTokens:
    """Levels, beams and timing advances of one sequence. Reports count from 0; the last is where the UE is sought."""

    ago: Float[np.ndarray, " report"]
    """Seconds before the last report."""
    level: Float[Tensor, " token"]
    """RSRP as measured before the L3 filter [dBm], see `unfiltered`; none at an end of its range."""
    level_cell: Int[Tensor, " token"]
    level_site: Int[Tensor, " token"]
    level_report: Int[Tensor, " token"]
    noise: Float[Tensor, " token"]
    """Variance of the levels' noise [dB²]: the receiver's and the report's bins'."""
    beam_report: Int[Tensor, " beamed"]
    """Reports with beams."""
    beam_cell: Int[Tensor, " beamed"]
    """Serving cell of those."""
    beam_level: Float[Tensor, "beamed beam"]
    """L1-RSRP [dBm]; NaN where unreported."""
    advance: Float[Tensor, " timed"]
    """T_A [steps]."""
    advance_site: Int[Tensor, " timed"]
    advance_report: Int[Tensor, " timed"]
    angle: Float[Tensor, " angled"]
    """UL-AoA [rad]."""
    angle_cell: Int[Tensor, " angled"]
    angle_report: Int[Tensor, " angled"]
    times: Times
    """Of arrival."""
    ended: Float[Tensor, " ended"]
    """Ends of the range of RSRP [dBm] that the last report's cells which are no `level` lie at, or beyond."""
    ended_above: Bool[Tensor, " ended"]
    """Whether it is the upper end: at least so strong."""
    ended_cell: Int[Tensor, " ended"]
    ended_site: Int[Tensor, " ended"]
    unreported: Int[Tensor, " silent"]
    """Cells that the last report does not name."""
    unreported_site: Int[Tensor, " silent"]

    @property
    def last_tokens(self) -> Int[Tensor, " last"]:
        """Which levels are of the last report."""
        return torch.nonzero(self.level_report == len(self.ago) - 1)[:, 0]

    @property
    def repeated(self) -> tuple[Int[Tensor, " unlike"], Int[Tensor, " token"]]:
        """One level of each cell, and which of these each level repeats where the UE stays."""
        cell, repeats = self.level_cell.unique(return_inverse=True)
        return torch.empty_like(cell).index_copy_(0, repeats, torch.arange(len(repeats))), repeats


#: Features that are used beyond the critical ones.
POSITIONING = (*DOWNLINK, *UPLINK, "ul_aoa")


def positioning_of(reports: Reports, deployment: Deployment) -> xr.Dataset:
    """`POSITIONING` by report and cell; NaN where missing."""
    return xr.Dataset(
        {name: (("report", "cell"), cell_feature(reports, deployment, name)) for name in POSITIONING}
    )


def all_tokens(
    observed: Observations,
    deployment: Deployment,
    network: NetworkConfiguration,
    positioning: xr.Dataset | None = None,
) -> list[SequenceTokens]:
    """The tokens of each sequence, with what `positioning_of` has of all."""
    nothing = (("report", "cell"), np.full(observed.rsrp.shape, np.nan))
    more = xr.Dataset(dict.fromkeys(POSITIONING, nothing)) if positioning is None else positioning
    return [_tokens(observed, sample, deployment, network, more) for sample in range(len(observed))]


def _tokens(
    observed: Observations,
    sample: int,
    deployment: Deployment,
    network: NetworkConfiguration,
    positioning: xr.Dataset,
) -> SequenceTokens:
    rows = np.arange(observed.report_offsets[sample], observed.report_offsets[sample + 1])
    rsrp, serving, beams = observed.rsrp[rows], observed.serving[rows], observed.beam_rsrp[rows]
    end = observed.rsrp_end[rows]
    known = np.where(end == 0, rsrp, np.nan)
    report, cell = _levelled(known)
    beamed = _spread_out(np.flatnonzero(np.isfinite(beams).sum(axis=1) > 1), MOST_BEAM_REPORTS)
    own = positioning.isel(report=rows)
    # T_A is of the same UL delay as the serving cell's round trip, to which it adds nothing linear.
    round_trip = (own["ue_rx_tx"] + own["gnb_rx_tx"]).values[np.arange(len(rows)), serving]
    timed = np.flatnonzero(np.isfinite(observed.timing_advance[rows]) & np.isnan(round_trip))
    period = MEASUREMENT_PERIODS[frequency_range(deployment.carrier.frequency)]
    level, variance = unfiltered(known, observed.time[rows], network, period)
    silent, site_of_cell = np.flatnonzero(~np.isfinite(rsrp[-1])), deployment.site_of_cell
    ended = np.flatnonzero(np.isfinite(rsrp[-1]) & (end[-1] != 0))
    angled = _angled(own["ul_aoa"].values, rsrp, site_of_cell)
    return SequenceTokens(
        ago=observed.time[rows[-1]] - observed.time[rows],
        level=_real(level[report, cell]),
        level_cell=_whole(cell),
        level_site=_whole(site_of_cell[cell]),
        level_report=_whole(report),
        noise=_real(variance[report, cell]),
        beam_report=_whole(beamed),
        beam_cell=_whole(serving[beamed]),
        beam_level=_real(beams[beamed]),
        advance=_real(observed.timing_advance[rows][timed]),
        advance_site=_whole(site_of_cell[serving[timed]]),
        advance_report=_whole(timed),
        angle=_real(np.deg2rad(own["ul_aoa"].values[angled])),
        angle_cell=_whole(angled[1]),
        angle_report=_whole(angled[0]),
        times=times_of(own, np.isfinite(rsrp), serving, deployment, network),
        ended=_real(rsrp[-1, ended]),
        ended_above=torch.from_numpy(end[-1, ended] > 0),
        ended_cell=_whole(ended),
        ended_site=_whole(site_of_cell[ended]),
        unreported=_whole(silent),
        unreported_site=_whole(site_of_cell[silent]),
    )


def _levelled(
    known: Float[np.ndarray, "report cell"],
) -> tuple[Int[np.ndarray, " token"], Int[np.ndarray, " token"]]:
    """Reports and cells whose levels are used."""
    heard = max(float(np.isfinite(known).sum(axis=1).mean()), 1.0)
    used = _spread_out(np.arange(len(known)), min(MOST_REPORTS, max(int(MOST_LEVELS // heard), 1)))
    which, cell = np.nonzero(np.isfinite(known[used]))
    return used[which], cell


def _angled(
    azimuth: Float[np.ndarray, "report cell"],
    rsrp: Float[np.ndarray, "report cell"],
    site_of_cell: Int[np.ndarray, " cell"],
) -> tuple[Int[np.ndarray, " angled"], Int[np.ndarray, " angled"]]:
    """Reports and cells whose angles are used: of one site's the strongest, for all see the same path or miss it."""
    of_site = np.where(site_of_cell[:, None] == site_of_cell, rsrp[:, None], np.nan)
    there = np.isfinite(azimuth) & (rsrp >= np.fmax.reduce(of_site, axis=2))
    reports = _spread_out(np.flatnonzero(there.any(axis=1)), MOST_REPORTS)
    which, cell = np.nonzero(there[reports])
    return reports[which], cell


def unfiltered(
    level: Float[np.ndarray, "report cell"],
    time: Float[np.ndarray, " report"],
    network: NetworkConfiguration,
    period: float,
) -> tuple[Float[np.ndarray, "report cell"], Float[np.ndarray, "report cell"]]:
    """The measurement behind each report [dBm] and its variance [dB²]; NaN where not reported.

    F_n = (1 − a) F_{n−1} + a M_n (TS 38.331 §5.5.3.2) is solved for M_n, whose noise and place are its own;
    both reports are binned. The filter assumes a measurement each `period` [s].
    """
    weight = np.ones(len(time))
    weight[1:] = filter_weight(network.report.filter_coefficient, np.diff(time), period)
    before = np.concatenate([np.full((1, level.shape[1]), np.nan), level[:-1]])
    a = np.where(np.isfinite(before), weight[:, None], 1.0)
    measured = (level - (1 - a) * np.nan_to_num(before)) / a
    return measured, network.receiver_noise_db**2 + QUANTISATION_VARIANCE * (1 + (1 - a) ** 2) / a**2


def _spread_out(reports: Int[np.ndarray, " report"], most: int) -> Int[np.ndarray, " kept"]:
    """At most so many reports, spread evenly and always with the last: counted from the end."""
    count = min(len(reports), most)
    back = np.unique(np.linspace(0, len(reports) - 1, count).astype(np.int64)) if count else reports[:0]
    return reports[len(reports) - 1 - back[::-1]]


def _real(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _whole(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.int64))
