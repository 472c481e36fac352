"""How badly maps and measurements fit at the answer, and how likely it is that the map is not the world's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.models.evidence.stream import Evidence
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.prediction import Prediction
from raylocus.models.time_heads import PooledObservations

#: Statistics count up to so many standard deviations from their mean.
LARGEST_DEVIATION = 4.0
#: Groups stand for others like them: width of the kernel about each, in standard deviations of the right ones; and the
#: likelihood of a score unlike any.
SMOOTHING, SMALLEST_LIKELIHOOD = 0.1, 1e-6
#: Scale of an excess of timing advance [m], margin over the weakest level at which a cell should be heard [dB].
TIMING_SCALE, AUDIBLE_MARGIN = 20.0, 6.0
#: Scale of a beam's residual [dB].
BEAM_SCALE = 3.0


def misfit_statistics(
    prediction: Prediction,
    pooled: PooledObservations,
    evidence: Evidence,
    gains: Float[Tensor, "batch likelihood"],
    maps: PlaceMaps,
) -> Float[Tensor, "batch statistic"]:
    """What the newest reports leave unexplained, its mean over the posterior on the coarse grid.

    Residuals of the levels about the map and about the formula, the level common to all, path lengths too long or
    too short for the timing advance, cells that the map says are heard and are silent, beams, how levels and map
    go together from cell to cell, the posterior's spread, how well each likelihood is explained where it is explained
    best, how much worse at the answer, how far all of them are from agreeing on one position, and what is lost if
    cells' names are swapped.

    Args:
        prediction: the answer.
        pooled: what was observed, as the time heads weigh it; the first one is of the newest reports.
        evidence: the likelihoods.
        gains: how much better each likelihood explains the reports than with the cells' names swapped.
        maps: the place.
    """
    mass = prediction.log_mass.flatten(1).exp()
    mapped, squares = _moments(mass, maps.level)
    offset = _mean(pooled.level[:, 0] - mapped, pooled.heard[:, 0])
    formula = _moments(mass, maps.formula)
    alone = [
        _off_map(pooled, mapped, squares),
        offset.abs() / 10,
        _off_map(pooled, *formula),
        *_off_timing(pooled, mass, maps),
        torch.log1p(_unexpected_silence(pooled, mapped + offset[:, None]).sum(1)),
        torch.log1p(pooled.heard[:, 0].sum(1)),
        *_off_beams(pooled, mass, maps),
        _together(pooled, mapped),
        -(mass * prediction.log_mass.flatten(1)).sum(1),
        evidence.total.flatten(1).amax(1),
    ]
    at_answer = torch.einsum("bg,bcg->bc", mass, evidence.channels.flatten(2))
    highest = evidence.highest / (1 + pooled.heard[:, 0].sum(1, keepdim=True))
    return torch.cat(
        [torch.stack(alone, 1), torch.log1p(-at_answer.clamp(max=0)), highest, _compressed(gains)], 1
    )


def gains_over_swapped_cells(
    likelihoods: Sequence[Float[Tensor, "renamed 1 y x"]], outdoor: Float[Tensor, "y x"], orders: int
) -> Float[Tensor, "batch likelihood"]:
    """How much better likelihoods explain the reports than if other cells of the place had been named [nats].

    They are averaged over the outdoor ground. Where maps are wrong names say nothing: the gain is about 0.

    Args:
        likelihoods: of the newest reports, of the batch as it is and then in other orders of the cells
            (`PooledObservations.renamed`).
        outdoor: share of each ground cell outside buildings.
        orders: of the cells, the batch's own included.
    """
    over_ground = torch.cat(list(likelihoods), 1) + torch.log(outdoor + 1e-4)
    named, *swapped = torch.logsumexp(over_ground.flatten(2), 2).chunk(orders)
    return named - torch.stack(swapped).mean(0)


def _compressed(values: Tensor) -> Tensor:
    """Logarithms that keep the sign: a few phones must not outweigh all others."""
    return values.sign() * torch.log1p(values.abs())


def _off_map(
    pooled: PooledObservations, mapped: Float[Tensor, "batch cell"], squares: Float[Tensor, "batch cell"]
) -> Float[Tensor, " batch"]:
    """Log of the mean squared residual of the levels [dB²], a level common to all cells taken off."""
    level, heard = pooled.level[:, 0], pooled.heard[:, 0]
    offset = _mean(level - mapped, heard)[:, None]
    residual = (level - offset - mapped).square() + squares - mapped.square()
    return torch.log1p(_mean(residual, heard).clamp(min=0))


def _unexpected_silence(
    pooled: PooledObservations, expected: Float[Tensor, "batch cell"]
) -> Float[Tensor, "batch cell"]:
    """How sure it is that a cell should be heard that no report names."""
    over = expected - pooled.weakest[:, :1] - AUDIBLE_MARGIN
    return torch.sigmoid(over / AUDIBLE_MARGIN) * (1 - pooled.reported[:, 0])


def _off_timing(
    pooled: PooledObservations, mass: Float[Tensor, "batch ground"], maps: PlaceMaps
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """How far path lengths are from the timing advances, and whether there are any."""
    timed = pooled.timed[:, 0]
    length, _ = _moments(mass, maps.distance[maps.site_of_cell])
    excess = torch.log1p(((pooled.timing[:, 0] - length) / TIMING_SCALE).square())
    return _mean(excess, timed), (timed.sum(1) > 0).to(mass)


def _off_beams(
    pooled: PooledObservations, mass: Float[Tensor, "batch ground"], maps: PlaceMaps
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """How far beams are from the mapped ones, and whether there are any."""
    known = pooled.beam_known[:, 0].flatten(1)
    mapped, _ = _moments(mass, maps.beam_relative.flatten(0, 1))
    off = torch.log1p(((pooled.beam[:, 0].flatten(1) - mapped) / BEAM_SCALE).square())
    return _mean(off, known), (known.sum(1) > 0).to(mass)


def _together(pooled: PooledObservations, mapped: Float[Tensor, "batch cell"]) -> Float[Tensor, " batch"]:
    """Correlation of levels and map from cell to cell, shrunk where they hardly differ."""
    heard = pooled.heard[:, 0]
    level, expected = (each - _mean(each, heard)[:, None] for each in (pooled.level[:, 0], mapped))
    spread = torch.sqrt((_mean(level.square(), heard) + 1) * (_mean(expected.square(), heard) + 1))
    return _mean(level * expected, heard) / spread


def _moments(
    mass: Float[Tensor, "batch ground"], values: Float[Tensor, "item y x"]
) -> tuple[Float[Tensor, "batch item"], Float[Tensor, "batch item"]]:
    """Mean and mean square of each raster over each posterior."""
    flat = values.flatten(1).T
    return mass @ flat, mass @ flat.square()


def _mean(
    values: Float[Tensor, "batch item"], weight: Float[Tensor, "batch item"]
) -> Float[Tensor, " batch"]:
    return (values * weight).sum(1) / weight.sum(1).clamp(min=1e-6)


@dataclass(frozen=True)
class MisfitCalibration:
    """What validation worlds say of the statistics, with their own maps and with wrong ones.

    A score is a weighted sum of the statistics. Scores of phones of one world have an error in common, the world's, so
    what is judged is the mean over the phones that are located together, against the means of groups of validation
    phones: the more phones, the surer the judgement.
    """

    centre: tuple[float, ...] = ()
    """Mean of each statistic; none where nothing was calibrated, and every fit is then plausible."""
    scale: tuple[float, ...] = ()
    """Standard deviation of each."""
    weights: tuple[float, ...] = ()
    """Weight of each on the score."""
    offset: float = 0.0
    """Score at the mean of every statistic."""
    right_groups: tuple[float, ...] = ()
    """Mean scores of groups of validation phones under their own maps."""
    wrong_groups: tuple[float, ...] = ()
    """The same under wrong maps."""
    deviation: float = 1.0
    """Standard deviation of the phones' scores within a group."""
    group_size: float = 16.0
    """Mean number of phones in a group."""

    def score(self, statistics: Float[Tensor, "phone statistic"]) -> Float[Tensor, " phone"]:
        """High where the map is wrong."""
        standard = (statistics - statistics.new_tensor(self.centre)) / statistics.new_tensor(self.scale)
        return (
            standard.clamp(-LARGEST_DEVIATION, LARGEST_DEVIATION) @ statistics.new_tensor(self.weights)
            + self.offset
        )

    def judge(self, statistics: Float[Tensor, "phone statistic"], prior: float) -> Judgement:
        """How well map and measurements of phones that are located together fit.

        Args:
            statistics: of each phone.
            prior: share of all maps that are wrong.
        """
        if not self.right_groups or not len(statistics):
            return Judgement(1.0, 0.0)
        mean = float(self.score(statistics).mean())
        right, wrong = (
            torch.tensor(each, dtype=torch.float64) for each in (self.right_groups, self.wrong_groups)
        )
        noise = self._noise(len(statistics))
        fit = float(torch.special.ndtr((right - mean) / noise).mean())
        likelihoods = [
            float(torch.exp(-0.5 * ((groups - mean) / noise) ** 2).mean()) + SMALLEST_LIKELIHOOD
            for groups in (right, wrong)
        ]
        odds = prior / (1 - prior) * likelihoods[1] / likelihoods[0]
        # A score beyond all that was seen is as good a reason to doubt as any that was.
        beyond = mean > float(wrong.median())
        return Judgement(fit, max(odds / (1 + odds), 1 - fit if beyond else 0.0))

    def _noise(self, phones: int) -> float:
        """Standard deviation of the mean score of so many phones about that of a group of their world."""
        within = self.deviation**2 * max(1 / phones - 1 / self.group_size, 0.0)
        return math.sqrt(within + (SMOOTHING * float(torch.tensor(self.right_groups).std())) ** 2 + 1e-12)


@dataclass(frozen=True)
class Judgement:
    """What is thought of a map."""

    fit: float
    """Share of right maps that fit as badly."""
    wrong: float
    """Probability that the map is wrong."""
