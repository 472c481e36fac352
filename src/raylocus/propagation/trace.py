"""All paths of one site, of every type that is switched on, as columns of the atlas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from raylocus.errors import PlaceError
from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import DIFFRACTED, PathAtlas, reorder
from raylocus.propagation.atlas.weighed_paths import WeighedPaths, joined, weighed_in_pieces
from raylocus.propagation.geometry.surfaces import Surfaces
from raylocus.propagation.geometry.wedges import find_wedges
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.propagation.rays.launcher import RayScene
from raylocus.propagation.rays.pieces import ahead
from raylocus.propagation.search.canopy import Canopy
from raylocus.propagation.search.edges.diffraction import DiffractionSearch, ReachedPairs
from raylocus.propagation.search.edges.edge_scene import EdgeScene
from raylocus.propagation.search.over_roofs.around_walls import around_paths
from raylocus.propagation.search.over_roofs.over_rooftop import over_rooftop_paths
from raylocus.propagation.search.over_roofs.surface_raster import SurfaceRaster
from raylocus.propagation.search.path_columns import PathColumns, without_diffracted_twins
from raylocus.propagation.search.refraction import refracted_paths
from raylocus.propagation.search.scattering import ScatteringSearch
from raylocus.propagation.search.specular import SpecularSearch
from raylocus.propagation.search.verification import PathVerifier
from raylocus.propagation.trace_configuration import TraceConfiguration
from raylocus.scenes.building_records import building_index
from raylocus.scenes.triangles import Triangles
from raylocus.units import from_decibel

#: Paths over an edge and mirrors this far below a ground cell's strongest are left out [dB]: they are two thirds of
#: all paths and together 0.05 dB of a cell's power.
MIRRORED_RANGE_DB = 20.0
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
        self._surface, self._grid = surface, grid
        self._materials = replace(materials, scattering=configuration.scattering)
        self._configuration = configuration
        ue_surface = terrain + configuration.ue_height
        self._point = np.column_stack([grid.centres, ue_surface.ravel()])
        self._outdoor = (surface <= ue_surface).ravel()
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
        if self._configuration.diffraction:
            parts += self._diffracted_parts(site, position, specular)
        if self._configuration.over_rooftop:
            parts += self._detours(site, position, parts)
        if self._configuration.refraction:
            parts.append(self._weighed(self._refracted_part(site, position, specular.paths)))
        if self._scattering is not None:
            found = self._scattering.paths(position)
            scattered = self._columns.scattered(site, position, found, self._scattering.patches)
            parts.append(self._weighed(scattered))
        return self._worth_keeping(self._behind_trees(joined(parts)))

    def _behind_trees(self, found: WeighedPaths) -> WeighedPaths:
        """The same paths with the loss of the crowns in their way."""
        if self._canopy is None:
            return found
        paths = self._canopy.attenuated(found.paths, self._point)
        more = (found.paths.excess_loss_db - paths.excess_loss_db).astype(float)
        return WeighedPaths(paths, (found.power * from_decibel(more)).astype(found.power.dtype))

    def _check(self, site: int, position: Float[np.ndarray, "3"]) -> None:
        index = int(self._grid.index(position))
        if index < 0:
            raise PlaceError(f"site {site} lies outside the tile; move it or the tile")
        if position[2] < self._surface.flat[index]:
            raise PlaceError(f"site {site} is inside a building or below ground; raise its antenna")

    def _specular_part(self, site: int, position: Float[np.ndarray, "3"]) -> WeighedPaths:
        settings = self._configuration
        reach = settings.reach * self._grid.size
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
        strongest, first = specular.strongest_and_first(specular.paths.at_centre)
        parts = []
        # Chains are looked for on one processor, paths over them on all.
        for chains, landings in ahead(self._diffraction.chains(position, mirrors, self._generator(position))):
            weakest = strongest * from_decibel(-self._range_db(chains.mirrored))
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
        self, site: int, position: Float[np.ndarray, "3"], known: list[WeighedPaths]
    ) -> list[WeighedPaths]:
        """Paths over the roofs, and left and right around thin walls, but those that are known as over one edge."""
        hidden = 1 - self._seen(known[0].paths)
        cell = np.flatnonzero((hidden > 0) & self._outdoor)
        raster = SurfaceRaster(self._grid, self._surface, self._outdoor.reshape(self._grid.shape))
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

    def _range_db(self, mirrored_edge: bool) -> float:
        """How far below a cell's strongest path one over an edge and mirrors, or any other, is kept [dB]."""
        widest = self._configuration.dynamic_range_db
        return min(MIRRORED_RANGE_DB, widest) if mirrored_edge else widest

    def _worth_keeping(self, found: WeighedPaths) -> PathAtlas:
        """Paths within the dynamic range of their ground cell's strongest and its first arrival, sorted by cell."""
        paths, power = found.paths, found.power * found.paths.visible
        strongest, first = found.strongest_and_first(paths.visible)
        mirrored = (paths.kind == DIFFRACTED) & (paths.interactions > 0)
        weakest = strongest[paths.ground_cell] * from_decibel(
            -np.where(mirrored, self._range_db(True), self._range_db(False))
        )
        worth = np.flatnonzero((power >= weakest) | (paths.length <= first[paths.ground_cell]))
        return reorder(paths, worth[np.argsort(paths.ground_cell[worth], kind="stable")])
