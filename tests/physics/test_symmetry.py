import dataclasses

import numpy as np
import pytest
import torch

from model_fixtures import synthetic_place, synthetic_reports
from raylocus.propagation.formula import formula_levels
from raylocus.datasets.maps import cell_poses, place_maps
from raylocus.datasets.packed import sequence_tensors
from raylocus.models.configuration import NetworkConfiguration
from raylocus.models.evidence.rasters import evidence_rasters
from raylocus.models.network import LocationNetwork
from raylocus.scenes.sites import Deployment
from raylocus.training.symmetry import Symmetry

SYMMETRIES = [Symmetry(turns, mirrored) for turns in range(4) for mirrored in (False, True)]


@pytest.fixture(scope="module")
def place():
    return synthetic_place(4, size=128.0, sites=2, beams=4)


def moved(deployment: Deployment, symmetry: Symmetry) -> Deployment:
    """The deployment itself, moved: its own path, not that of the tensors."""

    def turn(x: float, y: float) -> tuple[float, float]:
        return tuple(symmetry.vector(torch.tensor([x, y], dtype=torch.float64)).tolist())

    sites = [
        dataclasses.replace(site, position=(*turn(*site.position[:2]), site.position[2]))
        for site in deployment.sites
    ]
    cells = []
    for cell in deployment.cells:
        x, y = turn(np.cos(cell.azimuth), np.sin(cell.azimuth))
        cells.append(dataclasses.replace(cell, azimuth=float(np.arctan2(y, x))))
    return Deployment(deployment.carrier, tuple(sites), tuple(cells))


@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=str)
def test_rasters_and_vectors_move_alike(place, symmetry):
    grid = place.tile
    point = np.array([38.0, -22.0])
    raster = torch.zeros(grid.shape)
    raster.view(-1)[int(grid.index(point))] = 1
    index = int(symmetry.raster(raster).argmax())
    np.testing.assert_allclose(grid.centres[index], symmetry.vector(torch.tensor(point)).numpy())


@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=str)
def test_moving_the_tensors_is_moving_the_city(place, symmetry):
    terrain = np.zeros(place.tile.shape)
    maps = symmetry.place(place_maps(place))
    there = moved(place.deployment, symmetry)
    fine = torch.from_numpy(formula_levels(place.deployment, place.tile, terrain))
    np.testing.assert_allclose(
        symmetry.raster(fine).numpy(), formula_levels(there, place.tile, terrain), atol=2e-2
    )
    np.testing.assert_allclose(maps.poses.numpy(), cell_poses(there, 0.0), atol=1e-6)


@pytest.mark.parametrize("symmetry", SYMMETRIES[1:], ids=str)
def test_an_untrained_network_is_equivariant(place, symmetry):
    torch.manual_seed(0)
    network = LocationNetwork(NetworkConfiguration()).eval()
    maps = place_maps(place)
    sequences = sequence_tensors(synthetic_reports(place, 4, 7), place.deployment)
    rasters = evidence_rasters(maps)
    here = network(sequences, network.encode_place(maps, rasters))
    there_maps, there_rasters = symmetry.place(maps), symmetry.rasters(rasters, maps.beams_of_cell)
    there = network(
        symmetry.sequences(sequences, maps.beams_of_cell), network.encode_place(there_maps, there_rasters)
    )
    # The correction starts at zero, so the heatmap of an untrained network is its evidence.
    torch.testing.assert_close(
        symmetry.raster(here.prediction.log_mass), there.prediction.log_mass, atol=1e-3, rtol=1e-3
    )
    made_there = evidence_rasters(there_maps)
    for field in dataclasses.fields(made_there):
        torch.testing.assert_close(getattr(made_there, field.name), getattr(there_rasters, field.name))
