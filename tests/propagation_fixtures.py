"""Small scenes whose fields have a closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import PathAtlas, concatenate
from raylocus.propagation.atlas.channel_response import PointPaths, point_paths
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.propagation.oracles.reference import centre_paths, partners
from raylocus.propagation.tracing.trace import SiteTracer
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.build import SceneConfiguration
from raylocus.scenes.deployment import DeploymentConfiguration
from raylocus.scenes.geometry_maps import MATERIALS, geometry_maps
from raylocus.scenes.map_geometry import topmost_surface
from raylocus.scenes.sites import AntennaArray, Carrier, Cell, Deployment, Site
from raylocus.scenes.siting.macro import MacroLayout
from raylocus.scenes.triangles import Triangles

FREQUENCY = 3.5e9
TILE = Grid(64.0, 2.0)
CONCRETE, METAL = MATERIALS.index("concrete"), MATERIALS.index("metal")


def materials(frequency: float = FREQUENCY, thickness: float = 0.1) -> RadioMaterials:
    """Concrete as in ITU-R P.2040-4 Table 3, metal as a near-perfect conductor, the rest as concrete."""
    gigahertz = frequency / 1e9
    permittivity = np.full(len(MATERIALS), 5.24)
    conductivity = np.full(len(MATERIALS), 0.0462 * gigahertz**0.7822)
    permittivity[METAL], conductivity[METAL] = 1.0, 1e7
    return RadioMaterials(frequency, permittivity, conductivity, thickness)


def quad(corners: Float[np.ndarray, "4 3"]) -> Float[np.ndarray, "2 3 3"]:
    """Two triangles of a plane quadrilateral, counter-clockwise as seen from its front."""
    return np.stack([corners[[0, 1, 2]], corners[[0, 2, 3]]])


def ground(half: float = 100.0, z: float = 0.0) -> Float[np.ndarray, "2 3 3"]:
    """A flat square of ground."""
    return quad(np.array([[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]], float))


def box(low: tuple[float, float], high: tuple[float, float], height: float) -> Float[np.ndarray, "10 3 3"]:
    """Walls and roof of a block that stands on z = 0, normals outward."""
    (x0, y0), (x1, y1) = low, high
    ring = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    walls = [
        quad(np.array([[*a, 0], [*b, 0], [*b, height], [*a, height]]))
        for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True)
    ]
    return np.concatenate([*walls, quad(np.column_stack([ring, np.full(4, height)]))])


def prism(corners: int, radius: float, height: float) -> Float[np.ndarray, "triangle 3 3"]:
    """Walls and roof of a regular prism about the origin, its first corner turned by 0.3 rad."""
    angle = 0.3 + 2 * np.pi * np.arange(corners) / corners
    ring = radius * np.column_stack([np.cos(angle), np.sin(angle)])
    walls, roof = [], []
    for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        walls.append(quad(np.array([[*a, 0], [*b, 0], [*b, height], [*a, height]])))
        roof.append([[0, 0, height], [*a, height], [*b, height]])
    return np.concatenate([*walls, np.array(roof)])


def scene(*blocks: Float[np.ndarray, "triangle 3 3"], material: int = CONCRETE) -> Triangles:
    """Flat ground of concrete with blocks of one material on it."""
    vertices = np.concatenate([ground(), *blocks])
    is_ground = np.arange(len(vertices)) < 2
    return Triangles(vertices, np.where(is_ground, CONCRETE, material), is_ground)


def rasterized_maps(triangles: Triangles, tile: Grid) -> xr.Dataset:
    """G of the scene."""
    terrain, _ = topmost_surface(triangles.select(triangles.ground), tile)
    surface, owner = topmost_surface(triangles, tile)
    return geometry_maps(tile, terrain, surface, triangles.material[owner])


def tracer(
    triangles: Triangles,
    configuration: TraceConfiguration,
    tile: Grid = TILE,
    radio: RadioMaterials | None = None,
) -> SiteTracer:
    """A tracer of a small scene; its materials are `materials()` unless others are given."""
    maps = rasterized_maps(triangles, tile)
    surface, terrain = maps["surface"].values.astype(float), maps["terrain"].values.astype(float)
    return SiteTracer(triangles, surface, terrain, tile, radio or materials(), configuration)


@dataclass(frozen=True)
class SideBySide:
    """The atlas's paths to some points compared with another list's."""

    paths: PathAtlas
    """The atlas's, sorted by point."""
    count: Int[np.ndarray, " point"]
    """How many paths the atlas has more than the other list, at each point."""
    missing: Bool[np.ndarray, " other"]
    """Which of the other's strong paths the atlas lacks."""
    shared: Int[np.ndarray, " shared"]
    """Which of `paths` the others of them are."""
    gain_db: Float[np.ndarray, " shared"]
    """How much stronger the atlas's are [dB]."""


def side_by_side(
    atlas: PathAtlas, cells: Int[np.ndarray, " point"], other: PointPaths, weakest: float = 0.0
) -> SideBySide:
    """The atlas's paths to the middles of some cells compared with the other list's.

    Of each point's, only those above `weakest` times the strongest are looked for.
    """
    found = centre_paths(atlas, cells)
    ours = point_paths(found)
    strongest = np.zeros(len(cells))
    np.maximum.at(strongest, other.point, other.gain)
    strong = np.flatnonzero(other.gain > weakest * strongest[other.point])
    partner = partners(other, ours)[strong]
    shared, theirs = partner[partner >= 0], strong[partner >= 0]
    count = np.bincount(ours.point, minlength=len(cells)) - np.bincount(other.point, minlength=len(cells))
    gain_db = 10 * np.log10(ours.gain[shared] / other.gain[theirs])
    return SideBySide(found.paths, count, partner < 0, shared, gain_db)


#: Two sites about one block, and the atlas that they share.
TWO_SITES = np.array([[-25.0, 1.0, 22.0], [20.0, -20.0, 15.0]])


def two_site_network(arrays: tuple[AntennaArray, ...] = (AntennaArray(),) * 3) -> Deployment:
    """Three sectors at each of the two sites, with these arrays."""
    cells = [
        Cell(10 * site + sector, site, 2.1 * sector - 1.0, 0.1, array=arrays[sector])
        for site in range(2)
        for sector in range(3)
    ]
    sites = tuple(Site(f"s{i}", tuple(position)) for i, position in enumerate(TWO_SITES.tolist()))
    return Deployment((Carrier(),), sites, tuple(cells))


def two_site_atlas() -> PathAtlas:
    """Paths of two sites, one next to a block and one behind it."""
    tracing = tracer(scene(box((-4, -20), (8, 20), 12)), TraceConfiguration(depth=2))
    return concatenate([tracing.trace(site, position) for site, position in enumerate(TWO_SITES)])


#: The smallest place of a real city: 128 m about the Étoile in Paris.
ETOILE = SceneConfiguration(
    tile_size=128.0,
    resolution=4.0,
    seed=3,
    deployment=DeploymentConfiguration(macro=MacroLayout(site_distance=60.0), edge_distance=10.0),
)
