"""All paths of one site, of every type that is switched on, as columns of the atlas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from raylocus.errors import PlaceError
from raylocus.execution.side_by_side import ahead
from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.atlas.weighed_paths import BYTES_PER_FIELD, WeighedPaths
from raylocus.propagation.geometry.surfaces import Surfaces, find_wedges
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.propagation.rays.launcher import RayScene
from raylocus.propagation.rays.pieces import piece_length
from raylocus.propagation.search.edges.diffraction import DiffractionSearch
from raylocus.propagation.search.edges.edge_scene import EdgeScene
from raylocus.propagation.search.over_roofs.over_rooftop import GroundBetween
from raylocus.propagation.search.over_roofs.profiles import SurfaceRaster
from raylocus.propagation.search.passed_through import Canopy
from raylocus.propagation.search.path_columns import PathColumns
from raylocus.propagation.search.scattering import ScatteringSearch
from raylocus.propagation.search.specular import PathVerifier, SpecularPaths, SpecularSearch
from raylocus.propagation.tracing.band_paths import BandPaths, TracedTile
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.building_records import building_index
from raylocus.scenes.triangles import Triangles


class SiteTracer:
    """Traces the sites of one tile; the scene is built once, and rays are launched once for all bands."""

    def __init__(
        self,
        triangles: Triangles,
        surface: Float[np.ndarray, "y x"],
        terrain: Float[np.ndarray, "y x"],
        grid: Grid,
        materials: RadioMaterials | Sequence[RadioMaterials],
        configuration: TraceConfiguration,
        vegetation: Float[np.ndarray, "y x"] | None = None,
    ):
        """Builds the ray scene.

        Args:
            triangles: the scene.
            surface: height of the topmost surface [m].
            terrain: ground height [m].
            grid: grid of both and of the atlas.
            materials: nominal materials at the carrier, or at each of several.
            configuration: how to trace.
            vegetation: 1 under trees; None where there are none.

        Raises:
            MemoryBudgetError: the budget does not hold one path.
        """
        # Said before rays are launched: in pieces of one ray each that alone would take minutes.
        piece_length(configuration.memory_budget, BYTES_PER_FIELD, "one path")
        bands = [materials] if isinstance(materials, RadioMaterials) else materials
        ue_surface = terrain + configuration.ue_height
        point = np.column_stack([grid.centres, ue_surface.ravel()])
        outdoor = (surface <= ue_surface).ravel()
        surfaces = Surfaces(triangles)
        scene = RayScene(surfaces, ue_surface, grid)
        verifier = PathVerifier(scene)
        buildings = building_index(triangles)
        wedges = find_wedges(surfaces, buildings.of_triangle)
        wooded = configuration.vegetation and vegetation is not None
        exponent = configuration.scattering_exponent
        self._tile = TracedTile(
            configuration,
            grid,
            scene,
            point,
            outdoor,
            SurfaceRaster(grid, surface, outdoor.reshape(grid.shape)),
            Canopy(vegetation, terrain, surface, grid) if wooded and vegetation is not None else None,
            SpecularSearch(scene, verifier, ue_surface, grid, configuration.memory_budget),
            ScatteringSearch(scene, point, outdoor, exponent) if configuration.scattering > 0 else None,
        )
        edges, depth = EdgeScene(scene, verifier, wedges), max(configuration.depth, 1)
        rough = [replace(each, scattering=configuration.scattering) for each in bands]
        self._bands = [
            BandPaths(
                self._tile,
                PathColumns(grid, each, wedges, point, depth, buildings, surfaces, configuration.ue_height),
                DiffractionSearch(edges, point, outdoor, grid, given),
            )
            for each, given in zip(rough, bands, strict=True)
        ]

    def trace(
        self, site: int, position: Float[np.ndarray, "3"], around: SurfaceRaster | None = None
    ) -> PathAtlas:
        """`trace_bands` of the first band."""
        return self.trace_bands(site, position, around)[0]

    def trace_bands(
        self, site: int, position: Float[np.ndarray, "3"], around: SurfaceRaster | None = None
    ) -> list[PathAtlas]:
        """All paths from one site, in each band.

        Args:
            site: index of the site, kept in the atlas.
            position: antenna centre [m].
            around: the tile and its margin, for a site that stands there; None for one in the tile.

        Raises:
            PlaceError: the site lies outside the tile and what is around it, or below the topmost surface.
        """
        raster, settings = around or self._tile.raster, self._tile.configuration
        _check(site, position, raster)
        launched = self._launched(position)
        specular = [band.specular(site, position, launched) for band in self._bands]
        parts = [[each] for each in specular]
        if settings.diffraction:
            self._add_diffracted(site, position, parts)
        scattering = self._tile.scattering
        scattered = None if scattering is None else scattering.paths(position)
        for band, own in zip(self._bands, parts, strict=True):
            if settings.over_rooftop:
                own.extend(band.detours(site, position, own, raster))
            if settings.refraction:
                own.append(band.refracted(site, position, own[0].paths))
            if scattered is not None:
                own.append(band.scattered(site, position, scattered))
        return [band.kept(own) for band, own in zip(self._bands, parts, strict=True)]

    def trace_far(self, site: int, position: Float[np.ndarray, "3"], ground: GroundBetween) -> PathAtlas:
        """`trace_far_bands` of the first band."""
        return self.trace_far_bands(site, position, ground)[0]

    def trace_far_bands(
        self, site: int, position: Float[np.ndarray, "3"], ground: GroundBetween
    ) -> list[PathAtlas]:
        """The paths from a site far outside the tile, in each band."""
        return [band.far(site, position, ground) for band in self._bands]

    def _launched(self, position: Float[np.ndarray, "3"]) -> SpecularPaths:
        """What the rays from a site find; at every frequency the same."""
        settings, tile = self._tile.configuration, self._tile
        outside = np.maximum(np.abs(position[:2]) - tile.grid.size / 2, 0)
        reach = settings.reach * tile.grid.size + float(np.linalg.norm(outside))
        generator = self._generator(position)
        return tile.specular.paths(position, settings.depth, reach, settings.rays_per_cell, generator)

    def _generator(self, position: Float[np.ndarray, "3"]) -> np.random.Generator:
        # Seeded by where the site is, so that neither its number nor the other sites change what it sends.
        words = np.frombuffer(position.astype(np.float64).tobytes(), np.uint32)
        return np.random.default_rng([self._tile.configuration.seed, *words.tolist()])

    def _add_diffracted(
        self, site: int, position: Float[np.ndarray, "3"], parts: list[list[WeighedPaths]]
    ) -> None:
        """Adds the paths over edges to the specular ones of each band."""
        settings = self._tile.configuration
        mirrors = min(settings.edge_mirrors, settings.depth - 1)
        known = [own[0].strongest_and_first(own[0].paths.at_centre) for own in parts]
        search = self._bands[0].diffraction
        # Chains are looked for on one processor, paths over them on all.
        for chains in ahead(search.chains(position, mirrors, self._generator(position))):
            for number, band in enumerate(self._bands):
                found, known[number] = band.diffracted(site, position, chains, known[number])
                parts[number].append(found)


def _check(site: int, position: Float[np.ndarray, "3"], raster: SurfaceRaster) -> None:
    index = int(raster.grid.index(position))
    if index < 0:
        raise PlaceError(f"site {site} lies outside the tile; move it or the tile")
    if position[2] < raster.height.flat[index]:
        raise PlaceError(f"site {site} is inside a building or below ground; raise its antenna")
