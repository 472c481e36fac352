"""Cell identity: the UE is near its serving site, or in front of its serving sector."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float, Int

from raylocus.evaluation.baselines.training import Example, examples, likeliest
from raylocus.evaluation.density import normalised, outdoor_prior, posterior_of
from raylocus.evaluation.method import MappedPlace, TrainingPlaces, map_grid
from raylocus.evaluation.observations import observations
from raylocus.models.posterior import Posterior
from raylocus.network.reports import Reports
from raylocus.scenes.sites import Deployment

#: Distances in front of the sector [m] and spreads [m] that `fit` chooses from.
REACHES = (20.0, 40.0, 60.0, 80.0, 110.0, 150.0)
SPREADS = (25.0, 35.0, 50.0, 70.0, 100.0, 140.0)
FITTED_REPORTS = 400


@dataclass(frozen=True)
class StrongestCell:
    """A circular Gaussian about a point in front of the serving cell, cut to open ground."""

    name: str
    reach: float
    """Distance of the centre from the site along the cell's azimuth [m]; 0 is the site itself."""
    spread: float
    """Standard deviation an axis [m]."""

    @classmethod
    def fit(cls, name: str, training: TrainingPlaces, reaches: tuple[float, ...] = REACHES) -> StrongestCell:
        """Chooses reach, from `reaches` [m] (only 0 for the site itself), and spread.

        Raises:
            InputError: there are no training sequences.
        """
        candidates = (cls(name, reach, spread) for reach, spread in product(reaches, SPREADS))
        return likeliest(candidates, _density_of_example, examples(training, FITTED_REPORTS))

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """Posterior from the last report's serving cell, the estimate being the centre itself.

        Raises:
            PlaceError: the reports name a PCI that the place does not have.
        """
        observed, grid = observations(reports, place.deployment), map_grid(place)
        serving = observed.serving[observed.last]
        posterior = posterior_of(grid, self.density(serving, place).reshape(-1, *grid.shape))
        return Posterior(
            grid, posterior.density, self.centres(place.deployment)[serving], posterior.covariance
        )

    def centres(self, deployment: Deployment) -> Float[np.ndarray, "cell 2"]:
        """The point that each cell stands for [m]."""
        azimuth = np.array([cell.azimuth for cell in deployment.cells])
        ahead = self.reach * np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
        return deployment.site_positions[deployment.site_of_cell, :2] + ahead

    def density(
        self, serving: Int[np.ndarray, "report"], place: MappedPlace
    ) -> Float[np.ndarray, "report ground"]:
        """Masses over the flat ground for each serving cell."""
        cells, of_report = np.unique(serving, return_inverse=True)
        centres = self.centres(place.deployment)[cells]
        distance = np.linalg.norm(map_grid(place).centres[None] - centres[:, None], axis=-1)
        with np.errstate(divide="ignore"):
            log_density = np.log(outdoor_prior(place).ravel()) - distance**2 / (2 * self.spread**2)
        return normalised(log_density[:, None, :])[of_report, 0]


def _density_of_example(method: StrongestCell, example: Example) -> Float[np.ndarray, "chosen ground"]:
    return method.density(example.observations.serving[example.last], example.place)
