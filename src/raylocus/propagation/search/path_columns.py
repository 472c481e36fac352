"""From found paths to columns of the atlas, one function a path type that is not specular."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import (
    DIFFRACTED,
    OVER_ROOFTOP,
    REFRACTED,
    SCATTERED,
    SPECULAR,
    PathAtlas,
)
from raylocus.propagation.atlas.weighed_paths import WeighedPaths
from raylocus.propagation.geometry.images import ImagePaths
from raylocus.propagation.geometry.surfaces import Surfaces, Wedges
from raylocus.propagation.materials.knife_edge import knife_edge_loss
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.propagation.search.edges.edge_chains import DiffractedPaths
from raylocus.propagation.search.over_roofs.over_rooftop import RooftopPaths
from raylocus.propagation.search.passed_through import RefractedPaths
from raylocus.propagation.search.scattering import Patches, ScatteredPaths
from raylocus.propagation.search.specular import SpecularPaths
from raylocus.scenes.building_records import BuildingIndex
from raylocus.units import to_decibel

#: Two paths over one roof are the same if they arrive within this angle and this difference of length: the
#: edge of the surface raster is up to a cell away from the wall's.
SAME_ANGLE, SAME_LENGTH = np.deg2rad(10.0), 1.0


@dataclass(frozen=True)
class PathColumns:
    """What the columns of one tile's paths have in common."""

    grid: Grid
    materials: RadioMaterials
    wedges: Wedges
    point: Float[np.ndarray, "ground_cell 3"]
    """UE position of every ground cell [m]."""
    depth: int
    """Most surfaces that a path touches."""
    buildings: BuildingIndex
    """The building of each of the scene's triangles."""
    surfaces: Surfaces
    """Normals and materials of the scene's triangles."""
    ue_height: float
    """Of the points over the terrain [m]."""

    def plain(
        self,
        site: int,
        kind: int,
        cell: Int[np.ndarray, " path"],
        length: Float[np.ndarray, " path"],
        departure: Float[np.ndarray, "path 3"],
        arrival: Float[np.ndarray, "path 3"],
    ) -> PathAtlas:
        """Paths that reach their whole cell and touch nothing."""
        count = len(cell)
        return PathAtlas(
            grid=self.grid,
            materials=self.materials,
            site=np.full(count, site, np.int16),
            ground_cell=cell.astype(np.int32),
            kind=np.full(count, kind, np.int8),
            length=length.astype(np.float64),
            departure=departure.astype(np.float32),
            arrival=arrival.astype(np.float32),
            visible=np.ones(count, np.float32),
            at_centre=np.ones(count, bool),
            excess_loss_db=np.zeros(count, np.float32),
            normals=np.zeros((count, self.depth, 3), np.float32),
            material=np.full((count, self.depth), -1, np.int8),
            building=np.full((count, self.depth), -1, self.buildings.of_triangle.dtype),
            wedge=np.full(count, -1, np.int32),
            before_edge=np.zeros(count, np.int8),
            first_leg=np.zeros(count),
            wedges=self.wedges,
            buildings=self.buildings.key,
            ue_height=self.ue_height,
        )

    def specular(self, site: int, found: SpecularPaths, exact: ImagePaths) -> PathAtlas:
        """Lines of sight and reflections."""
        part = self.plain(site, SPECULAR, found.ground_cell, exact.length, exact.departure, exact.arrival)
        part = self.touching(part, found.triangles, exact.normals)
        return replace(
            part, visible=found.reached.mean(axis=1).astype(np.float32), at_centre=found.reached[:, 0]
        )

    def diffracted(self, site: int, found: DiffractedPaths) -> PathAtlas:
        """Paths over an edge each."""
        part = self.plain(site, DIFFRACTED, found.ground_cell, found.length, found.departure, found.arrival)
        chains = found.chains
        before_edge = (chains.before >= 0).sum(axis=1).astype(np.int8)
        mirrors = np.full(part.material.shape, -1)
        mirrors[:, : chains.before.shape[1]] = chains.before
        path, bounce = np.nonzero(chains.after >= 0)
        mirrors[path, before_edge[path] + bounce] = chains.after[path, bounce]
        normals = np.where(mirrors[..., None] >= 0, self.surfaces.normal[mirrors], 0.0)
        part = self.touching(part, mirrors, normals)
        return replace(
            part, wedge=chains.wedge.astype(np.int32), before_edge=before_edge, first_leg=found.first_leg
        )

    def over_rooftop(
        self,
        site: int,
        cell: Int[np.ndarray, " path"],
        found: RooftopPaths,
        hidden: Float[np.ndarray, " path"],
    ) -> PathAtlas:
        """Paths over the roofs; `hidden` is the share of each cell that has no line of sight."""
        part = self.plain(site, OVER_ROOFTOP, cell, found.length, found.departure, found.arrival)
        # Out of sight, an edge at least touches the line of sight, even where the raster misses it.
        loss = np.maximum(found.loss_db, knife_edge_loss(np.zeros(1)))
        return replace(part, visible=hidden.astype(np.float32), excess_loss_db=loss.astype(np.float32))

    def refracted(self, site: int, position: Float[np.ndarray, "3"], found: RefractedPaths) -> PathAtlas:
        """Straight paths through walls."""
        span = self.point[found.ground_cell] - position
        length = np.linalg.norm(span, axis=1)
        direction = span / length[:, None]
        part = self.plain(site, REFRACTED, found.ground_cell, length, direction, direction)
        passed = found.triangles >= 0
        normals = np.where(passed[..., None], self.surfaces.normal[found.triangles], 0.0)
        return self.touching(part, found.triangles, normals)

    def touching(
        self,
        part: PathAtlas,
        triangles: Int[np.ndarray, "path depth"],
        normals: Float[np.ndarray, "path depth 3"],
    ) -> PathAtlas:
        """The same paths with the triangles that they touch, −1 past the last, and the normals there."""
        touched, building = triangles >= 0, self.buildings.of_triangle
        return replace(
            part,
            normals=normals.astype(np.float32),
            material=np.where(touched, self.surfaces.material[triangles], -1).astype(np.int8),
            building=np.where(touched, building[triangles], -1).astype(building.dtype),
        )

    def scattered(
        self, site: int, position: Float[np.ndarray, "3"], found: ScatteredPaths, patches: Patches
    ) -> PathAtlas:
        """Paths over one patch of a rough wall each."""
        before = patches.position[found.patch] - position
        after = self.point[found.ground_cell] - patches.position[found.patch]
        first_leg, second_leg = np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1)
        length = first_leg + second_leg
        part = self.plain(
            site,
            SCATTERED,
            found.ground_cell,
            length,
            before / first_leg[:, None],
            after / second_leg[:, None],
        )
        part.normals[:, 0] = patches.normal[found.patch]
        part.material[:, 0] = patches.material[found.patch]
        part.building[:, 0] = self.buildings.of_triangle[patches.triangle[found.patch]]
        spreading = -to_decibel(found.gain * length**2)
        return replace(part, first_leg=first_leg, excess_loss_db=spreading.astype(np.float32))


def without_diffracted_twins(
    detours: WeighedPaths, diffracted: WeighedPaths, weakest: float = 0.0
) -> WeighedPaths:
    """The detours but those that a diffracted path already is: one edge, seen from the site, no wall.

    Args:
        detours: paths over the roofs, or around walls to one side: at most one a ground cell.
        diffracted: paths over an edge each.
        weakest: share of a detour's power that the diffracted path must carry.
    """
    ours, theirs = detours.paths, diffracted.paths
    of_cell = np.full(ours.grid.count**2, -1, np.int64)
    of_cell[ours.ground_cell] = np.arange(len(ours.ground_cell))
    other = of_cell[theirs.ground_cell]
    pair = np.flatnonzero((other >= 0) & (theirs.interactions == 0))
    other = other[pair]
    turn = np.einsum("pi,pi->p", theirs.arrival[pair], ours.arrival[other])
    longer = np.abs(theirs.length[pair] - ours.length[other])
    strong = diffracted.power[pair] >= weakest * detours.power[other]
    same = other[(turn > np.cos(SAME_ANGLE)) & (longer < SAME_LENGTH) & strong]
    return detours.select(np.setdiff1d(np.arange(len(ours.ground_cell)), same))
