"""All paths of one site, of every type that is switched on, as columns of the atlas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from raylocus.errors import PlaceError
from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import PathAtlas, reorder
from raylocus.propagation.atlas.weighed_paths import WeighedPaths, joined, weighed_in_pieces
from raylocus.propagation.geometry.surfaces import Surfaces
from raylocus.propagation.geometry.wedges import find_wedges
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.propagation.rays.launcher import RayScene
from raylocus.propagation.rays.pieces import ahead
from raylocus.propagation.search.canopy import Canopy
from raylocus.propagation.search.edges.diffraction import DiffractionSearch, ReachedPairs
from raylocus.propagation.search.edges.edge_scene import EdgeScene
from raylocus.propagation.search.far_columns import far_columns
from raylocus.propagation.search.over_roofs.around_walls import around_paths
from raylocus.propagation.search.over_roofs.far_paths import GroundBetween, far_paths
from raylocus.propagation.search.over_roofs.over_rooftop import over_rooftop_paths
from raylocus.propagation.search.over_roofs.surface_raster import SurfaceRaster
from raylocus.propagation.search.path_columns import PathColumns, without_diffracted_twins
from raylocus.propagation.search.refraction import refracted_paths
from raylocus.propagation.search.scattering import ScatteringSearch
from raylocus.propagation.search.specular import SpecularSearch
from raylocus.propagation.search.verification import PathVerifier
from raylocus.propagation.search.worth_keeping import kept_range_db, worth_keeping
from raylocus.propagation.trace_configuration import TraceConfiguration
from raylocus.scenes.building_records import building_index
from raylocus.scenes.triangles import Triangles
from raylocus.units import from_decibel

#: A path around a thin wall is kept with a diffracted one that carries less than this share of its power: along the
#: face at a wall's end the field over its first edge alone vanishes.
AROUND_SHARE = 0.5


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
        vegetation: Float[np.ndarray, "y x"] | None = None,
    ):
        """Builds the ray scene.

        Args:
            triangles: the scene.
            surface: height of the topmost surface [m].
            terrain: ground height [m].
            grid: grid of both and of the atlas.
            materials: nominal materials at the carrier.
            configuration: how to trace.
            vegetation: 1 under trees; None where there are none.
        """
        self._grid = grid
        self._materials = replace(materials, scattering=configuration.scattering)
        self._configuration = configuration
        ue_surface = terrain + configuration.ue_height
        self._point = np.column_stack([grid.centres, ue_surface.ravel()])
        self._outdoor = (surface <= ue_surface).ravel()
        self._raster = SurfaceRaster(grid, surface, self._outdoor.reshape(grid.shape))
        self._canopy: Canopy | None = None
        if configuration.vegetation and vegetation is not None:
            self._canopy = Canopy(vegetation, terrain, surface, grid)
        surfaces = Surfaces(triangles)
        self._scene = scene = RayScene(surfaces, ue_surface, grid)
        verifier = PathVerifier(scene)
        self._specular = SpecularSearch(scene, verifier, ue_surface, grid, configuration.memory_budget)
        buildings = building_index(triangles)
        wedges = find_wedges(surfaces, buildings.of_triangle)
        self._diffraction = DiffractionSearch(
            EdgeScene(scene, verifier, wedges), self._point, self._outdoor, grid, materials
        )
        depth = max(configuration.depth, 1)
        height = configuration.ue_height
        self._columns = PathColumns(
            grid, self._materials, wedges, self._point, depth, buildings, surfaces, height
        )
        self._scattering: ScatteringSearch | None = None
        if configuration.scattering > 0:
            exponent = configuration.scattering_exponent
            self._scattering = ScatteringSearch(scene, self._point, self._outdoor, exponent)

    def trace(
        self, site: int, position: Float[np.ndarray, "3"], around: SurfaceRaster | None = None
    ) -> PathAtlas:
        """All paths from one site.

        Args:
            site: index of the site, kept in the atlas.
            position: antenna centre [m].
            around: the tile and its margin, for a site that stands there; None for one in the tile.

        Raises:
            PlaceError: the site lies outside the tile and what is around it, or below the topmost surface.
        """
        raster = around or self._raster
        _check(site, position, raster)
        specular = self._specular_part(site, position)
        parts = [specular]
        if self._configuration.diffraction:
            parts += self._diffracted_parts(site, position, specular)
        if self._configuration.over_rooftop:
            parts += self._detours(site, position, parts, raster)
        if self._configuration.refraction:
            parts.append(self._weighed(self._refracted_part(site, position, specular.paths)))
        if self._scattering is not None:
            found = self._scattering.paths(position)
            scattered = self._columns.scattered(site, position, found, self._scattering.patches)
            parts.append(self._weighed(scattered))
        return self._kept(parts)

    def trace_far(self, site: int, position: Float[np.ndarray, "3"], ground: GroundBetween) -> PathAtlas:
        """The paths from a site far outside the tile: straight, off the ground before the UE, or over the roofs."""
        cell = np.flatnonzero(self._outdoor)
        found = far_paths(position, self._point[cell], ground, self._materials.wavelength)
        parts = far_columns(self._columns, site, position, cell, found, self._raster)
        return self._kept([self._weighed(part) for part in parts])

    def _kept(self, parts: list[WeighedPaths]) -> PathAtlas:
        return worth_keeping(self._behind_trees(joined(parts)), self._configuration.dynamic_range_db)

    def _behind_trees(self, found: WeighedPaths) -> WeighedPaths:
        """The same paths with the loss of the crowns in their way."""
        if self._canopy is None:
            return found
        paths = self._canopy.attenuated(found.paths, self._point)
        more = (found.paths.excess_loss_db - paths.excess_loss_db).astype(float)
        return WeighedPaths(paths, (found.power * from_decibel(more)).astype(found.power.dtype))

    def _specular_part(self, site: int, position: Float[np.ndarray, "3"]) -> WeighedPaths:
        settings = self._configuration
        outside = np.maximum(np.abs(position[:2]) - self._grid.size / 2, 0)
        reach = settings.reach * self._grid.size + float(np.linalg.norm(outside))
        generator = self._generator(position)
        found = self._specular.paths(position, settings.depth, reach, settings.rays_per_cell, generator)

        def piece(part: slice) -> WeighedPaths:
            chosen = found.select(part)
            exact = self._specular.exact(position, chosen)
            paths = self._columns.specular(site, chosen, exact)
            return WeighedPaths.of(paths, self._materials)

        return weighed_in_pieces(piece, len(found), settings.memory_budget)

    def _generator(self, position: Float[np.ndarray, "3"]) -> np.random.Generator:
        # Seeded by where the site is, so that neither its number nor the other sites change what it sends.
        words = np.frombuffer(position.astype(np.float64).tobytes(), np.uint32)
        return np.random.default_rng([self._configuration.seed, *words.tolist()])

    def _diffracted_parts(
        self, site: int, position: Float[np.ndarray, "3"], specular: WeighedPaths
    ) -> list[WeighedPaths]:
        mirrors = min(self._configuration.edge_mirrors, self._configuration.depth - 1)
        widest = self._configuration.dynamic_range_db
        strongest, first = specular.strongest_and_first(specular.paths.at_centre)
        parts = []
        # Chains are looked for on one processor, paths over them on all.
        for chains, landings in ahead(self._diffraction.chains(position, mirrors, self._generator(position))):
            weakest = strongest * from_decibel(-kept_range_db(widest, chains.mirrored))
            found = self._diffraction.paths(position, chains, landings, weakest, first)
            parts.append(self._over_edges(site, position, found, weakest, first))
            own = parts[-1].strongest_and_first(parts[-1].paths.visible)
            strongest, first = np.maximum(strongest, own[0]), np.minimum(first, own[1])
        return parts

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
            exact = self._diffraction.exact(position, found, part)
            paths = self._columns.diffracted(site, exact)
            weighed, cell = WeighedPaths.of(paths, self._materials), paths.ground_cell
            return weighed.select(
                np.flatnonzero((weighed.power >= weakest[cell]) | (paths.length < first[cell]))
            )

        return weighed_in_pieces(piece, len(found), self._configuration.memory_budget)

    def _detours(
        self, site: int, position: Float[np.ndarray, "3"], known: list[WeighedPaths], raster: SurfaceRaster
    ) -> list[WeighedPaths]:
        """Paths over the roofs, and left and right around thin walls, but those that are known as over one edge."""
        hidden = 1 - self._seen(known[0].paths)
        cell = np.flatnonzero((hidden > 0) & self._outdoor)
        wavelength = self._materials.wavelength
        found = over_rooftop_paths(position, self._point[cell], raster, wavelength, self._scene)
        detours = [self._columns.over_rooftop(site, cell, found, hidden[cell])]
        for side in around_paths(self._scene, position, self._point[cell], wavelength):
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

    def _refracted_part(self, site: int, position: Float[np.ndarray, "3"], specular: PathAtlas) -> PathAtlas:
        cell = np.flatnonzero(self._seen(specular) == 0)
        crossings = self._configuration.refraction
        found = refracted_paths(self._scene, position, self._point, cell, crossings)
        return self._columns.refracted(site, position, found)

    def _seen(self, specular: PathAtlas) -> Float[np.ndarray, " ground_cell"]:
        """Share of each ground cell in line of sight."""
        seen = np.zeros(len(self._point))
        direct = specular.line_of_sight
        seen[specular.ground_cell[direct]] = specular.visible[direct]
        return seen

    def _weighed(self, paths: PathAtlas) -> WeighedPaths:
        def piece(part: slice) -> WeighedPaths:
            return WeighedPaths.of(reorder(paths, part), self._materials)

        return weighed_in_pieces(piece, len(paths.length), self._configuration.memory_budget)


def _check(site: int, position: Float[np.ndarray, "3"], raster: SurfaceRaster) -> None:
    index = int(raster.grid.index(position))
    if index < 0:
        raise PlaceError(f"site {site} lies outside the tile; move it or the tile")
    if position[2] < raster.height.flat[index]:
        raise PlaceError(f"site {site} is inside a building or below ground; raise its antenna")
