"""What reflection must keep: a metal box its energy, a wave at Brewster's angle nothing."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from propagation_fixtures import METAL, TILE, box, ground, materials, scene
from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.propagation.tracing.trace import SiteTracer
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.triangles import Triangles

#: A closed box of metal on the ground: corners and height [m], with a site inside.
LOW, HIGH, TOP = (-9.0, -7.0), (11.0, 9.0), 12.0
SITE = np.array([2.3, -1.2, 7.1])
DEPTH = 3


def traced(triangles: Triangles, radio: RadioMaterials, site: np.ndarray, **settings: float) -> PathAtlas:
    """Specular paths; the rasters say that nothing stands on the ground, so that a site may be indoors."""
    flat = np.zeros(TILE.shape)
    configuration = TraceConfiguration(
        over_rooftop=False,
        diffraction=False,
        dynamic_range_db=300.0,
        **settings,
    )
    return SiteTracer(triangles, flat, flat, TILE, radio, configuration).trace(0, site)


def mirrored(position: float, low: float, high: float, order: int) -> float:
    """Coordinate of the image after `order` reflections between two walls, the first at the lower for order < 0."""
    width = high - low
    inside = position - low if order % 2 == 0 else high - position
    return low + order * width + inside


def lattice(point: np.ndarray) -> list[tuple[int, float]]:
    """Order and distance of every image of the site up to DEPTH reflections."""
    bounds = ((LOW[0], HIGH[0]), (LOW[1], HIGH[1]), (0.0, TOP))
    images = []
    for orders in itertools.product(range(-DEPTH, DEPTH + 1), repeat=3):
        if sum(map(abs, orders)) <= DEPTH:
            image = [mirrored(SITE[axis], *bounds[axis], orders[axis]) for axis in range(3)]
            images.append((sum(map(abs, orders)), float(np.linalg.norm(point - image))))
    return images


def test_a_metal_box_keeps_its_energy() -> None:
    # Every wall sends back all power, so each order of reflection brings what its images would bring through
    # free space: 6, 18 and 38 images of the first three orders, (λ/4πL)² each. Nothing leaks, nothing is
    # counted twice, although an image may be reached over its walls in either order: the shares of the cell
    # that each order serves add up to one, but for slivers between the five probes.
    walls = scene(box(LOW, HIGH, TOP), material=METAL)
    metal = Triangles(walls.vertices, np.full(len(walls.material), METAL), walls.ground)
    conductor = materials()
    conductor.conductivity[METAL] = 1e12
    atlas = traced(metal, conductor, SITE, depth=DEPTH, rays_per_cell=150.0)
    power = (np.abs(path_fields(atlas, conductor)) ** 2).sum(axis=1) * atlas.visible[:, None]
    for x, y in [(-5.0, 3.0), (7.0, -3.0), (3.0, 5.0), (-1.0, -1.0)]:
        own = atlas.ground_cell == TILE.index(np.array([x, y]))
        images = lattice(np.array([x, y, 1.5]))
        assert len(images) == 1 + 6 + 18 + 38
        for order in range(DEPTH + 1):
            free = sum(
                (conductor.wavelength / (4 * np.pi * length)) ** 2 for n, length in images if n == order
            )
            chosen = own & (atlas.interactions == order)
            for polarization in range(2):
                assert power[chosen, polarization].sum() == pytest.approx(free, rel=0.03)


def test_brewsters_angle_takes_the_vertical_wave_out_of_a_traced_reflection() -> None:
    lossless = dataclasses.replace(materials(), conductivity=np.zeros_like(materials().conductivity))
    ground_only = Triangles(ground(), np.zeros(2, int), np.array([True, True]))
    point = np.array([21.0, 9.0, 1.5])
    away = np.hypot(point[0] + 20.0, point[1] - 1.0)
    steep = np.arctan(np.sqrt(5.24))  # Brewster's angle from the normal
    gains = []
    for angle in (steep, steep - np.deg2rad(35)):
        site = np.array([-20.0, 1.0, away / np.tan(angle) - point[2]])
        atlas = traced(ground_only, lossless, site, depth=1)
        chosen = (atlas.ground_cell == TILE.index(point)) & (atlas.interactions == 1)
        assert chosen.sum() == 1
        free = (lossless.wavelength / (4 * np.pi * atlas.length[chosen])) ** 2
        gains.append((np.abs(path_fields(atlas, lossless)[chosen][0]) ** 2 / free).sum(axis=0))
    assert gains[0][0] < 1e-8  # vertical: gone
    assert gains[0][1] > 0.1  # horizontal: reflected as ever
    assert gains[1][0] > 1e-3  # 35° off, the vertical one is back
