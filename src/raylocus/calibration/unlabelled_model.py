"""The marginal likelihood of reports without positions: the position is summed out over the ground of a place.

ln p(report) = ln Σ_x p(x) p(levels, silence | x) p(timing advance, beams | x). Levels share their residual as
the law of radio worlds says, cells of one site more than others; cells that are not reported count by the law
of being reported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.calibration.error_law import ErrorLaw
from raylocus.calibration.labelled_calibration import CalibrationLaw
from raylocus.calibration.level_table import LevelTable, chosen_places, level_table
from raylocus.calibration.objective import Objective
from raylocus.calibration.parameters import Layout
from raylocus.calibration.shared_errors import SharedErrors, single
from raylocus.calibration.unlabelled_reports import UnlabelledReports
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.sites import Deployment

#: Reports that are worked on together.
BATCH = 64


@dataclass(frozen=True)
class MarginalLaw:
    """What enters the likelihood in addition to the values: correlation of levels, table of scores."""

    law: ErrorLaw
    scores: Float[Tensor, " knot"]
    """Gaussian score of Student t values, at `KNOTS`."""

    @classmethod
    def of(cls, law: ErrorLaw) -> MarginalLaw:
        """Of a law of errors; its scale is fitted."""
        unit = ErrorLaw(1.0, law.freedom)
        return cls(law, single(unit.scores(KNOTS)))

    def score(self, error: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Gaussian score of errors in units of the scale, by linear interpolation."""
        place = ((error.clamp(-REACH, REACH) + REACH) / STEP).clamp(max=len(KNOTS) - 1.001)
        below = place.detach().floor().long()
        low, high = self.scores[below], self.scores[below + 1]
        return low + (high - low) * (place - below)

    def log_margin(self, error: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """ln density of errors in units of the scale, but for a constant."""
        return -(self.law.freedom + 1) / 2 * torch.log1p(error**2 / self.law.freedom)

    def log_silence(
        self,
        margins: Float[Tensor, "2 *shape place"],
        expected: Float[Tensor, "*shape place"],
        left: Tensor,
        dropout: Tensor,
    ) -> Float[Tensor, "*shape place"]:
        """ln probability that a cell is not reported.

        Args:
            margins: of the audible and of the strongest reported level over the cell's, in units of the scale.
            expected: mean score of its error, given the heard cells.
            left: standard deviation of the same.
            dropout: probability that a cell that was found goes unreported.
        """
        found, hidden = torch.special.log_ndtr((self.score(margins) - expected) / left)
        return torch.logaddexp(found + torch.log1p(-dropout), hidden + torch.log(dropout))

    def excess(self, error: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """How far a cell that is at least as strong as reported is above that in the mean, in units of the scale.

        Of a Gaussian as wide as the Student t: μ + σ φ(μ / σ) / Φ(μ / σ), μ the error with its sign changed.
        """
        wide = math.sqrt(self.law.freedom / (self.law.freedom - 2))
        over = -error / wide
        tail = torch.exp(-(over**2) / 2 - torch.special.log_ndtr(over)) / math.sqrt(2 * math.pi)
        return wide * (over + tail)

    def log_above(
        self,
        error: Float[Tensor, "*shape place"],
        expected: Float[Tensor, "*shape place"],
        left: Tensor,
    ) -> Float[Tensor, "*shape place"]:
        """ln probability that a cell is at least as strong as reported.

        Args:
            error: of the reported level, in units of the scale.
            expected: mean score of the cell's error, given the levels that are not at the end of their range.
            left: standard deviation of the same.
        """
        return torch.special.log_ndtr((expected - self.score(error)) / left)


#: Knots of the table of scores, in units of the scale.
REACH, STEP = 30.0, 0.02
KNOTS = np.arange(-REACH, REACH + STEP / 2, STEP)


@dataclass(frozen=True)
class AtPlaces:
    """What some reports say of every place."""

    log_density: Float[Tensor, "report place"]
    """ln p(place) p(report | place), but for a constant."""
    mapped: Float[Tensor, "report cell place"]
    """Levels of the map with the values' levels, floors and scattering [dBm]."""
    expected: Float[Tensor, "report cell place"]
    """Mean score of the error of each cell that is not heard, given those that are."""
    left: Float[Tensor, "report cell"]
    """Standard deviation of the same."""
    louder: Float[Tensor, "report place"]
    """How far the strongest level is over the end of the range at which it is reported, in the mean [dB]."""


def log_densities_at_places(
    reports: UnlabelledReports,
    table: LevelTable,
    deployment: Deployment,
    marginal: MarginalLaw,
    values: Float[Tensor, "report value"],
    rows: slice,
) -> AtPlaces:
    """ln p of some reports and every place.

    Args:
        reports: all of them.
        table: levels at the places.
        deployment: whose sites share residuals.
        marginal: the law of the errors.
        values: `Layout` values of each report, then ln of the errors' scale and the logit of the dropout.
        rows: which reports.
    """
    layout = Layout(len(deployment.cells))
    level = values[:, layout.index("level")] + values[:, layout.index("common")]
    mapped = table.levels(values[:, layout.index("floor")], values[:, layout.index("scatter")])
    mapped = mapped + level[:, :, None]
    scale, dropout = values[:, layout.size].exp()[:, None], torch.sigmoid(values[:, layout.size + 1])
    reported = single(reports.level[rows])
    named, above = torch.isfinite(reported), torch.from_numpy(reports.above[rows])
    heard, unsaid = named & ~above, ~named & ~torch.from_numpy(reports.hidden[rows])
    # Each of the three is computed where it is alone: most cells of a report are of one kind.
    said, loud, silent = (each.nonzero(as_tuple=True) for each in (heard, above, unsaid))
    nothing = torch.zeros_like(mapped)

    def error(where: tuple[Tensor, ...]) -> Float[Tensor, "some place"]:
        return (reported[where][:, None] - mapped[where]) / scale[where[0]]

    margin = nothing.index_put(said, marginal.log_margin(error(said)) - torch.log(scale[said[0]]))
    score = nothing.index_put(said, marginal.score(error(said)))
    shared = SharedErrors.of(heard, deployment, marginal.law)
    expected = shared.expected(score)
    excess = marginal.excess(error(loud)) * scale[loud[0]]
    louder = nothing.index_put(loud, excess).amax(dim=1)
    ends = torch.stack([single(reports.audible[rows]), single(reports.strongest[rows])])
    margins = (ends[:, silent[0], None] + louder[silent[0]] - mapped[silent]) / scale[silent[0]]
    left, hidden = shared.left[:, :, None], dropout[silent[0], None]
    log_silence = marginal.log_silence(margins, expected[silent], left[silent], hidden)
    log_above = marginal.log_above(error(loud), expected[loud], left[loud])
    total = margin.sum(dim=1) + shared.log_ratio(score)
    for where, each in ((silent, log_silence), (loud, log_above)):
        total = total + shared.jointly(nothing.index_put(where, each))
    # The serving cell is always named; of the others that are found a share is.
    total = total + ((named.sum(dim=1) - 1) * torch.log1p(-dropout))[:, None] + table.log_prior[rows]
    return AtPlaces(total, mapped, expected, shared.left, louder)


class MarginalModel:
    """Reports without positions at a place, for any levels, floor, scattering, scale and dropout."""

    def __init__(
        self,
        reports: UnlabelledReports,
        place: TracedPlace,
        law: CalibrationLaw,
        values: Float[np.ndarray, " value"],
    ):
        """With the azimuths, downtilts and beamwidths of the values."""
        self.reports, self._deployment = reports, place.deployment
        self.marginal = MarginalLaw.of(law.noise().levels)
        self._table: LevelTable = level_table(reports, place, values)
        alike = law.noise().levels.alike(place.tile.centres[chosen_places(place)])
        #: What of each report is independent of the others: near each other they err alike, wherever they are.
        self.weight = 1 / (1 + (len(reports.level) - 1) * alike)

    def evaluated(
        self, values: Float[np.ndarray, " value"]
    ) -> tuple[float, Float[np.ndarray, "report value"]]:
        """ln likelihood of all reports, and each report's gradient."""
        total = 0.0
        gradients = []
        for rows, same in self._batches(values):
            given = same.clone().requires_grad_()
            found = torch.logsumexp(self._at_places(given, rows).log_density, dim=1)
            (gradient,) = torch.autograd.grad(found.sum(), given)
            total += float(found.detach().double().sum())
            gradients.append(gradient.double().numpy())
        return total, np.concatenate(gradients)

    def at_places(self, values: Float[np.ndarray, " value"]) -> Iterator[tuple[slice, AtPlaces]]:
        """What the reports say of every place, some reports at a time."""
        for rows, given in self._batches(values):
            yield rows, self._at_places(given, rows)

    def _batches(
        self, values: Float[np.ndarray, " value"]
    ) -> Iterator[tuple[slice, Float[Tensor, "report value"]]]:
        """Some reports at a time, and the values for each of them."""
        count = len(self.reports.level)
        for start in range(0, count, BATCH):
            rows = slice(start, min(start + BATCH, count))
            yield rows, torch.from_numpy(values.astype(np.float32)).expand(rows.stop - rows.start, -1)

    def _at_places(self, given: Float[Tensor, "report value"], rows: slice) -> AtPlaces:
        return log_densities_at_places(
            self.reports, self._table, self._deployment, self.marginal, given, rows
        )

    def under(self, scale: float, dropout: float) -> MarginalTerm:
        """The model under one law of errors."""
        return MarginalTerm(self, of_errors(scale, dropout))


def of_errors(scale: float, dropout: float | None) -> Float[np.ndarray, "2"]:
    """ln of the errors' scale [dB] and the logit of the dropout, 0.3 where silence said nothing."""
    share = min(max(dropout or 0.3, 0.02), 0.98)
    return np.array([np.log(scale), np.log(share / (1 - share))])


@dataclass(frozen=True)
class MarginalTerm:
    """Reports without positions as a likelihood of a network's values."""

    model: MarginalModel
    errors: Float[np.ndarray, " extra"]
    """ln of the errors' scale, and the logit of the dropout."""

    def objective(self, values: Float[np.ndarray, " value"]) -> Objective:
        """−ln likelihood; its curvature is the sum of the products of the reports' gradients (Berndt et al. 1974)."""
        total, gradients = self.model.evaluated(np.append(values, self.errors))
        own = gradients[:, : len(values)]
        weight = self.model.weight
        return Objective(-weight * total, -weight * own.sum(axis=0), weight * own.T @ own)
