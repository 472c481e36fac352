"""p(reports | ways) where the maps are known exactly: what is left is the network's own noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int
from scipy.special import ndtr
from torch import Tensor

from raylocus.evaluation.bound.beams import BIN_VARIANCE
from raylocus.evaluation.bound.likelihood import audible
from raylocus.evaluation.bound.observation_law import ObservationLaw
from raylocus.evaluation.bound.residual_law import QUANTISATION_VARIANCE
from raylocus.evaluation.bound.search import LastReport
from raylocus.evaluation.observations import Observations
from raylocus.network.rrc.filtering import filter_weight
from raylocus.scenes.sites import Deployment
from raylocus.units import timing_advance_step

#: Levels are computed relative to this one [dBm], so that float32 keeps hundredths of a decibel.
REFERENCE_LEVEL = -100.0
#: Level of links without a path [dBm], and floor of probabilities.
DARK_LEVEL, FLOOR = -200.0, 1e-5
#: What a cell's and a beam's level change over the distance between a UE's way and the nearest that is tried [dB].
WAY_ERROR_DB, WAY_BEAM_ERROR_DB = 2.0, 1.0


@dataclass(frozen=True)
class KnownMaps:
    """The true maps of one world, flat over the ground."""

    deployment: Deployment
    rsrp: Float[np.ndarray, "cell ground"]
    """RSRP of the best beam less `REFERENCE_LEVEL` [dB]."""
    beams: Float[np.ndarray, "cell beam ground"]
    """RSRP of each beam, likewise."""
    delay: Float[np.ndarray, "site ground"]
    """Delay of the first path [s]; NaN where there is none."""

    @classmethod
    def of(cls, truth: xr.Dataset, deployment: Deployment) -> KnownMaps:
        """Of the layers of `propagation.maps.world_maps`."""
        beams = truth["rsrp_beam"].values
        shape = (*beams.shape[:2], -1)
        level = np.nan_to_num(beams, nan=DARK_LEVEL).reshape(shape).astype(np.float32) - np.float32(
            REFERENCE_LEVEL
        )
        delay = truth["toa"].values.reshape(len(deployment.sites), -1)
        return cls(deployment, level.max(axis=1), level, delay)


@dataclass(frozen=True)
class KnownSequence:
    """The law of one sequence's reports at every place, see `search.ScoredSequence`.

    Given the place and the bias b, each report is independent of the others: what the L3 filter keeps is
    in the report before. ln p = Σ fixed − ½ (Σ weight · b² − 2 Σ pull · b), b Gaussian and integrated out.
    """

    ago: Float[np.ndarray, "report"]
    fixed: Float[Tensor, "report ground"]
    pull: Float[Tensor, "report ground"]
    weight: Float[Tensor, "report"]
    sharp: Float[Tensor, "3 ground"]
    """`fixed`, `pull` and silence of the last report, its place being exact."""
    sharp_weight: float
    bias_db: float
    """Standard deviation of the device's bias [dB]."""

    @classmethod
    def of(
        cls, observed: Observations, rows: Int[np.ndarray, "report"], maps: KnownMaps, law: ObservationLaw
    ) -> KnownSequence:
        """Scores every report at every ground cell."""
        level, variance = _unfiltered(observed, rows, law)
        others = np.stack([_advance(observed, row, maps, law) for row in rows.tolist()])
        beams = [
            _beams(observed, row, maps, law.beam_noise_db**2 + BIN_VARIANCE) for row in rows[-1:].tolist()
        ]
        extra = law.beam_noise_db**2 + BIN_VARIANCE + WAY_BEAM_ERROR_DB**2
        rough = np.stack([_beams(observed, row, maps, extra) for row in rows.tolist()])
        fixed, pull, weight = _levels(level, variance + WAY_ERROR_DB**2, maps)
        last, last_pull, last_weight = _levels(level[-1:], variance[-1:], maps)
        bias = max(law.device_bias_db, 0.05)
        silence = _silence(observed, int(rows[-1]), maps, law, last_pull[0] / (last_weight[0] + bias**-2))
        sharp = np.stack([last[0] + others[-1] + beams[0], last_pull[0], silence])
        return cls(
            ago=observed.time[rows[-1]] - observed.time[rows],
            fixed=_real(fixed + others + rough),
            pull=_real(pull),
            weight=_real(weight),
            sharp=_real(sharp),
            sharp_weight=float(last_weight[0]),
            bias_db=bias,
        )

    def of_last(self, ground: Int[Tensor, "place"]) -> LastReport:
        """The last report at some places."""
        whole = torch.full((2, self.sharp.shape[1]), -torch.inf)
        fixed, pull, silence = self.sharp[:, ground]
        whole[0, ground] = fixed + 0.5 * pull**2 / (self.sharp_weight + self.bias_db**-2)
        whole[1, ground] = silence
        return LastReport(whole[0], whole[1])

    def of_ways(self, cells: Int[Tensor, "motion way report"]) -> Float[Tensor, "motion way"]:
        """All reports along some ways; the last one's place is exact."""
        end = cells[..., -1]
        fixed, pull = self.sharp[0, end], self.sharp[1, end]
        for report in range(len(self.ago) - 1):
            fixed = fixed + self.fixed[report, cells[..., report]]
            pull = pull + self.pull[report, cells[..., report]]
        weight = self.sharp_weight + float(self.weight[:-1].sum()) + self.bias_db**-2
        return fixed + 0.5 * pull**2 / weight


def _unfiltered(
    observed: Observations, rows: Int[np.ndarray, "report"], law: ObservationLaw
) -> tuple[Float[np.ndarray, "report cell"], Float[np.ndarray, "report cell"]]:
    """The measurement behind each report less `REFERENCE_LEVEL`, and its variance [dB²]; NaN where not reported.

    F_n = (1 − a) F_{n−1} + a M_n (TS 38.331 §5.5.3.2) is solved for M_n; both reports are binned.
    """
    level, time = observed.rsrp[rows] - REFERENCE_LEVEL, observed.time[rows]
    weight = np.ones(len(rows))
    weight[1:] = filter_weight(law.filter_coefficient, np.diff(time))
    before = np.concatenate([np.full((1, level.shape[1]), np.nan), level[:-1]])
    a = np.where(np.isfinite(before), weight[:, None], 1.0)
    measured = (level - (1 - a) * np.nan_to_num(before)) / a
    variance = law.receiver_noise_db**2 + QUANTISATION_VARIANCE * (1 + (1 - a) ** 2) / a**2
    return measured, variance


def _levels(
    level: Float[np.ndarray, "report cell"], variance: Float[np.ndarray, "report cell"], maps: KnownMaps
) -> tuple[
    Float[np.ndarray, "report ground"], Float[np.ndarray, "report ground"], Float[np.ndarray, "report"]
]:
    """−½ Σ w (y − m)², Σ w (y − m) and Σ w over the cells of each report, w the inverse variance."""
    known = np.isfinite(level)
    weight = np.where(known, 1 / variance, 0).astype(np.float32)
    value = np.where(known, level, 0).astype(np.float32)
    weighed = weight * value
    squares = (weighed * value).sum(axis=1, keepdims=True) - 2 * weighed @ maps.rsrp + weight @ maps.rsrp**2
    return -squares / 2, weighed.sum(axis=1, keepdims=True) - weight @ maps.rsrp, weight.sum(axis=1)


def _beams(observed: Observations, row: int, maps: KnownMaps, variance: float) -> Float[np.ndarray, "ground"]:
    """ln density of the differences between the named beams, and that the others were weaker."""
    level = observed.beam_rsrp[row]
    named, mapped = np.isfinite(level), maps.beams[observed.serving[row]]
    if named.sum() < 2:
        return np.zeros(mapped.shape[1])
    deviation = level[named, None] - REFERENCE_LEVEL - mapped[named]
    offset = deviation.mean(axis=0)
    density = -((deviation - offset) ** 2).sum(axis=0) / (2 * variance)
    weakest = level[named].min() - REFERENCE_LEVEL
    exists = ~named & (mapped.max(axis=1) > DARK_LEVEL - REFERENCE_LEVEL)
    weaker = ndtr((weakest - mapped[exists] - offset) / np.sqrt(variance))
    return density + np.log(weaker + FLOOR).sum(axis=0)


def _advance(
    observed: Observations, row: int, maps: KnownMaps, law: ObservationLaw
) -> Float[np.ndarray, "ground"]:
    """ln probability of T_A: the delay and its Gaussian error fall into the bin."""
    delay, advance = (
        maps.delay[maps.deployment.site_of_cell[observed.serving[row]]],
        observed.timing_advance[row],
    )
    if not np.isfinite(advance):
        return np.zeros(len(delay))
    step = timing_advance_step(maps.deployment.carrier.numerology)
    spread = max(2 * law.timing_noise / step, 1e-3)
    off = advance - delay * (2 / step)
    inside = ndtr((off + 0.5) / spread) - ndtr((off - 0.5) / spread)
    return np.log(np.nan_to_num(inside) + FLOOR)


def _silence(
    observed: Observations, row: int, maps: KnownMaps, law: ObservationLaw, bias: Float[np.ndarray, "ground"]
) -> Float[np.ndarray, "ground"]:
    """ln probability that the last report does not name the cells that it does not name."""
    level = observed.rsrp[row]
    heard = np.isfinite(level)
    floor = audible(level[heard], maps.deployment.carrier, law) - REFERENCE_LEVEL
    # The interference that hides a cell is known no better than this.
    missed = ndtr((floor - maps.rsrp[~heard] - bias) / np.hypot(law.receiver_noise_db, 2.0))
    dropped = min(max(law.neighbour_dropout, 1e-3), 1.0)
    return np.log(dropped + (1 - dropped) * missed).sum(axis=0)


def _real(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
