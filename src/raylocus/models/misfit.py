"""How badly maps and measurements fit at the answer, and how likely it is that the map is not the world's."""

from __future__ import annotations

import math
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
SMOOTHING, SMALLEST_LIKELIHOOD = 0.3, 1e-6
#: Scale of an excess of timing advance [m], margin over the weakest level at which a cell should be heard [dB].
TIMING_SCALE, AUDIBLE_MARGIN = 20.0, 6.0


def misfit_statistics(
    prediction: Prediction,
    pooled: PooledObservations,
    evidence: Evidence,
    maps: PlaceMaps,
) -> Float[Tensor, "batch statistic"]:
    """What the newest reports leave unexplained, its mean over the posterior on the coarse grid.

    Residuals of the levels about the map and about the formula, the level common to all, path lengths too long or
    too short for the timing advance, cells that the map says are heard and are silent, beams, how levels and map
    go together from cell to cell, the posterior's spread, how well each likelihood is explained where it is explained
    best, how much worse at the answer, and how far all of them are from agreeing on one position.

    Args:
        prediction: the answer.
        pooled: what was observed, as the time heads weigh it; the first one is of the newest reports.
        evidence: the likelihoods.
        maps: the place.
    """
    mass = prediction.log_mass.flatten(1).exp()
    heard, level = pooled.heard[:, 0], pooled.level[:, 0]
    mapped, squares = _moments(mass, maps.level)
    offset = _mean(level - mapped, heard)
    residual = _mean((level - offset[:, None] - mapped).square() + squares - mapped.square(), heard)
    formula, formula_squares = _moments(mass, maps.formula)
    formula_offset = _mean(level - formula, heard)
    off_formula = (level - formula_offset[:, None] - formula).square() + formula_squares - formula.square()
    silent = torch.sigmoid(
        (mapped + offset[:, None] - pooled.weakest[:, :1] - AUDIBLE_MARGIN) / AUDIBLE_MARGIN
    ) * (1 - pooled.reported[:, 0])
    timed = pooled.timed[:, 0]
    length, _ = _moments(mass, maps.distance[maps.site_of_cell])
    excess = torch.log1p(((pooled.timing[:, 0] - length) / TIMING_SCALE).square())
    known = pooled.beam_known[:, 0].flatten(1)
    beams, _ = _moments(mass, maps.beam_relative.flatten(0, 1))
    beam_residual = torch.log1p((pooled.beam[:, 0].flatten(1) - beams).square() / 9)
    about = (level - _mean(level, heard)[:, None], mapped - _mean(mapped, heard)[:, None])
    together = _mean(about[0] * about[1], heard)
    spreads = [torch.sqrt(_mean(each.square(), heard) + 1.0) for each in about]
    summaries = torch.stack(
        [
            torch.log1p(residual.clamp(min=0)),
            offset.abs() / 10,
            torch.log1p(_mean(off_formula, heard).clamp(min=0)),
            _mean(excess, timed),
            (timed.sum(1) > 0).to(mass),
            torch.log1p(silent.sum(1)),
            torch.log1p(heard.sum(1)),
            _mean(beam_residual, known),
            (known.sum(1) > 0).to(mass),
            together / (spreads[0] * spreads[1]),
            -(mass * prediction.log_mass.flatten(1)).sum(1),
            evidence.total.flatten(1).amax(1),
        ],
        1,
    )
    count = 1 + heard.sum(1, keepdim=True)
    at_answer = torch.einsum("bg,bcg->bc", mass, evidence.channels.flatten(2))
    return torch.cat([summaries, torch.log1p(-at_answer.clamp(max=0)), evidence.highest / count], 1)


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
