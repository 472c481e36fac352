"""Expected features without a grid: images against the paths themselves, and PathSolver's gradient against images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from propagation_fixtures import FREQUENCY, METAL, TILE, box, scene
from raylocus.geo import GeoFrame
from raylocus.models.physics.expected import Expected, differentiable
from raylocus.models.physics.live import LiveFeatures, SolverRays, SolverSettings, image_rays
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.materials.materials import itu_materials
from raylocus.propagation.tracing.trace import SiteTracer
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.provenance import Provenance
from raylocus.scenes.build import rasterized_maps
from raylocus.scenes.sites import AntennaArray, Carrier, Cell, Deployment, Site
from raylocus.scenes.triangles import write_mitsuba_scene
from raylocus.units import energy_per_resource_element

SITE = np.array([-3.0, 1.0, 20.0])
#: A sector across the wall, whose paths are the line of sight and reflections off wall and ground.
DEPLOYMENT = Deployment(
    (Carrier(frequency=FREQUENCY),),
    (Site("mast", tuple(SITE.tolist())),),
    (Cell(7, 0, -0.6, 0.2, array=AntennaArray(beams=4)),),
)
POINTS = torch.tensor([[3.3, -18.4], [-9.2, -21.7], [-24.6, -11.3]], dtype=torch.float64)


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> TracedPlace:
    folder = tmp_path_factory.mktemp("wall")
    triangles = scene(box((6, -30), (9, 30), 18), material=METAL)
    maps = rasterized_maps(triangles, TILE)
    surface, terrain = maps["surface"].values.astype(float), maps["terrain"].values.astype(float)
    configuration = TraceConfiguration(depth=2, rays_per_cell=16.0, over_rooftop=False, diffraction=False)
    tracer = SiteTracer(triangles, surface, terrain, TILE, itu_materials(FREQUENCY), configuration)
    write_mitsuba_scene(triangles, folder)
    provenance = Provenance.collect({"wall": 1}, 1)
    place = TracedPlace(folder, "wall", GeoFrame(), TILE, DEPLOYMENT, provenance)
    found = {
        "atlas": tracer.trace(0, SITE),
        "geometry_maps": maps,
        "radio_maps": xr.Dataset(attrs={"ue_height": 1.5}),
    }
    place.__dict__.update(found)  # what would be read when it is first asked for
    return place


def features(expected: Expected) -> torch.Tensor:
    return torch.cat([expected.level, expected.length, expected.departure.flatten(1)], 1)


def jacobian(live: LiveFeatures, point: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Each row from a forward pass of its own: gradients through `dr.wrap` add up where one is walked back twice."""
    values, rows = features(live.at(point)), []
    for column in range(values.shape[1]):
        at = point.clone().requires_grad_()
        rows.append(torch.autograd.grad(features(live.at(at))[:, column].sum(), at)[0])
    return values, torch.stack(rows, 1)


def test_the_gradient_of_images_is_that_of_the_paths_found_elsewhere(traced: TracedPlace) -> None:
    """A step of another length, in a call of its own: other ends, the same walls."""
    live, step = LiveFeatures(traced, image_rays), 0.02
    _, slope = jacobian(live, POINTS)
    for axis in range(2):
        ahead = torch.zeros(2, dtype=torch.float64)
        ahead[axis] = step
        expected = (features(live.at(POINTS + ahead)) - features(live.at(POINTS - ahead))) / (2 * step)
        torch.testing.assert_close(slope[:, :, axis], expected, rtol=0.02, atol=2e-3)


def test_free_space_has_the_slope_of_friis_and_of_the_straight_line() -> None:
    """The atlas apart: the differences themselves, of 20·log10 of a distance."""
    at = torch.tensor([[30.0, 40.0], [-7.0, 24.0]], dtype=torch.float64, requires_grad=True)
    level = differentiable(
        at, lambda rows: -20 * np.log10(np.linalg.norm(rows, axis=-1, keepdims=True)), 0.05
    )
    level.sum().backward()
    square = (at.detach() ** 2).sum(1, keepdim=True)
    torch.testing.assert_close(at.grad, -20 / np.log(10) * at.detach() / square, rtol=1e-5, atol=0)


def test_path_solver_and_images_agree_in_values_and_gradients(traced: TracedPlace) -> None:
    """Of free space and one wall: Sionna's derivative by Dr.Jit, the atlas's by its images."""
    solver = SolverRays(SolverSettings(depth=2, samples=20_000))
    (ours, slope), (theirs, their_slope) = (
        jacobian(LiveFeatures(traced, rays), POINTS) for rays in (image_rays, solver)
    )
    torch.testing.assert_close(theirs, ours, rtol=1e-3, atol=0.02)
    torch.testing.assert_close(their_slope, slope, rtol=0.02, atol=3e-3)
    energy = energy_per_resource_element(DEPLOYMENT.cells[0].power_dbm, DEPLOYMENT.carrier.resource_blocks)
    assert (ours[:, 0] < energy).all() and slope.abs().amax() > 0.1
