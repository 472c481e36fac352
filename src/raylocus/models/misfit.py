"""How badly maps and measurements fit, and how likely it is that the map is not the world's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

#: Statistics count up to so many standard deviations from their mean.
LARGEST_DEVIATION = 4.0
#: Groups stand for others like them: width of the kernel about each, in standard deviations of the right ones; and the
#: likelihood of a score unlike any.
SMOOTHING, SMALLEST_LIKELIHOOD = 0.1, 1e-6


def misfit_statistics(
    highest: Float[Tensor, "batch channel_or_further"],
    heard: Float[Tensor, " batch"],
    log_scale: Float[Tensor, "batch head"],
    gains: Float[Tensor, "batch kind_or_all"],
) -> Float[Tensor, "batch statistic"]:
    """What shows that maps are not the world's: how well the best position explains reports, and what names gain.

    Args:
        highest: each likelihood where it is explained best [nats].
        heard: cells with a level in the newest reports.
        log_scale: of the errors, see `evidence.sharp.SharpFit`.
        gains: see `gains_over_swapped_cells`.
    """
    # A few phones must not outweigh all others.
    compressed = gains.sign() * torch.log1p(gains.abs())
    return torch.cat([highest / (1 + heard[:, None]), log_scale, compressed], 1)


def gains_over_swapped_cells(
    likelihoods: Float[Tensor, "batch order kind y x"],
    exponents: Float[Tensor, "batch kind"],
    log_outdoor: Float[Tensor, "y x"],
) -> Float[Tensor, "batch kind_or_all"]:
    """How much better likelihoods explain the reports than if other cells of the place had been named [nats].

    Each is averaged over the outdoor ground, and so is their product; that of the other names over these names, too.
    Where maps are wrong names say nothing: the gains are about 0.

    Args:
        likelihoods: of the reports under the names that they have, then under others.
        exponents: of each likelihood in the product.
        log_outdoor: `PlaceMaps.log_outdoor`.
    """
    product = torch.einsum("bk,bokyx->boyx", exponents, likelihoods)[:, :, None]
    over_ground = torch.cat([likelihoods, product], 2) + log_outdoor
    gained = torch.logsumexp(over_ground.flatten(3), 3)
    named, swapped = gained[:, 0], gained[:, 1:]
    return named - torch.logsumexp(swapped, 1) + math.log(swapped.shape[1])


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
        centre, scale, weights = (each.to(statistics) for each in self._law)
        standard = ((statistics - centre) / scale).clamp(-LARGEST_DEVIATION, LARGEST_DEVIATION)
        return standard @ weights + self.offset

    def judge(self, statistics: Float[Tensor, "phone statistic"], prior: float) -> Judgement:
        """How well map and measurements of phones that are located together fit.

        Args:
            statistics: of each phone.
            prior: share of all maps that are wrong.
        """
        if not self.right_groups or not len(statistics):
            return Judgement(1.0, 0.0)
        mean = float(self.score(statistics).mean())
        right, wrong = self._groups
        noise = self._noise(len(statistics))
        fit = float(torch.special.ndtr((right - mean) / noise).mean())
        likelihoods = [
            float(torch.exp(-0.5 * ((groups - mean) / noise) ** 2).mean()) + SMALLEST_LIKELIHOOD
            for groups in (right, wrong)
        ]
        odds = prior / (1 - prior) * likelihoods[1] / likelihoods[0]
        # A score beyond all that was seen is as good a reason to doubt as any that was.
        beyond = mean > float(wrong.median())
        return Judgement(fit, max(odds / (1 + odds), 1 - fit if beyond else 0.0), mean)

    def _noise(self, phones: int) -> float:
        """Standard deviation of the mean score of so many phones about that of a group of their world."""
        within = self.deviation**2 * max(1 / phones - 1 / self.group_size, 0.0)
        return math.sqrt(within + (SMOOTHING * self._spread) ** 2 + 1e-12)

    @cached_property
    def _law(self) -> tuple[Float[Tensor, " statistic"], ...]:
        return tuple(
            torch.tensor(each, dtype=torch.float64) for each in (self.centre, self.scale, self.weights)
        )

    @cached_property
    def _groups(self) -> tuple[Float[Tensor, " right"], Float[Tensor, " wrong"]]:
        right, wrong = self.right_groups, self.wrong_groups
        return torch.tensor(right, dtype=torch.float64), torch.tensor(wrong, dtype=torch.float64)

    @cached_property
    def _spread(self) -> float:
        """Standard deviation of the right groups."""
        return float(self._groups[0].std())


@dataclass(frozen=True)
class Judgement:
    """What is thought of a map."""

    fit: float
    """Share of right maps that fit as badly."""
    wrong: float
    """Probability that the map is wrong."""
    score: float = 0.0
    """Mean score of the phones, about the log odds that the map is wrong."""
