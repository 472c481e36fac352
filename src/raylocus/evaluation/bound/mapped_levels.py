"""p(levels | way): the law of levels on the maps of an ensemble of worlds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.evaluation.bound.ensemble import Ensemble
from raylocus.evaluation.bound.levels import LevelFit, LevelLaw
from raylocus.evaluation.bound.tokens import SequenceTokens

#: What a cell errs by at least: where nothing errs, levels are of noise alone [dB].
LEAST_ERROR_DB = 0.01
#: Correlation distance of what an outdated map errs by [m], and its correlation between cells of a site: measured on
#: nine draws each of three generated towns.
MAP_DISTANCE, MAP_SHARED_BY_SITE = 15.0, 0.5


@dataclass(frozen=True)
class MappedLevels:
    """The law of a sequence's levels given where the UE was, on an ensemble's maps."""

    ensemble: Ensemble
    law: LevelLaw

    def of_ways(
        self,
        tokens: SequenceTokens,
        cells: Int[Tensor, "way report"],
        which: Int[Tensor, " used"],
        error: Float[Tensor, "way report"],
    ) -> LevelFit:
        """ln density of some of the levels at the places of each report, and the offset common to them [dB].

        `error` is the variance of what a way leaves open of a level [dB²].
        """
        cell, site, report = tokens.level_cell[which], tokens.level_site[which], tokens.level_report[which]
        mapped, varied = self.at(cell, cells[:, report])
        of_map = None
        if self.errs:
            of_map = self._of_map(cell, site, cells[:, report])
            of_map *= self._fades(cells, report, MAP_DISTANCE)
        residual = self.law.residual
        shared = self._fades(cells, report, residual.distance).mul_(residual.shared(cell, site, cell, site))
        noise = tokens.noise[which] + error[:, report]
        return self.law.fit(tokens.level[which] - mapped, varied, noise, shared, cell, of_map)

    def at_rest(self, tokens: SequenceTokens, ground: Int[Tensor, " place"]) -> LevelFit:
        """The same of all levels at one place each: those of one cell repeat each other."""
        cell, repeats = tokens.level_cell.unique(return_inverse=True)
        site = torch.empty_like(cell).index_copy_(0, repeats, tokens.level_site)
        at = ground[:, None].expand(-1, len(cell))
        mapped, varied = self.at(cell, at)
        of_map = self._of_map(cell, site, at) if self.errs else None
        shared = self.law.residual.shared(cell, site, cell, site)[None]
        noise = tokens.noise.expand(len(ground), -1)
        return self.law.fit(tokens.level - mapped[:, repeats], varied, noise, shared, cell, of_map, repeats)

    @property
    def errs(self) -> bool:
        """Whether the map may be outdated."""
        return len(self.ensemble.delay) > 1

    def _of_map(
        self, cell: Int[Tensor, " token"], site: Int[Tensor, " token"], ground: Int[Tensor, "way token"]
    ) -> Float[Tensor, "way token token"]:
        """Covariance of what an outdated map errs by [dB²], but for how far apart it is looked at."""
        same_site, same_cell = ((each[:, None] == each).float() for each in (site, cell))
        alike = MAP_SHARED_BY_SITE * same_site + (1 - MAP_SHARED_BY_SITE) * same_cell
        spread = self.ensemble.map_spread[cell, ground]
        return alike * spread[:, :, None] * spread[:, None, :]

    def _fades(
        self, cells: Int[Tensor, "way report"], report: Int[Tensor, " token"], distance: float
    ) -> Float[Tensor, "way token token"]:
        """Correlation of what fades over a distance [m], between the reports' places."""
        used = report.unique()
        places = torch.from_numpy(self.ensemble.grid.centres.astype(np.float32))[cells[:, used]]
        at = torch.searchsorted(used, report)
        between = torch.exp(-torch.cdist(places, places) / distance)
        return between.index_select(2, at).index_select(1, at)

    def at(
        self, cell: Int[Tensor, " token"], ground: Int[Tensor, "way token"]
    ) -> tuple[Float[Tensor, "way token"], Float[Tensor, "way token"]]:
        """Mapped level of cells at places [dBm], and the variance of what is their own there [dB²]."""
        index = (cell * self.ensemble.rsrp.shape[1] + ground).flatten()
        mapped, spread = (
            each.view(-1).index_select(0, index).view(ground.shape)
            for each in (self.ensemble.rsrp, self.ensemble.spread)
        )
        varied = spread.square() + self.law.residual.own_variance
        return mapped, varied.clamp(min=LEAST_ERROR_DB**2)
