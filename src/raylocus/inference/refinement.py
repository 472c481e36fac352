"""The position estimate moved by gradient to where the posterior and the measurements agree best.

What is climbed is the log-posterior, bilinear between its ground cells, and the likelihood of the last report's
residuals at the very point, which the posterior has at the centres of coarse cells only. The posterior itself, and so
its regions, stay as they are.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from raylocus.models.evidence.deviations import FeatureDeviations
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.physics.expected import FeatureField, by_torch
from raylocus.models.physics.live import PhysicsVariant, feature_field
from raylocus.models.physics.residuals import feature_residuals, huber_sums
from raylocus.models.posterior import Posterior
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace

#: Sequences that climb together.
BATCH = 64
#: Steps, and the length of the first ones [m].
STEPS, STEP_LENGTH = 20, 0.5
#: The estimate stays in the smallest region of this mass.
REGION = 0.9
#: Exponent of the residuals' likelihood: the posterior has most of it already. See docs/evidence.md.
RESIDUAL_WEIGHT = 0.3
#: Mass that no ground cell is thought to have less of, lest its logarithm be infinite.
SMALLEST_MASS = 1e-9


@dataclass(frozen=True)
class Refinement:
    """Where the expected features come from, and how far measurements are usually off them."""

    by: PhysicsVariant
    deviations: FeatureDeviations

    def refined(
        self, posterior: Posterior, reports: Reports, place: MappedPlace, maps: PlaceMaps
    ) -> Posterior:
        """The same posterior with estimates that are at least as likely, none outside its 90 % region.

        Args:
            posterior: of the reports' sequences.
            reports: with cells of the place alone.
            place: a traced place where paths are to be followed.
            maps: of the place.

        Raises:
            InputError: paths are to be followed, and the place has none.
        """
        field = feature_field(self.by, maps, place if isinstance(place, TracedPlace) else None)
        parts = [
            self._climbed(posterior, slice(start, start + BATCH), reports, place, (maps, field))
            for start in range(0, len(reports), BATCH)
        ]
        return dataclasses.replace(posterior, mean=np.concatenate([posterior.mean[:0], *parts]))

    def _climbed(
        self,
        posterior: Posterior,
        some: slice,
        reports: Reports,
        place: MappedPlace,
        known: tuple[PlaceMaps, FeatureField],
    ) -> Float[np.ndarray, "some 2"]:
        density, start = torch.from_numpy(posterior.density[some]), torch.from_numpy(posterior.mean[some])
        sequences = sequence_tensors(reports.select(np.arange(len(reports))[some]), place.deployment)
        point = start.float().requires_grad_()
        ascent = torch.optim.Adam([point], lr=STEP_LENGTH)
        best, highest = start.clone(), torch.full((len(start),), -torch.inf)
        for step in range(STEPS + 1):
            height = self._height(point, density, sequences, known)
            with torch.no_grad():
                better = (height > highest) & ((step == 0) | in_region(density, point, known[0].size))
                best[better], highest[better] = point.double()[better], height[better]
            ascent.zero_grad()
            (-height.sum()).backward()
            ascent.step()
        # Who found nothing better stays where the estimate was, to the last digit.
        moved = (best - start).norm(dim=1, keepdim=True) > 1e-3
        return torch.where(moved, best, start).numpy()

    def _height(
        self,
        point: Float[Tensor, "some 2"],
        density: Float[Tensor, "some y x"],
        sequences: SequenceTensors,
        known: tuple[PlaceMaps, FeatureField],
    ) -> Float[Tensor, " some"]:
        maps, field = known
        log_density = torch.log(density + SMALLEST_MASS)
        mass = by_torch(log_density, point / (maps.size / 2)).diagonal()
        residuals = feature_residuals(field.at(point), sequences, maps.site_of_cell, self.deviations)
        return mass - RESIDUAL_WEIGHT * huber_sums(residuals)[0]


def in_region(
    density: Float[Tensor, "some y x"], point: Float[Tensor, "some 2"], size: float
) -> Bool[Tensor, " some"]:
    """Whether each point lies in the smallest region of mass `REGION` of its density."""
    side = density.shape[-1]
    ordered = density.flatten(1).sort(1, descending=True).values
    within = (ordered.cumsum(1) - ordered < REGION * ordered.sum(1, keepdim=True)).sum(1, keepdim=True)
    least = ordered.gather(1, within - 1)[:, 0]
    column, row = ((point + size / 2) / (size / side)).long().clamp(0, side - 1).unbind(1)
    return density[torch.arange(len(point)), row, column] >= least
