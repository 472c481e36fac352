"""What the maps of one place say of reports, as areas' posteriors are given, so that it can be scored like them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.inference.locator import Locator
from raylocus.models.area.cells import CellMasses
from raylocus.models.area.ground_masses import GroundMasses, Located
from raylocus.models.area.heard_reports import heard_reports
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import known_reports
from raylocus.scenes.sites import Deployment

#: Sequences whose squares are made at once.
AT_ONCE = 32


@dataclass(frozen=True)
class PlaceMethod:
    """A traced place and the locator that reads its maps."""

    locator: Locator
    place: MappedPlace
    name: str = "raylocus, maps"

    def located(self, reports: Reports, deployment: Deployment) -> Iterator[Located]:
        """Posteriors of the sequences whose last report names a cell of the place, a few at a time."""
        known = known_reports(reports, deployment)
        posterior = self.locator.posterior(known.reports, self.place)
        heard = heard_reports(reports, deployment)
        named = np.flatnonzero(np.isin(reports.last_report, heard.report))
        for start in range(0, len(named), AT_ONCE):
            some = named[start : start + AT_ONCE]
            ground = _ground(posterior.grid, posterior.density[some], posterior.mean[some])
            yield Located(some, ground, heard.likeliest(reports.last_report[some]))


def _ground(
    grid: Grid, density: Float[np.ndarray, "report y x"], mean: Float[np.ndarray, "report 2"]
) -> GroundMasses:
    centre = torch.from_numpy(grid.centres).float().expand(len(density), -1, -1)
    mass = torch.from_numpy(density).float().flatten(1)
    masses = CellMasses(centre, torch.full(mass.shape, grid.resolution), mass / mass.sum(1, keepdim=True))
    return GroundMasses(np.zeros((len(density), 2)), masses, mean)
