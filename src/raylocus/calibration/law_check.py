"""Does a map's law say more than who is heard? Reports compare both, with positions or without.

Without: a cell is hidden from each report, and its name and level are predicted from the rest, by the map with the
position summed out, and by its site's distance to the centroid of the heard sites. With: positions are located by the
same two, none of them being used.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from raylocus.calibration.labelled_calibration import CalibrationLaw
from raylocus.calibration.level_table import chosen_places
from raylocus.calibration.shared_errors import single
from raylocus.calibration.unlabelled_fit import UnlabelledCalibration
from raylocus.calibration.unlabelled_model import AtPlaces, MarginalModel
from raylocus.calibration.unlabelled_reports import UnlabelledReports
from raylocus.network.reports.centroid import rsrp_centroid
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.sites import Deployment

#: Distances count from this on [m]: sites are heard from next to them.
NEAREST = 30.0
#: Hidden cells, and positions, below which nothing is compared.
FEWEST = 30
#: A difference of this many standard errors decides.
DECIDING = 2.0


@dataclass(frozen=True)
class LawCheck:
    """A map's law against who is heard alone."""

    gain: Float[np.ndarray, " hidden"]
    """Of each report with a hidden cell: ln p of its name and level by the map less that by distance [nats]."""
    map_error: Float[np.ndarray, " located"]
    """Horizontal error of the map's posterior mean [m]."""
    centroid_error: Float[np.ndarray, " located"]
    """Of the RSRP centroid."""
    strongest_error: Float[np.ndarray, " located"]
    """Of the strongest cell's site."""

    @property
    def verdict(self) -> str:
        """One sentence: which to trust."""
        if len(self.map_error) >= FEWEST:
            return self._by_positions()
        if len(self.gain) < FEWEST:
            return "too few reports name two cells of the place to say whether its map is worth more than who is heard"
        gain, error = self.gain.mean(), self.gain.std() / np.sqrt(len(self.gain))
        said = f"{gain:+.2f} ± {error:.2f} nats for each of {len(self.gain)} hidden cells"
        if gain > DECIDING * error:
            return (
                "trust the map: it predicts which other cell is heard, and how loud, better than distance does "
                f"({said})"
            )
        if gain < -DECIDING * error:
            return (
                "do not trust the map: distance to the centroid of the heard sites predicts which other cell is heard, "
                f"and how loud, better ({said}); locate by the sites alone"
            )
        return f"the map and the distance to the heard sites predict other cells equally well ({said})"

    def _by_positions(self) -> str:
        errors = (self.map_error, self.centroid_error, self.strongest_error)
        of_map, of_centroid, of_strongest = (float(np.median(each)) for each in errors)
        said = (
            f"without any position the map locates {len(self.map_error)} reports at {of_map:.0f} m (median), the RSRP "
            f"centroid at {of_centroid:.0f} m, the strongest site at {of_strongest:.0f} m"
        )
        better = of_map < min(of_centroid, of_strongest)
        return f"trust the map: {said}" if better else f"do not trust the map before it is calibrated: {said}"


def check_law(
    reports: UnlabelledReports,
    position: Float[np.ndarray, "report 2"],
    found: UnlabelledCalibration,
    place: TracedPlace,
    law: CalibrationLaw,
) -> LawCheck:
    """Compares what the map says of reports with what their heard sites say.

    Args:
        reports: that are compared.
        position: of each, NaN where unknown; only errors are taken from it [m].
        found: levels, floors and errors of the map by reports without positions.
        place: with the map.
        law: priors.
    """
    known = np.isfinite(position).all(axis=1)
    sites = place.deployment.site_positions[place.deployment.site_of_cell, :2]
    located = (
        _located(reports, found, place, law),
        rsrp_centroid(reports.level, sites),
        sites[np.nan_to_num(reports.level, nan=-np.inf).argmax(axis=1)],
    )
    errors = (np.linalg.norm(each - position, axis=1)[known] for each in located)
    return LawCheck(_gains(reports, found, place, law), *errors)


def _located(
    reports: UnlabelledReports, found: UnlabelledCalibration, place: TracedPlace, law: CalibrationLaw
) -> Float[np.ndarray, "report 2"]:
    """Means of the posteriors over the places."""
    centres = place.tile.centres[chosen_places(place)]
    model = MarginalModel(reports, place, law, found.values[:-2])
    return np.concatenate(
        [
            torch.softmax(each.log_density, dim=1).numpy() @ centres
            for _, each in model.at_places(found.values)
        ]
    )


def _gains(
    reports: UnlabelledReports, found: UnlabelledCalibration, place: TracedPlace, law: CalibrationLaw
) -> Float[np.ndarray, " hidden"]:
    """ln p of a hidden cell's name and level by the map less that by distance, of every report with two cells."""
    some, cell, level = _hidden(reports)
    if len(cell) < FEWEST:
        return np.zeros(0)
    model = MarginalModel(some, place, law, found.values[:-2])
    by_map = [
        _predicted(each, model, found, some, (rows, cell[rows], level[rows]))
        for rows, each in model.at_places(found.values)
    ]
    return np.concatenate(by_map) - by_distance(some, cell, level, place.deployment)


def _hidden(
    reports: UnlabelledReports,
) -> tuple[UnlabelledReports, Int[np.ndarray, " kept"], Float[np.ndarray, " kept"]]:
    """Reports of two cells or more with one hidden: of those that do not serve the strongest, the next … in turn."""
    heard = np.isfinite(reports.level)
    free = heard & ~reports.above
    free[np.arange(len(heard)), reports.serving] = False
    kept = np.flatnonzero(free.any(axis=1) & (heard.sum(axis=1) > 1))
    order = np.argsort(np.where(free, -reports.level, np.inf), axis=1, kind="stable")[kept]
    row = np.arange(len(kept))
    cell = order[row, row % free[kept].sum(axis=1)]
    some = reports.select(kept)
    return some.without(row, cell), cell, some.level[row, cell]


def _predicted(
    each: AtPlaces,
    model: MarginalModel,
    found: UnlabelledCalibration,
    reports: UnlabelledReports,
    hidden: tuple[slice, Int[np.ndarray, " row"], Float[np.ndarray, " row"]],
) -> Float[np.ndarray, " row"]:
    """ln p(name and level of one more cell), given that one more is heard."""
    rows, cell, level = hidden
    scale, errors = float(np.exp(found.values[-2])), model.marginal
    weight = torch.softmax(each.log_density, dim=1)
    audible = (single(reports.audible[rows])[:, None] + each.louder)[:, None]
    reach = (errors.score((audible - each.mapped) / scale) - each.expected) / each.left[:, :, None]
    unnamed = ~torch.isfinite(single(reports.level[rows]))
    named = torch.einsum("rx,rcx->rc", weight, torch.special.ndtr(-reach)) * unnamed
    row = torch.arange(len(cell))
    own = torch.from_numpy(cell)
    error = (single(level)[:, None] - each.mapped[row, own]) / scale
    score = errors.score(error)
    left = each.left[row, own][:, None]
    margin = single(dataclasses.replace(errors.law, scale=scale).density(error.double().numpy() * scale))
    given = torch.exp(score**2 / 2 - ((score - each.expected[row, own]) / left) ** 2 / 2) / left
    density = (weight * margin * given).sum(dim=1)
    return (torch.log(density) - torch.log(named.sum(dim=1))).double().numpy()


def by_distance(
    reports: UnlabelledReports,
    cell: Int[np.ndarray, " report"],
    level: Float[np.ndarray, " report"],
    deployment: Deployment,
) -> Float[np.ndarray, " report"]:
    """ln p(name and level of one more cell) by the distance of its site to the centroid of the heard ones.

    Names: p ∝ distance^−β over the cells that are not in the report. Levels: Gaussian about a line in ln distance and
    the strongest level. β and the line are fitted to the same reports.
    """
    sites = deployment.site_positions[deployment.site_of_cell, :2]
    centre = rsrp_centroid(reports.level, sites)
    apart = np.log(np.hypot(np.linalg.norm(centre[:, None] - sites[None], axis=-1), NEAREST))
    row, open_to = np.arange(len(cell)), ~np.isfinite(reports.level)

    def names(slope: float) -> Float[np.ndarray, " report"]:
        total = np.logaddexp.reduce(np.where(open_to, -slope * apart, -np.inf), axis=1)
        found: Float[np.ndarray, " report"] = -slope * apart[row, cell] - total
        return found

    slope = float(minimize_scalar(lambda each: -names(each).sum(), bounds=(0.0, 12.0), method="bounded").x)
    design = np.column_stack([np.ones(len(cell)), apart[row, cell], reports.strongest])
    line = np.linalg.lstsq(design, level, rcond=None)[0]
    error = level - design @ line
    found: Float[np.ndarray, " report"] = names(slope) + norm.logpdf(error, scale=error.std())
    return found
