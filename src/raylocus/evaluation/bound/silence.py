"""p(what a report says without a level | places): who is not named, and who lies beyond the range."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.evaluation.bound.ensemble import Ensemble
from raylocus.evaluation.bound.levels import LevelFit, ResidualLaw
from raylocus.evaluation.bound.tokens import SequenceTokens
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.stack.cell_levels import audible_level
from raylocus.scenes.sites import Carrier

#: Spread of what hides a cell in addition to its own level: the interference, and the receiver's noise [dB].
HIDDEN_DB = 2.5
#: Least probability that a level lies beyond the end of its range: what rules a place out is never one number.
LEAST = 1e-5


@dataclass(frozen=True)
class SilenceLaw:
    """The law of what the last report says of cells without their level, each given the levels that are known."""

    ensemble: Ensemble
    residual: ResidualLaw
    network: NetworkConfiguration
    carrier: Carrier

    def log_probability(
        self,
        tokens: SequenceTokens,
        ground: Int[Tensor, " place"],
        fit: LevelFit,
        near: Int[Tensor, " place"],
    ) -> Float[Tensor, " place"]:
        """ln probability that the cells that are not named are hidden, and those at an end of the range lie beyond it.

        `fit` is that of the last report's levels at all places, of which those at `near` are the `ground`. How far
        over the upper end a cell lies is said by the map alone, and hides others.
        """
        uncertain = self.network.receiver_noise_db**2 + fit.offset_variance[near, None]
        ended, below = self._below(
            tokens, ground, fit, near, (tokens.ended_cell, tokens.ended_site), tokens.ended[None], uncertain
        )
        beyond = torch.where(tokens.ended_above, 1 - below, below).clamp(min=LEAST)
        over = torch.where(tokens.ended_above, torch.maximum(ended, tokens.ended), tokens.ended)
        known = tokens.level[tokens.last_tokens].expand(len(ground) if over.shape[1] else 1, -1)
        named = torch.cat([known, over[: len(known)]], dim=1).double().numpy()
        floor = torch.from_numpy(audible_level(named, self.carrier, self.network)).float()[:, None]
        silent = tokens.unreported, tokens.unreported_site
        _, missed = self._below(tokens, ground, fit, near, silent, floor, torch.full((1, 1), HIDDEN_DB**2))
        dropped = min(max(self.network.neighbour_dropout, 1e-3), 1.0)
        return torch.log(dropped + (1 - dropped) * missed).sum(dim=1) + torch.log(beyond).sum(dim=1)

    def _below(
        self,
        tokens: SequenceTokens,
        ground: Int[Tensor, " place"],
        fit: LevelFit,
        near: Int[Tensor, " place"],
        others: tuple[Int[Tensor, " other"], Int[Tensor, " other"]],
        limit: Float[Tensor, "#place #other"],
        uncertain: Float[Tensor, "#place #other"],
    ) -> tuple[Float[Tensor, "place other"], Float[Tensor, "place other"]]:
        """Mapped levels of other cells, (cell, site) [dBm], and the probability that theirs lie below a limit [dBm].

        `uncertain` is the variance of what neither the map nor the residual knows [dB²].
        """
        last, residual = tokens.last_tokens, self.residual
        heard, (cell, _) = tokens.level_cell[last], others
        _, own = self.ensemble.level_at(heard, ground[:, None].expand(-1, len(heard)), residual.own_variance)
        mapped, varied = self.ensemble.level_at(
            cell, ground[:, None].expand(-1, len(cell)), residual.own_variance
        )
        mapped, varied = mapped + fit.offset[near, None], varied + uncertain
        # Scores of theirs given the heard ones', with whose residuals theirs are correlated.
        spread, total = ((residual.central_variance + each).sqrt() for each in (own, varied))
        shared = residual.shared(heard, tokens.level_site[last], *others)
        shared = residual.central_variance * shared / (spread[:, :, None] * total[:, None, :])
        white = torch.linalg.solve_triangular(
            fit.whitening.factor[near], torch.cat([shared, fit.score[near, :, None]], dim=2), upper=False
        )
        weights, own_score = white[..., :-1], white[..., -1:]
        left = (1 - weights.square().sum(dim=1)).clamp(min=0.05)
        score, _ = residual.scores(limit - mapped, varied.sqrt())
        return mapped, torch.special.ndtr((score - (weights * own_score).sum(dim=1)) / left.sqrt())
