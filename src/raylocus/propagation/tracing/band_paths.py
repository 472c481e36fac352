"""The paths of one tile's sites in one band: which of those that geometry allows are worth keeping at its frequency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import DIFFRACTED, PathAtlas, reorder
from raylocus.propagation.atlas.weighed_paths import WeighedPaths, joined, weighed_in_pieces
from raylocus.propagation.rays.launcher import RayScene
from raylocus.propagation.search.edges.diffraction import DiffractionSearch, ReachedPairs
from raylocus.propagation.search.edges.edge_chains import EdgeChains
from raylocus.propagation.search.edges.edge_cones import Landings
from raylocus.propagation.search.far_sites import far_columns
from raylocus.propagation.search.over_roofs.around_walls import around_paths
from raylocus.propagation.search.over_roofs.over_rooftop import GroundBetween, far_paths, over_rooftop_paths
from raylocus.propagation.search.over_roofs.profiles import SurfaceRaster
from raylocus.propagation.search.passed_through import Canopy, refracted_paths
from raylocus.propagation.search.path_columns import PathColumns, without_diffracted_twins
from raylocus.propagation.search.scattering import ScatteredPaths, ScatteringSearch
from raylocus.propagation.search.specular import SpecularPaths, SpecularSearch
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.units import from_decibel

#: Paths over an edge and mirrors this far below a ground cell's strongest are left out [dB]: they are two thirds of
#: all paths and together 0.05 dB of a cell's power.
MIRRORED_RANGE_DB = 20.0
#: A path around a thin wall is kept with a diffracted one that carries less than this share of its power: along the
#: face at a wall's end the field over its first edge alone vanishes.
AROUND_SHARE = 0.5
#: Of each ground cell the most power, and the least length [m], of the paths known so far.
Known = tuple[Float[np.ndarray, " ground_cell"], Float[np.ndarray, " ground_cell"]]


def kept_range_db(widest: float, mirrored_edge: bool) -> float:
    """How far below a cell's strongest path one over an edge and mirrors, or any other, is kept [dB]."""
    return min(MIRRORED_RANGE_DB, widest) if mirrored_edge else widest


def worth_keeping(found: WeighedPaths, widest: float) -> PathAtlas:
    """Paths within the range of `widest` dB of their ground cell's strongest and its first arrival, sorted by cell."""
    paths, power = found.paths, found.power * found.paths.visible
    strongest, first = found.strongest_and_first(paths.visible)
    mirrored = (paths.kind == DIFFRACTED) & (paths.interactions > 0)
    weakest = strongest[paths.ground_cell] * from_decibel(
        -np.where(mirrored, kept_range_db(widest, True), kept_range_db(widest, False))
    )
    worth = np.flatnonzero((power >= weakest) | (paths.length <= first[paths.ground_cell]))
    return reorder(paths, worth[np.argsort(paths.ground_cell[worth], kind="stable")])


@dataclass(frozen=True)
class TracedTile:
    """What all bands of a tile have in common."""

    configuration: TraceConfiguration
    grid: Grid
    scene: RayScene
    point: Float[np.ndarray, "ground_cell 3"]
    """UE position of every ground cell [m]."""
    outdoor: Bool[np.ndarray, " ground_cell"]
    raster: SurfaceRaster
    canopy: Canopy | None
    specular: SpecularSearch
    scattering: ScatteringSearch | None


class BandPaths:
    """One tile in one band."""

    def __init__(self, tile: TracedTile, columns: PathColumns, diffraction: DiffractionSearch):
        """Keeps what paths are made with.

        Args:
            tile: what the bands share.
            columns: with the band's materials.
            diffraction: search with the band's materials.
        """
        self._tile, self._columns, self._materials = tile, columns, columns.materials
        self._configuration = tile.configuration
        self.diffraction = diffraction

    def specular(self, site: int, position: Float[np.ndarray, "3"], found: SpecularPaths) -> WeighedPaths:
        """The specular paths found from a site [m]."""

        def piece(part: slice) -> WeighedPaths:
            chosen = found.select(part)
            exact = self._tile.specular.exact(position, chosen)
            paths = self._columns.specular(site, chosen, exact)
            return WeighedPaths.of(paths, self._materials)

        return weighed_in_pieces(piece, len(found), self._configuration.memory_budget)

    def diffracted(
        self,
        site: int,
        position: Float[np.ndarray, "3"],
        chains: tuple[EdgeChains, Landings | None],
        known: Known,
    ) -> tuple[WeighedPaths, Known]:
        """Paths over chains of edges and mirrors that are wanted next to those known, and what is known then."""
        weakest = known[0] * from_decibel(
            -kept_range_db(self._configuration.dynamic_range_db, chains[0].mirrored)
        )
        found = self.diffraction.paths(position, *chains, weakest, known[1])
        wanted = self._over_edges(site, position, found, weakest, known[1])
        strongest, first = wanted.strongest_and_first(wanted.paths.visible)
        return wanted, (np.maximum(known[0], strongest), np.minimum(known[1], first))

    def _over_edges(
        self,
        site: int,
        position: Float[np.ndarray, "3"],
        found: ReachedPairs,
        weakest: Float[np.ndarray, " ground_cell"],
        first: Float[np.ndarray, " ground_cell"],
    ) -> WeighedPaths:
        """Those of the paths found that are wanted; the search knows a bound of the field only."""

        def piece(part: slice) -> WeighedPaths:
            exact = self.diffraction.exact(position, found, part)
            paths = self._columns.diffracted(site, exact)
            weighed, cell = WeighedPaths.of(paths, self._materials), paths.ground_cell
            return weighed.select(
                np.flatnonzero((weighed.power >= weakest[cell]) | (paths.length < first[cell]))
            )

        return weighed_in_pieces(piece, len(found), self._configuration.memory_budget)

    def detours(
        self, site: int, position: Float[np.ndarray, "3"], known: list[WeighedPaths], raster: SurfaceRaster
    ) -> list[WeighedPaths]:
        """Paths over the roofs, and left and right around thin walls, but those that are known as over one edge."""
        hidden = 1 - self._seen(known[0].paths)
        cell = np.flatnonzero((hidden > 0) & self._tile.outdoor)
        wavelength = self._materials.wavelength
        found = over_rooftop_paths(position, self._tile.point[cell], raster, wavelength, self._tile.scene)
        detours = [self._columns.over_rooftop(site, cell, found, hidden[cell])]
        for side in around_paths(self._tile.scene, position, self._tile.point[cell], wavelength):
            around = cell[side.cell]
            detours.append(self._columns.over_rooftop(site, around, side.paths, hidden[around]))
        weighed = [self._weighed(each) for each in detours]
        if len(known) == 1:
            return weighed
        diffracted, weakest = joined(known[1:]), (0.0, AROUND_SHARE, AROUND_SHARE)
        return [
            without_diffracted_twins(each, diffracted, share)
            for each, share in zip(weighed, weakest, strict=True)
        ]

    def refracted(self, site: int, position: Float[np.ndarray, "3"], specular: PathAtlas) -> WeighedPaths:
        """Straight paths through walls and roofs to ground cells out of sight."""
        cell = np.flatnonzero(self._seen(specular) == 0)
        tile, crossings = self._tile, self._configuration.refraction
        found = refracted_paths(tile.scene, position, tile.point, cell, crossings)
        return self._weighed(self._columns.refracted(site, position, found))

    def scattered(self, site: int, position: Float[np.ndarray, "3"], found: ScatteredPaths) -> WeighedPaths:
        """Paths off rough walls."""
        assert self._tile.scattering is not None
        patches = self._tile.scattering.patches
        return self._weighed(self._columns.scattered(site, position, found, patches))

    def far(self, site: int, position: Float[np.ndarray, "3"], ground: GroundBetween) -> PathAtlas:
        """The paths from a site far outside the tile: straight, off the ground before the UE, or over the roofs."""
        cell = np.flatnonzero(self._tile.outdoor)
        found = far_paths(position, self._tile.point[cell], ground, self._materials.wavelength)
        parts = far_columns(self._columns, site, position, cell, found, self._tile.raster)
        return self.kept([self._weighed(part) for part in parts])

    def kept(self, parts: list[WeighedPaths]) -> PathAtlas:
        """Those of all parts that are worth keeping, behind the trees in their way."""
        return worth_keeping(self._behind_trees(joined(parts)), self._configuration.dynamic_range_db)

    def _behind_trees(self, found: WeighedPaths) -> WeighedPaths:
        """The same paths with the loss of the crowns in their way."""
        if self._tile.canopy is None:
            return found
        paths = self._tile.canopy.attenuated(found.paths, self._tile.point)
        more = (found.paths.excess_loss_db - paths.excess_loss_db).astype(float)
        return WeighedPaths(paths, (found.power * from_decibel(more)).astype(found.power.dtype))

    def _seen(self, specular: PathAtlas) -> Float[np.ndarray, " ground_cell"]:
        """Share of each ground cell in line of sight."""
        seen = np.zeros(len(self._tile.point))
        direct = specular.line_of_sight
        seen[specular.ground_cell[direct]] = specular.visible[direct]
        return seen

    def _weighed(self, paths: PathAtlas) -> WeighedPaths:
        def piece(part: slice) -> WeighedPaths:
            return WeighedPaths.of(reorder(paths, part), self._materials)

        return weighed_in_pieces(piece, len(paths.length), self._configuration.memory_budget)
