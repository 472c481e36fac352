"""The area network: its symmetries, its masses, and that it is right about how sure it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from field_fixtures import network
from raylocus.evaluation.area_scores import REFERENCES
from raylocus.geo import Grid
from raylocus.inference.area_locator import AreaLocator
from raylocus.models.area.area_network import AreaBatch, AreaNetwork, AreaShape
from raylocus.models.area.cells import CellMasses, cell_masses
from raylocus.models.area.ground_masses import GroundMasses, ground_masses
from raylocus.models.area.tokens import AreaTokens, area_tokens
from raylocus.network.field.heard import HeardNetwork
from raylocus.network.field.law import HARSH, USUAL
from raylocus.training.area.fit import draw_points, labelled_batch, log_proposal


@pytest.fixture(scope="module")
def untrained() -> AreaNetwork:
    torch.manual_seed(0)
    return AreaNetwork(AreaShape(32, 2, 2)).eval()


def ground(net: AreaNetwork, tokens: AreaTokens) -> GroundMasses:
    reading = np.arange(len(tokens))[:, None]
    with torch.inference_mode():
        return ground_masses(cell_masses(net(AreaBatch.of(tokens))), tokens, reading, np.ones(reading.shape))


def moved(heard: HeardNetwork, angle: float, mirror: bool, shift: np.ndarray) -> HeardNetwork:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = turn @ np.diag([1.0, -1.0 if mirror else 1.0])
    ahead = np.stack([np.cos(heard.cells.azimuth), np.sin(heard.cells.azimuth)], axis=1) @ turn.T
    cells = replace(
        heard.cells,
        position=heard.cells.position @ turn.T + shift,
        azimuth=np.arctan2(ahead[:, 1], ahead[:, 0]),
    )
    return replace(heard, cells=cells)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_turned_network_has_turned_answers(untrained: AreaNetwork, mirror: bool) -> None:
    heard = next(n.heard for n in map(network, range(40)) if np.isfinite(n.heard.cells.azimuth).any())
    tokens = area_tokens(heard)
    shift, angle = np.array([700.0, -300.0]), 1.1
    turned = area_tokens(moved(heard, angle, mirror, shift))
    points = torch.randn((len(tokens), 50, 2), generator=torch.Generator().manual_seed(0))
    turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).float()
    turn = turn @ torch.diag(torch.tensor([1.0, -1.0 if mirror else 1.0]))
    with torch.inference_mode():
        before = untrained(AreaBatch.of(tokens)).log_density(points)
        after = untrained(AreaBatch.of(turned)).log_density(points @ turn.T)
    assert torch.allclose(before, after, atol=5e-3)


@pytest.mark.parametrize("factor", [2, 60])
def test_a_larger_network_has_larger_answers(untrained: AreaNetwork, factor: int) -> None:
    """Lengths are in spacings, apart from the spacing itself, which the network may read; up to 30 km of it."""
    heard = next(n.heard for n in map(network, range(40)) if len(n.heard.cells.sites) > 8)
    cells = replace(
        heard.cells, position=factor * heard.cells.position, deviation=factor * heard.cells.deviation
    )
    larger = replace(heard, cells=cells, arrival=factor * heard.arrival, advance=factor * heard.advance)
    tokens, scaled = area_tokens(heard), area_tokens(larger)
    assert np.allclose(scaled.scale, factor * tokens.scale)
    assert np.allclose(scaled.position, tokens.position, atol=1e-4)


def test_masses_are_a_density_over_squares(untrained: AreaNetwork) -> None:
    tokens = area_tokens(network(1).heard)
    with torch.inference_mode():
        masses = cell_masses(untrained(AreaBatch.of(tokens)))
    assert torch.allclose(masses.mass.sum(1), torch.ones(len(tokens)), atol=1e-4)
    assert (masses.mass >= 0).all()
    density, denser, tied = masses.at(masses.centre[:, -1])
    assert (density > 0).all() and (denser + tied <= 1.0001).all()
    far, beyond, _ = masses.at(torch.full((len(tokens), 2), 1e6))
    assert (far == 0).all() and torch.allclose(beyond, torch.ones(len(tokens)), atol=1e-4)
    in_blocks, singly = (
        GroundMasses(np.zeros((len(tokens), 2)), each).raster(0, Grid(10.0, 0.25, (1.0, -2.0)))
        for each in (masses, replace(masses, blocks=()))
    )
    assert np.allclose(in_blocks, singly, atol=1e-8) and 0 < singly.sum() < 1


def test_a_square_of_mass_is_its_own_raster_median_and_radius() -> None:
    masses = CellMasses(torch.tensor([[[10.0, 20.0]]]), torch.tensor([[8.0]]), torch.tensor([[1.0]]))
    one = GroundMasses(np.array([[100.0, 0.0]]), masses, np.array([[110.0, 20.0]]))
    grid = one.window(0)
    assert grid.bounds == pytest.approx((78.0, -12.0, 142.0, 52.0))
    raster = one.raster(0, grid)
    assert raster.sum() == pytest.approx(1.0)
    y, x = np.argwhere(raster > 0).T
    assert grid.x_coordinates[x].min() > 106 and grid.x_coordinates[x].max() < 114
    assert grid.y_coordinates[y].min() > 16 and grid.y_coordinates[y].max() < 24
    assert torch.allclose(masses.median(), torch.tensor([[10.0, 20.0]]))
    assert masses.covariance()[0].numpy() == pytest.approx(np.eye(2) * 64 / 12)


def test_points_of_the_proposals_follow_their_own_density() -> None:
    batch, _ = labelled_batch(lambda _: USUAL, 1, 1, (1, 2, 3))
    points = draw_points(batch, 40000, torch.Generator().manual_seed(0))
    log_density = log_proposal(batch, points)
    # The mean of 1 / q over points of q within a square is the square's area.
    middle = batch.position[:, 20]
    inside = ((points - middle[:, None]).abs() < 0.5).all(-1)
    assert float((inside / log_density.exp()).mean()) == pytest.approx(1.0, rel=0.06)


@pytest.mark.parametrize("law, least", [(USUAL, 0.85), (HARSH, 0.82)])
def test_the_locator_that_ships_is_right_about_how_sure_it_is(law: object, least: float) -> None:
    locator = AreaLocator.pretrained()
    errors, held = [], []
    for seed in range(30):
        drawn = network(7000 + seed, law, 60)
        some = np.arange(min(len(drawn.position), 12))
        found = ground(locator.trained.network, area_tokens(drawn.heard, some))
        truth = drawn.position[some]
        _, denser, tied = found.masses.at(torch.from_numpy(truth - found.origin).float())
        held.append((denser + tied / 2).numpy() <= 0.9)
        scale = np.hypot(*(drawn.heard.cells.position.max(0) - drawn.heard.cells.position.min(0))) + 100
        methods = [found.median, *(locate(drawn.heard.select(some)) for locate in REFERENCES.values())]
        errors.append([np.hypot(*(each - truth).T) / scale for each in methods])
    joined = np.concatenate(errors, axis=1)
    own, *others = np.percentile(joined, (50, 90), axis=1).T
    assert least <= np.mean(np.concatenate(held)) <= 0.97
    assert (own <= np.array([1.0, 1.1]) * np.min(others, axis=0)).all()
