"""Two stages in an area: what the second may change, and what it may not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr

from field_fixtures import CALM, deployment_of, network, reports_of
from raylocus.geo import Extent, Grid
from raylocus.inference.area_locator import AreaLocator
from raylocus.inference.area_windows import WindowLocator
from raylocus.inference.opinions import (
    pooled,
    pooled_densities,
    shares,
    sharpness_of,
    surprise,
    weight_of_maps,
)
from raylocus.inference.window_choice import chosen_windows
from raylocus.inference.window_masses import Belief, Look, Opinions, joined
from raylocus.models.area.cells import CellMasses
from raylocus.models.area.ground_masses import GroundMasses
from raylocus.models.misfit import Judgement
from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Deployment

#: Side of a window [m].
SIDE = 512.0


class Windows:
    """Ground of which every window can be had, without maps."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.asked: list[Grid] = []

    def window_at(self, point: tuple[float, float], size: float) -> Grid:
        return Grid(size, 8.0, point)

    def window(self, grid: Grid) -> SimpleNamespace:
        self.asked.append(grid)
        return SimpleNamespace(
            deployment=self.deployment,
            tile=Grid(grid.size, grid.resolution),
            centre=grid.centre,
            geometry_maps=xr.Dataset(),
            radio_maps=xr.Dataset(),
        )


class Sure:
    """A second stage that is sure of one point of the area, wherever it lies."""

    def __init__(self, point: np.ndarray, score: float = -2.0, sharpening: float = 0.0) -> None:
        self.point, self.score = point, score
        self.trained = SimpleNamespace(calibration=SimpleNamespace(sharpening=sharpening))
        self.judged: list[int] = []

    def on_maps(self, reports: Reports, place: SimpleNamespace) -> tuple[torch.Tensor, torch.Tensor]:
        away = np.hypot(*(place.tile.centres + place.centre - self.point).T)
        density = np.exp(-0.5 * (away / 10) ** 2) + 1e-30
        density = torch.from_numpy((density / density.sum()).reshape(place.tile.shape))
        return density.expand(len(reports), -1, -1), torch.zeros(len(reports), 1)

    def encoded(self, place: SimpleNamespace) -> SimpleNamespace:
        return SimpleNamespace(outdoors=torch.full((1, *place.tile.shape), 1 / place.tile.count**2))

    def judge(self, statistics: torch.Tensor) -> Judgement:
        self.judged.append(len(statistics))
        return Judgement(fit=0.4, wrong=0.0, score=self.score)


@pytest.fixture(scope="module")
def world() -> tuple[Reports, Deployment]:
    drawn = network(21, CALM, 6)
    return reports_of(drawn), deployment_of(drawn.heard)


def medians(locator: object, reports: Reports, deployment: Deployment) -> np.ndarray:
    return np.concatenate([some.ground.median for some in locator.located(reports, deployment)])


def test_a_second_stage_that_fits_decides(world: tuple[Reports, Deployment]) -> None:
    first = AreaLocator.pretrained()
    reports, deployment = world
    point = medians(first, *world)[0] + np.array([30.0, -20.0])
    both = WindowLocator(first, Sure(point), Windows(deployment), SIDE)
    (before,) = first.located(reports.select(np.arange(1)), deployment)
    (after,) = both.located(reports.select(np.arange(1)), deployment)
    assert np.allclose(after.ground.masses.mass.sum(1), 1, atol=1e-5)
    assert np.hypot(*(after.ground.median[0] - point)) < np.hypot(*(before.ground.median[0] - point))
    at = torch.from_numpy(point - after.ground.origin).float()
    assert after.ground.masses.radius(at, 0.3) < before.ground.masses.radius(at, 0.3)


def test_the_worse_maps_fit_the_less_they_change(world: tuple[Reports, Deployment]) -> None:
    first = AreaLocator.pretrained()
    reports, deployment = world
    (before,) = first.located(reports, deployment)
    point = before.ground.median[0] + np.array([40.0, 0.0])
    steps, radii = [], []
    for score in (-3.0, 0.0, 6.0):
        second = Sure(point, score)
        (after,) = WindowLocator(first, second, Windows(deployment), SIDE).located(reports, deployment)
        assert second.judged == [len(before.sequence)]  # once, by its fullest window each
        assert after.fit == 0.4
        assert torch.allclose(after.ground.masses.mass.sum(1), torch.ones(len(before.sequence)), atol=1e-5)
        steps.append(np.hypot(*(after.ground.median[0] - before.ground.median[0])))
        at = torch.from_numpy(point - after.ground.origin[0]).float().expand(len(before.sequence), 2)
        radii.append(float(after.ground.masses.radius(at, 0.5)[0]))
    assert steps == sorted(steps, reverse=True) and steps[2] < 0.7 * steps[0], steps
    assert radii == sorted(radii) and radii[2] > 1.5 * radii[0]


def entropy(masses: CellMasses) -> torch.Tensor:
    """Differential entropy of each density [nats]."""
    return -(masses.mass * (masses.mass / masses.side.square()).clamp(min=1e-30).log()).sum(1)


def test_answers_in_an_area_are_sharper_where_maps_fit_and_never_wider(
    world: tuple[Reports, Deployment],
) -> None:
    first, (reports, deployment) = AreaLocator.pretrained(), world
    point = medians(first, *world)[0] + np.array([40.0, 0.0])

    def masses(score: float, sharpening: float) -> CellMasses:
        second = Sure(point, score, sharpening)
        (found,) = WindowLocator(first, second, Windows(deployment), SIDE).located(reports, deployment)
        return found.ground.masses

    at = torch.zeros(len(reports), 2)
    plain, sharp = (masses(-3.0, sharpening) for sharpening in (0.0, 0.25))
    assert torch.allclose(sharp.mass.sum(1), torch.ones(len(reports)), atol=1e-5)
    assert (entropy(sharp) < entropy(plain) - 0.1).all()
    assert torch.equal(masses(6.0, 0.0).radius(at, 0.9), masses(6.0, 0.25).radius(at, 0.9))


def test_a_second_stage_that_is_sure_and_wrong_changes_little(world: tuple[Reports, Deployment]) -> None:
    first = AreaLocator.pretrained()
    reports, deployment = world
    wrong = WindowLocator(
        first, Sure(np.array([1e6, 1e6])), Windows(deployment), SIDE
    )  # at a window's far corner
    (before,) = first.located(reports.select(np.arange(1)), deployment)
    (after,) = wrong.located(reports.select(np.arange(1)), deployment)
    scale = float(before.ground.masses.radius(torch.zeros(1, 2), 0.9))
    assert np.hypot(*(after.ground.median[0] - before.ground.median[0])) < 0.5 * scale


def test_a_window_is_opened_once(world: tuple[Reports, Deployment]) -> None:
    reports, deployment = world
    ground = Windows(deployment)
    both = WindowLocator(AreaLocator.pretrained(), Sure(np.zeros(2)), ground, SIDE)
    first = medians(both, reports.select(np.arange(1)), deployment)
    asked = len(ground.asked)
    assert asked and asked == len(set(ground.asked))
    assert np.array_equal(medians(both, reports.select(np.arange(1)), deployment), first)
    assert len(ground.asked) == asked


def grounds(*points: tuple[float, float], share: float) -> dict[int, tuple[GroundMasses, int]]:
    """A report for each point, which holds a share of it, and 3 km east of it the rest."""
    count = len(points)
    masses = CellMasses(
        torch.tensor([[[0.0, 0.0], [3000.0, 0.0]]] * count), torch.full((count, 2), 10.0),
        torch.tensor([[share, 1 - share]] * count),
    )  # fmt: skip
    ground = GroundMasses(np.array(points), masses, np.array(points))
    return {number: (ground, number) for number in range(count)}


def test_one_window_too_many_is_all_that_is_opened_again(
    world: tuple[Reports, Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    reports, deployment = world
    monkeypatch.setattr("raylocus.inference.area_windows.KEPT_WINDOWS", 4)
    ground = Windows(deployment)
    both = WindowLocator(AreaLocator.pretrained(), Sure(np.zeros(2)), ground, SIDE)
    for opened in (5, 6, 7):
        medians(both, reports, deployment)
        assert len(ground.asked) == opened


@pytest.mark.parametrize(("share", "windows"), [(0.95, 1), (0.8, 2)])
def test_windows_cover_where_the_mass_is(share: float, windows: int) -> None:
    (centres,) = chosen_windows(grounds((500.0, 10.0), share=share), SIDE).values()
    assert len(centres) == windows
    for centre, x in zip(centres, (500.0, 3500.0), strict=False):
        assert Grid(SIDE, 8.0, centre).contains(np.array([x, 10.0]))


def test_phones_share_windows() -> None:
    # Each alone may be in any of four windows; one square holds them all.
    points = [(x, y) for x in (-200.0, -20.0, 20.0, 200.0) for y in (-200.0, 200.0)]
    chosen = chosen_windows(grounds(*points, share=0.95), SIDE)
    assert {tuple(centres) for centres in chosen.values()} == {((0.0, 0.0),)}


def test_far_ground_loses_where_maps_agree_nearer() -> None:
    masses = CellMasses(
        torch.tensor([[[0.0, 0.0], [3000.0, 0.0]]]),
        torch.tensor([[200.0, 1000.0]]),
        torch.tensor([[0.7, 0.3]]),
    )
    ground = GroundMasses(np.zeros((1, 2)), masses, masses.median().numpy())
    grid = Grid(SIDE, 8.0)
    density = np.exp(-0.5 * (np.hypot(*(grid.centres - np.array([20.0, 0.0])).T) / 30) ** 2)
    even = np.full(grid.shape, 1 / grid.count**2)
    look = Look(grid, even, (density / density.sum()).reshape(grid.shape), torch.zeros(1))
    both = joined(ground, [[Opinions.of(ground, 0, look)]], Belief(1.0, 0.0, 1.0))
    # ∫ sites^½ maps over the window next to ∫ sites^1½ over the far square.
    odds = (0.3 / 0.7) ** 1.5 * 200 / 1000
    assert float(both.masses.mass[0, 1]) == pytest.approx(odds / (1 + odds), rel=0.02)
    assert both.median[0, 0] == pytest.approx(20.0, abs=3.0)
    alone = joined(ground, [[Opinions.of(ground, 0, look)]], Belief(1.0, 1.0, 1.0))
    assert float(alone.masses.mass[0, 1]) == pytest.approx(0.3, abs=1e-5)


def test_ground_of_two_windows_is_the_first_ones() -> None:
    masses = CellMasses(
        torch.tensor([[[0.0, 0.0], [320.0, 0.0]]]), torch.tensor([[200.0, 100.0]]), torch.tensor([[0.5, 0.5]])
    )
    ground = GroundMasses(np.zeros((1, 2)), masses, masses.median().numpy())
    grids = [Grid(SIDE, 8.0, (x, 0.0)) for x in (0.0, 128.0)]
    even = np.full(grids[0].shape, 1 / grids[0].count ** 2)
    looks = [Look(grid, even, even, torch.zeros(1)) for grid in grids]
    both = joined(ground, [[Opinions.of(ground, 0, look) for look in looks]], Belief(0.0, 0.0, 1.0))
    for grid in grids:
        assert np.allclose(both.raster(0, grid), ground.raster(0, grid), atol=1e-6)


def bell(middle: float, width: float) -> torch.Tensor:
    """Shares of a row of squares."""
    return shares(torch.exp(-0.5 * ((torch.arange(60.0) - middle) / width) ** 2)[None])


def test_a_pool_keeps_what_both_think_likely() -> None:
    x, sites, maps = torch.arange(60.0), bell(20.0, 6.0), bell(32.0, 6.0)
    assert torch.allclose(pooled(sites, maps, 0.0), sites, atol=1e-6)
    # Precisions of Gaussians are multiplied by the exponents, 1 for the maps and 0.5 for the sites.
    assert float((pooled(sites, maps, 1.0) * x).sum()) == pytest.approx(28.0, abs=0.05)
    middles = [float((pooled(sites, maps, weight) * x).sum()) for weight in (0.1, 0.5, 0.9)]
    assert middles == sorted(middles) and 20 < middles[0] and middles[2] < 28
    # Who knows nothing changes nothing.
    assert torch.allclose(pooled(shares(torch.zeros(1, 60)), maps, 1.0), maps, atol=1e-6)


def test_maps_that_put_phones_elsewhere_weigh_less() -> None:
    sites, near, far = bell(20.0, 4.0), bell(21.0, 4.0), bell(30.0, 4.0)
    assert float(surprise(sites, sites)) == 0
    weights = [weight_of_maps(0.0, surprise(sites, maps).expand(20).numpy()) for maps in (sites, near, far)]
    assert weights == sorted(weights, reverse=True) and weights[2] < 0.1 < 0.6 < weights[0]
    silent = np.zeros(20)
    assert weight_of_maps(2.0, silent) < weight_of_maps(2.0, silent[:1]) < weight_of_maps(0.0, silent[:0])


def test_answers_are_the_sharper_the_better_maps_of_many_phones_fit() -> None:
    fits_well = [sharpness_of(-2.0, phones, 0.25) for phones in (1, 4, 20)]
    assert fits_well == sorted(fits_well) and 1 < fits_well[0] and fits_well[2] > 1.4
    assert sharpness_of(0.0, 20, 0.25) == sharpness_of(-2.0, 20, 0.0) == 1
    assert sharpness_of(2.0, 20, 0.25) < sharpness_of(2.0, 1, 0.25) < 1
    sites, maps = bell(20.0, 4.0)[None], bell(21.0, 4.0)[None]
    usual, sharp = (pooled_densities(sites, maps, 0.5, sharpness=power)[0] for power in (1.0, 1.5))
    assert torch.allclose(sharp, shares(usual**1.5), atol=1e-6)


def test_ground_outside_of_the_area_weighs_less_and_can_still_win() -> None:
    masses = CellMasses(
        torch.tensor([[[0.0, 0.0], [300.0, 0.0]]] * 2), torch.full((2, 2), 10.0),
        torch.tensor([[0.4, 0.6], [0.01, 0.99]]),
    )  # fmt: skip
    ground = GroundMasses(np.zeros((2, 2)), masses, np.zeros((2, 2)))
    within = ground.within(Extent(-100.0, -100.0, 100.0, 100.0), 0.1)
    assert within.masses.mass[:, 0] == pytest.approx([0.4 / 0.46, 0.01 / 0.109])
    assert np.hypot(*within.median[0]) < 10 and np.hypot(*(within.median[1] - [300, 0])) < 10
