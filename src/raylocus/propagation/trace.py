"""All paths of one site: specular, diffracted at one edge, and over the roofs, as columns of the atlas."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import PlaceError
from raylocus.geo import Grid
from raylocus.propagation.atlas import DIFFRACTED, OVER_ROOFTOP, SPECULAR, PathAtlas, concatenate, reorder
from raylocus.propagation.diffraction import DiffractionSearch
from raylocus.propagation.fields import path_fields
from raylocus.propagation.launcher import RayScene
from raylocus.propagation.materials import RadioMaterials
from raylocus.propagation.over_rooftop import knife_edge_loss, over_rooftop_paths
from raylocus.propagation.radio_layers.complete import ALL_GROUPS
from raylocus.propagation.specular import SpecularSearch
from raylocus.propagation.wedges import find_wedges
from raylocus.scenes.triangles import Triangles
from raylocus.units import from_decibel


@dataclass(frozen=True)
class TraceConfiguration:
    """How a place is traced."""

    depth: int = 4
    """Most reflections of a specular path."""
    rays_per_cell: float = 8.0
    """Rays through every fully visible ground cell."""
    reach: float = 1.2
    """Longest unfolded path in plan, in tile sides."""
    ue_height: float = 1.5
    """Height of the UE above the terrain [m]."""
    diffraction: bool = True
    """Whether edges that the site sees send first-order diffracted paths."""
    dynamic_range_db: float = 40.0
    """Paths this far below a ground cell's strongest are left out, unless they arrive first [dB]."""
    over_rooftop: bool = True
    """Whether cells out of sight get the path over the roofs (never part of PathSolver's physics)."""
    seed: int = 0
    """Seed of the launch directions' shift."""
    layers: tuple[str, ...] = ALL_GROUPS
    """Groups of layers of R beside those that worlds have, see `radio_layers.complete.GROUPS`."""


class SiteTracer:
    """Traces the sites of one tile; the scene is built once."""

    def __init__(
        self,
        triangles: Triangles,
        surface: Float[np.ndarray, "y x"],
        terrain: Float[np.ndarray, "y x"],
        grid: Grid,
        materials: RadioMaterials,
        configuration: TraceConfiguration,
    ):
        """Builds the ray scene.

        Args:
            triangles: the scene.
            surface: height of the topmost surface [m].
            terrain: ground height [m].
            grid: grid of both and of the atlas.
            materials: nominal materials at the carrier.
            configuration: how to trace.
        """
        self._surface, self._grid = surface, grid
        self._materials, self._configuration = materials, configuration
        ue_surface = terrain + configuration.ue_height
        self._point = np.column_stack([grid.centres, ue_surface.ravel()])
        self._outdoor = (surface <= ue_surface).ravel()
        scene = RayScene(triangles.vertices, ue_surface, grid)
        self._specular = SpecularSearch(scene, triangles, ue_surface, grid)
        self._wedges = find_wedges(triangles)
        self._diffraction = DiffractionSearch(scene, self._wedges, self._point, grid.count)

    def trace(self, site: int, position: Float[np.ndarray, "3"]) -> PathAtlas:
        """All paths from one site.

        Args:
            site: index of the site, kept in the atlas.
            position: antenna centre [m].

        Raises:
            PlaceError: the site lies outside the tile or below the topmost surface.
        """
        self._check(site, position)
        specular = self._specular_part(site, position)
        parts = [specular]
        if self._configuration.over_rooftop:
            parts.append(self._rooftop_part(site, position, specular))
        if self._configuration.diffraction:
            parts.append(self._diffracted_part(site, position))
        joined = concatenate(parts)
        joined = reorder(joined, np.argsort(joined.ground_cell, kind="stable"))
        return reorder(joined, self._worth_keeping(joined))

    def _check(self, site: int, position: Float[np.ndarray, "3"]) -> None:
        index = int(self._grid.index(position))
        if index < 0:
            raise PlaceError(f"site {site} lies outside the tile; move it or the tile")
        if position[2] < self._surface.flat[index]:
            raise PlaceError(f"site {site} is inside a building or below ground; raise its antenna")

    def _specular_part(self, site: int, position: Float[np.ndarray, "3"]) -> PathAtlas:
        settings = self._configuration
        generator = np.random.default_rng([settings.seed, site])
        reach = settings.reach * self._grid.size
        found = self._specular.paths(position, settings.depth, reach, settings.rays_per_cell, generator)
        part = self._part(
            site, SPECULAR, found.ground_cell, found.paths.length, found.paths.departure, found.paths.arrival
        )
        return replace(
            part,
            visible=found.visible.astype(np.float32),
            normals=found.paths.normals.astype(np.float32),
            material=found.material.astype(np.int8),
        )

    def _diffracted_part(self, site: int, position: Float[np.ndarray, "3"]) -> PathAtlas:
        found = self._diffraction.paths(position, self._outdoor)
        before, after = found.point - position, self._point[found.ground_cell] - found.point
        first_leg = np.linalg.norm(before, axis=1)
        second_leg = np.linalg.norm(after, axis=1)
        part = self._part(
            site, DIFFRACTED, found.ground_cell, first_leg + second_leg,
            before / first_leg[:, None], after / second_leg[:, None],
        )  # fmt: skip
        return replace(part, wedge=found.wedge.astype(np.int32), first_leg=first_leg)

    def _rooftop_part(self, site: int, position: Float[np.ndarray, "3"], specular: PathAtlas) -> PathAtlas:
        direct = specular.line_of_sight
        seen = np.zeros(len(self._point))
        seen[specular.ground_cell[direct]] = specular.visible[direct]
        hidden = np.flatnonzero((seen < 1) & self._outdoor)
        point = self._point[hidden]
        over = over_rooftop_paths(position, point, self._surface, self._grid, self._materials.wavelength)
        rise, fall = over.edge - position, point - over.edge
        straight = ~over.blocked
        rise[straight] = fall[straight] = (point - position)[straight]
        up, down = np.linalg.norm(rise, axis=1), np.linalg.norm(fall, axis=1)
        length = np.where(straight, up, up + down)
        part = self._part(site, OVER_ROOFTOP, hidden, length, rise / up[:, None], fall / down[:, None])
        # Out of sight, an edge at least touches the line of sight, even where the raster misses it.
        loss = np.maximum(over.loss_db, knife_edge_loss(np.zeros(1)))
        return replace(
            part, visible=(1 - seen[hidden]).astype(np.float32), excess_loss_db=loss.astype(np.float32)
        )

    def _worth_keeping(self, atlas: PathAtlas) -> Int[np.ndarray, "kept"]:
        """Paths within the dynamic range of their ground cell's strongest, and the first arrival of each cell."""
        power = (np.abs(path_fields(atlas, self._materials)) ** 2).sum(axis=(1, 2)) * atlas.visible
        strongest, first = np.zeros(self._grid.count**2), np.full(self._grid.count**2, np.inf)
        np.maximum.at(strongest, atlas.ground_cell, power)
        np.minimum.at(first, atlas.ground_cell, atlas.length)
        weakest = strongest * from_decibel(-self._configuration.dynamic_range_db)
        return np.flatnonzero(
            (power >= weakest[atlas.ground_cell]) | (atlas.length <= first[atlas.ground_cell])
        )

    def _part(
        self,
        site: int,
        kind: int,
        cell: Int[np.ndarray, "path"],
        length: Float[np.ndarray, "path"],
        departure: Float[np.ndarray, "path 3"],
        arrival: Float[np.ndarray, "path 3"],
    ) -> PathAtlas:
        """Paths that reach their whole cell without reflection, edge or roof."""
        count, depth = len(cell), self._configuration.depth
        return PathAtlas(
            grid=self._grid,
            materials=self._materials,
            site=np.full(count, site, np.int16),
            ground_cell=cell.astype(np.int32),
            kind=np.full(count, kind, np.int8),
            length=length.astype(np.float64),
            departure=departure.astype(np.float32),
            arrival=arrival.astype(np.float32),
            visible=np.ones(count, np.float32),
            excess_loss_db=np.zeros(count, np.float32),
            normals=np.zeros((count, depth, 3), np.float32),
            material=np.full((count, depth), -1, np.int8),
            wedge=np.full(count, -1, np.int32),
            first_leg=np.zeros(count),
            wedges=self._wedges,
        )
