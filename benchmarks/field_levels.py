"""An area's formula, and the locator for areas, with a few tagged reports of a real network, against their peers.

    python benchmarks/field_levels.py powder.zarr --place areas/powder --log single_tx.csv --test grid_test.json
    python benchmarks/field_levels.py powder.zarr --place areas/powder --log single_tx.csv --season 2022-07

Tags are drawn from the reports that are not in the test; peers are given the same tags. Settings were fixed by the
laws that docs/conventions.md and TR 38.901 state, before any real report was located.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np

from raylocus.calibration.area_fit import FREEDOM, AreaFit, fit_area
from raylocus.calibration.calibrated_area import fitted_deployment
from raylocus.evaluation.area_scores import score_in_area
from raylocus.inference.area_locator import AreaLocator
from raylocus.network.reports.centroid import rsrp_centroid
from raylocus.network.reports.report_files import read_reports
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import token_cells
from raylocus.scenes.area import extent_of, open_network
from raylocus.scenes.sites import Deployment
from raylocus.training.adapt.area import adapt_area_network, tags_of

#: Steps of the grid that the formula locates on [m], and tags that the nearest are averaged over.
STEP, NEIGHBOURS = 50.0, 3
#: Level [dBm] that kNN takes for a cell that is not in a report.
UNHEARD = -105.0


def posterior(found: AreaFit, levels: np.ndarray, mapped: np.ndarray) -> np.ndarray:
    """Masses over points with these levels by formula; silence is not read, errors count as independent."""
    out = np.empty((len(levels), len(mapped)))
    for row, report in enumerate(levels):
        heard = np.isfinite(report)
        off = ((report[heard] - mapped[:, heard]) / found.level_scale) ** 2
        density = -(FREEDOM + 1) / 2 * np.log1p(off / FREEDOM).sum(axis=1)
        out[row] = np.exp(density - density.max())
    return out / out.sum(axis=1, keepdims=True)


def dense_levels(reports: Reports, deployment: Deployment) -> np.ndarray:
    """RSRP by report and cell [dBm]; NaN where not reported."""
    cell = token_cells(reports, deployment)
    levels = np.full((len(reports.time), len(deployment.cells)), np.nan)
    known = cell >= 0
    rsrp = reports.features[:, reports.feature_names.index("rsrp")]
    levels[reports.report_of_token[known], cell[known]] = rsrp[known]
    return levels


def nearest(levels: np.ndarray, tags: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Mean position of the tags whose levels are nearest."""
    filled, known = (np.nan_to_num(each, nan=UNHEARD) for each in (levels, tags))
    apart = np.linalg.norm(filled[:, None] - known[None], axis=-1)
    return position[np.argsort(apart, axis=1)[:, :NEIGHBOURS]].mean(axis=1)


def tried(
    reports: Reports, deployment: Deployment, parts: tuple[np.ndarray, np.ndarray], points: np.ndarray
) -> dict[str, np.ndarray]:
    """Errors of every method at the tested reports, and the posterior masses that are denser than the truth's."""
    (tags, test), position = parts, reports.position[:, :2]
    levels = dense_levels(reports, deployment)
    found = fit_area(reports.select(tags), deployment)
    fitted = fitted_deployment(deployment, found)
    sites = deployment.site_positions[deployment.site_of_cell, :2]
    asked, truth = levels[test], position[test]
    mass = posterior(found, asked, found.mapped(points, deployment))
    at = np.linalg.norm(points[None] - truth[:, None], axis=-1).argmin(axis=1)
    answers = {
        "formula, levels fitted": mass @ points,
        "strongest cell": sites[np.nan_to_num(asked, nan=-np.inf).argmax(axis=1)],
        "RSRP centroid": rsrp_centroid(asked, sites),
        "RSRP centroid, levels fitted": rsrp_centroid(asked - found.cell.value, sites),
        f"{NEIGHBOURS} nearest tags": nearest(asked, levels[tags], position[tags]),
    }
    errors = {name: np.linalg.norm(each - truth, axis=1) for name, each in answers.items()}
    errors["formula: denser"] = (mass * (mass > mass[np.arange(len(at)), at][:, None])).sum(axis=1)
    locator, some = AreaLocator.pretrained(), reports.select(test)
    adapted = adapt_area_network(locator.trained, tags_of(reports.select(tags), deployment)).trained
    for name, of, trained in (
        ("raylocus area", deployment, locator.trained),
        ("raylocus area, levels fitted", fitted, locator.trained),
        ("raylocus area, adapted", deployment, adapted),
    ):
        scores = score_in_area(AreaLocator(trained), some, of)
        errors[name], errors[f"{name}: denser"] = scores.errors[locator.name], scores.denser
    return errors


def main() -> None:
    """Prints errors of all draws of tags together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reports", type=Path)
    parser.add_argument("--place", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True, help="the log, for the times of its moments")
    parser.add_argument("--test", type=Path, help="JSON list of times of the tested reports")
    parser.add_argument(
        "--season", help="test the reports of this month, such as 2022-07; tags are of the others"
    )
    parser.add_argument("--share", type=float, default=0.1, help="share of the other reports that is tagged")
    parser.add_argument("--draws", type=int, default=5)
    given = parser.parse_args()
    reports, place = read_reports(given.reports).reports, open_network(given.place)
    levels, position = dense_levels(reports, place.deployment), reports.position[:, :2]
    with given.log.open() as file:
        moment = sorted(row["timestamp"] for row in csv.DictReader(file))
    assert len(moment) == len(levels) == len(reports), "a sequence is one moment of the log"
    if given.season:
        test = np.array([each.startswith(given.season) for each in moment])
    else:
        test = np.isin(moment, json.loads(given.test.read_text()))
    extent = extent_of(place)
    axes = [
        np.arange(low, high, STEP) for low, high in ((extent.west, extent.east), (extent.south, extent.north))
    ]
    points = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    usable = np.isfinite(levels).any(axis=1) & np.isfinite(position).all(axis=1)
    found = []
    others, asked = np.flatnonzero(usable & ~test), np.flatnonzero(usable & test)
    tagged = min(max(round(given.share * len(others)), 10), len(others))
    for seed in range(given.draws):
        tags = np.random.default_rng(seed).permutation(others)[:tagged]
        found.append(tried(reports, place.deployment, (tags, asked), points))
    print(f"{len(asked)} reports tested, {tagged} tagged, {given.draws} draws of tags")
    for name in found[0]:
        values = np.concatenate([each[name] for each in found])
        if name.endswith("denser"):
            print(
                f"{name.partition(':')[0]}: regions of 50, 90, 95 % hold",
                *(f"{(values < mass).mean():.1%}" for mass in (0.5, 0.9, 0.95)),
            )
        else:
            print(
                f"{name}: p50, p67, p90",
                *(f"{each:.0f}" for each in np.quantile(values, (0.5, 0.67, 0.9))),
                "m",
            )


if __name__ == "__main__":
    main()
