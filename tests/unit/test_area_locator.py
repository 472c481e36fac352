"""The area locator on reports and deployments: cells that stand several times, unknown ones, streams, scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from field_fixtures import CALM, deployment_of, network, reports_of
from raylocus.errors import CheckpointError, InputError
from raylocus.evaluation.area_scores import (
    AreaScores,
    bootstrap,
    group_rows,
    honesty_lines,
    percentile_rows,
    score_in_area,
)
from raylocus.geo import Extent, GeoFrame
from raylocus.inference.area_locator import AreaLocator, answers_in
from raylocus.inference.fix import fixes_geojson
from raylocus.models.area.heard_reports import assign, heard_reports
from raylocus.models.area.trained import load_area_network
from raylocus.network.reports.reports import Reports
from raylocus.ragged import Rows
from raylocus.scenes.cell_names.candidates import Candidates
from raylocus.scenes.sites import Deployment

EXTENT = Extent(-3000.0, -2000.0, 3000.0, 2000.0)


class Ground:
    """A network and where it lies."""

    def __init__(self, deployment: Deployment, frame: GeoFrame = GeoFrame(59.92, 10.74)) -> None:
        self.deployment, self.frame = deployment, frame


def hearing(locator: AreaLocator, reports: Reports, deployment: Deployment) -> np.ndarray:
    """Which sequences name a cell."""
    located = locator.located(reports, deployment)
    return np.array(answers_in(located, len(reports), GeoFrame(59.92, 10.74), EXTENT).hears)


@pytest.fixture(scope="module")
def locator() -> AreaLocator:
    return AreaLocator.pretrained()


def test_reports_come_back_as_they_were_drawn() -> None:
    drawn = network(11)
    heard = heard_reports(reports_of(drawn), deployment_of(drawn.heard))
    assert np.array_equal(heard.report, np.arange(len(drawn.heard))) and (heard.weight == 1).all()
    assert np.array_equal(np.sort(heard.network.cell), np.sort(drawn.heard.cell))
    assert np.allclose(
        heard.network.cells.position[heard.network.cell], drawn.heard.cells.position[drawn.heard.cell]
    )
    assert np.array_equal(np.isnan(heard.network.cells.azimuth), np.isnan(drawn.heard.cells.azimuth))


def test_times_of_arrival_are_lengths_within_a_frame() -> None:
    drawn = next(n for n in (network(seed, CALM) for seed in range(40)) if np.isfinite(n.heard.arrival).all())
    reports = reports_of(drawn)
    shifted = replace(reports, features=reports.features.copy())
    shifted.features[:, -1] = (
        shifted.features[:, -1] + 0.0059
    ) % 0.01  # some lie at a frame's end, some at its start
    deployment = deployment_of(drawn.heard)
    one, two = (heard_reports(each, deployment).network.arrival for each in (reports, shifted))
    assert np.allclose(one, two, atol=0.1)


def test_a_pci_that_stands_twice_is_taken_where_the_others_are() -> None:
    position = np.array([[0.0, 0.0], [100.0, 0.0], [9000.0, 0.0]])
    # Token 0 is of cell 0; token 1 of cell 1 or 2; in the second report only token 2, of cell 1 or 2.
    candidates = Candidates(Rows.of(np.array([1, 2, 2])), np.array([0, 1, 2, 1, 2]))
    found = assign(candidates, Rows.of(np.array([2, 1])), position, 500.0)
    assert found.report.tolist() == [0, 1, 1]
    assert found.cell.tolist() == [0, 1, 1, 2]
    assert found.weight.tolist() == pytest.approx([1.0, 0.5, 0.5])


def test_an_unsure_report_has_both_places_in_its_posterior(locator: AreaLocator) -> None:
    drawn = network(11)
    deployment = deployment_of(drawn.heard)
    first, far = deployment.sites[0], (40000.0, 0.0, 25.0)
    twin = replace(deployment.cells[0], site=len(deployment.sites), identity=None)
    double = replace(
        deployment,
        sites=(*deployment.sites, replace(first, name="far", position=far)),
        cells=(replace(deployment.cells[0], identity=None), *deployment.cells[1:], twin),
    )
    reports = reports_of(drawn).select(np.arange(1))
    one = replace(
        reports.select_tokens(np.arange(len(reports.pci)) == 0),
        pci=np.array([deployment.cells[0].pci]), identity=np.array([-1]),
    )  # fmt: skip
    (located,) = locator.located(one, double)
    x = located.ground.masses.centre[0, :, 0].numpy() + located.ground.origin[0, 0]
    near = float(located.ground.masses.mass[0].numpy()[np.abs(x - first.position[0]) < 3000].sum())
    assert 0.4 < near < 0.75


def test_a_report_without_a_known_cell_is_anywhere_in_the_area(locator: AreaLocator) -> None:
    drawn = network(11)
    deployment, reports = deployment_of(drawn.heard), reports_of(drawn)
    deaf = replace(reports, pci=reports.pci.copy(), identity=reports.identity.copy())
    tokens = slice(*reports.token_offsets[1:3])
    deaf.pci[tokens], deaf.identity[tokens] = 1007, 2**30
    fixes = locator.fixes(deaf, Ground(deployment), EXTENT)
    hears = hearing(locator, deaf, deployment)
    assert len(fixes) == len(reports) and np.flatnonzero(~hears).tolist() == [1]
    assert fixes[1].position.tolist() == [0, 0] and fixes[1].radius(0.9) > 2000 and not fixes[1].trusted
    assert all(fix.heatmap.sum() == pytest.approx(1) for fix in fixes)


def test_phones_are_mostly_on_the_ground_that_was_asked_about(locator: AreaLocator) -> None:
    drawn = network(12)
    reports, deployment = reports_of(drawn), deployment_of(drawn.heard)
    (anywhere,) = locator.located(reports, deployment)
    x, y = anywhere.ground.median[0]
    east = Extent(x, y - 1e4, x + 1e4, y + 1e4)
    (asked,) = replace(locator, mapped=east).located(reports, deployment)
    before, after = (
        each.ground.masses.mass[0]
        .numpy()[east.contains(each.ground.masses.centre[0].numpy() + each.ground.origin[0])]
        .sum()
        for each in (anywhere, asked)
    )
    assert 0.2 < before < 0.8 and after == pytest.approx(before / (before + 0.1 * (1 - before)), rel=1e-3)


def test_fixes_agree_with_their_masses_and_become_geojson(locator: AreaLocator) -> None:
    drawn = network(12)
    reports, deployment = reports_of(drawn), deployment_of(drawn.heard)
    fixes = locator.fixes(reports, Ground(deployment), EXTENT)
    radii = np.concatenate([
        located.ground.masses.radius(located.ground.masses.median(), 0.9).numpy()
        for located in locator.located(reports, deployment)
    ])  # fmt: skip
    assert [fix.radius(0.9) for fix in fixes] == pytest.approx(radii.tolist(), rel=0.1, abs=15)
    written = fixes_geojson(fixes[:2], [{"sequence": 0}, {"sequence": 1}], 0.9)
    kinds = [feature["geometry"]["type"] for feature in written["features"]]
    assert kinds == ["Point", "Polygon"] * 2
    ring = written["features"][1]["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1] and len(ring) == 49
    with pytest.raises(InputError, match="latitude and longitude"):
        fixes_geojson(locator.fixes(reports, Ground(deployment, GeoFrame()), EXTENT), [{}] * len(fixes), 0.9)


def test_positions_are_scored_and_never_read(locator: AreaLocator) -> None:
    drawn = network(12)
    reports, deployment = reports_of(drawn), deployment_of(drawn.heard)
    blind = replace(reports, position=np.full_like(reports.position, np.nan))
    seen, unseen = (
        np.concatenate([located.ground.median for located in locator.located(each, deployment)])
        for each in (reports, blind)
    )
    assert np.array_equal(seen, unseen)
    with pytest.raises(InputError, match="true position"):
        score_in_area(locator, blind, deployment)


def test_streams_that_are_located_together_know_nothing_of_each_other(locator: AreaLocator) -> None:
    drawn = next(n for n in (network(seed, CALM) for seed in range(40)) if np.isfinite(n.heard.arrival).all())
    reports, deployment = reports_of(drawn).select(np.arange(4)), deployment_of(drawn.heard)
    # Of a report without any level, the usual one of its stream is taken, and others are not asked.
    reports.features[slice(*reports.token_offsets[1:3]), reports.feature_names.index("rsrp")] = np.nan
    (together,) = locator.located_by_stream(reports, deployment, np.arange(4))
    alone = [next(iter(locator.located(reports.select(np.array([n])), deployment))) for n in range(4)]
    np.testing.assert_allclose(
        together.ground.median, np.concatenate([one.ground.median for one in alone]), atol=0.1
    )
    (one_stream,) = locator.located(reports, deployment)
    assert np.abs(together.ground.median - one_stream.ground.median).max() > 1


def test_scores_are_of_the_truth(locator: AreaLocator) -> None:
    drawn = network(12)
    scores = score_in_area(locator, reports_of(drawn), deployment_of(drawn.heard))
    own, *others = scores.errors
    assert own == locator.name and others == ["serving site", "strongest cell", "RSRP centroid"]
    strongest = drawn.heard.cells.position[drawn.heard.cell[drawn.heard.rows.starts]]
    assert scores.errors["strongest cell"] == pytest.approx(np.hypot(*(strongest - drawn.position).T))
    assert 0 <= scores.covered(0.5) <= scores.covered(0.9) <= scores.covered(0.95) <= 1
    assert (scores.heard == drawn.heard.rows.lengths).all()


def test_tables_say_what_the_scores_are() -> None:
    count = 400
    rng = np.random.default_rng(0)
    truth = rng.uniform(-2000, 2000, (count, 2))
    errors = {"ours": np.linspace(0, 100, count), "serving site": np.linspace(0, 200, count)}
    ones = np.ones(count)
    scores = AreaScores(errors, -10 * ones, np.linspace(0, 1, count), 1e-9 * ones, 50 * ones, 2 * ones, truth)
    (ours, other) = percentile_rows(scores, rng)
    assert ours[0] == "ours" and ours[1].startswith("50 (") and other[1].startswith("100 (")
    low, high = bootstrap(scores, lambda kept: np.array([errors["ours"][kept].mean()]), rng)
    assert low < 50 < high and high - low < 12
    assert [row[0] for row in group_rows(scores)] == ["2–3 cells"]
    assert "90% region holds 90.0%" in honesty_lines(scores, rng)[0]


def test_a_broken_checkpoint_is_refused(tmp_path: object) -> None:
    path = tmp_path / "area.ckpt"
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_area_network(path)
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load_area_network(path)


@pytest.mark.parametrize("sites", [[(0.0, 0.0)], [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)]])
def test_one_site_alone_is_enough(locator: AreaLocator, sites: list[tuple[float, float]]) -> None:
    """A single mast, or several listed at one point: a wide answer about it, and nothing that is no number."""
    drawn = network(12)
    deployment = deployment_of(drawn.heard)
    placed = tuple(
        replace(deployment.sites[0], name=f"s{n}", position=(*at, 25.0)) for n, at in enumerate(sites)
    )
    most = np.argsort(-np.bincount(drawn.heard.cell), kind="stable")[: len(sites)].tolist()
    cells = tuple(replace(deployment.cells[cell], site=n) for n, cell in enumerate(most))
    alone = replace(deployment, sites=placed, cells=cells)
    reports = reports_of(drawn)
    heard = hearing(locator, reports, alone)
    fixes = [
        fix for fix, each in zip(locator.fixes(reports, Ground(alone), EXTENT), heard, strict=True) if each
    ]
    assert fixes and all(np.isfinite(fix.position).all() and np.hypot(*fix.position) < 1500 for fix in fixes)
    assert all(20 < fix.radius(0.9) < 5000 for fix in fixes)


def test_no_report_is_no_answer(locator: AreaLocator) -> None:
    drawn = network(12)
    deployment, reports = deployment_of(drawn.heard), reports_of(drawn)
    assert list(locator.located(reports.select(np.zeros(0, np.int64)), deployment)) == []
    deaf = replace(
        reports, pci=np.full_like(reports.pci, 1007), identity=np.full_like(reports.identity, 2**30)
    )
    assert list(locator.located(deaf, deployment)) == []
