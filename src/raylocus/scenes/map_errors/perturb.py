"""A place as it may truly stand where its map errs, as a place of its own to be traced like any other."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import xarray as xr
from jaxtyping import Float

from raylocus.errors import PlaceError
from raylocus.provenance import Provenance
from raylocus.scenes.building_records import read_buildings
from raylocus.scenes.ground.terrain import FLAT
from raylocus.scenes.map_errors.buildings import BuildingErrors, draw_buildings
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.surroundings import (
    draw_cars,
    draw_sites,
    draw_terrain,
    draw_trees,
    terrain_of_mesh,
    with_crowns,
)
from raylocus.scenes.map_geometry import mesh_and_maps
from raylocus.scenes.place import Place, load_place
from raylocus.scenes.triangles import read_place_scene
from raylocus.scenes.vector_map import Building, Terrain, VectorMap
from raylocus.scenes.write_place import SceneContent, write_scene

#: Layers of G that a perturbed place shares with its map.
SHARED_LAYERS = ("road", "road_class", "road_distance", "water")


@dataclass(frozen=True)
class DrawnPlace:
    """What stands at a place, as drawn once."""

    buildings: tuple[Building, ...]
    errors: BuildingErrors
    cars: tuple[Building, ...]
    trees: Float[np.ndarray, "tree 2"]
    """Positions (x, y) of trees that the map does not know [m]."""
    terrain: Terrain
    terrain_error: float
    """Root mean square of true minus mapped height of the ground [m]."""
    side: float
    """Side of the mesh [m]."""


def perturb_place(place: Place, folder: Path, law: MapErrorLaw, seed: int) -> Place:
    """Writes a place as it may truly stand: other buildings, ground, clutter and site positions than mapped.

    It keeps the place's tile, grid, site order, antennas, materials and PCIs, so that its radio maps lie on
    the place's. Every draw is in its place.json under `map_error`.

    Args:
        place: the place as mapped, built from a map or a generated town.
        folder: where the perturbed place is written, whole or not at all.
        law: how wrong the map is.
        seed: decides all draws.

    Raises:
        PlaceError: the place's buildings are not separate, or it is a perturbed place itself.
        StorageFullError: the disk filled up.
    """
    buildings = read_buildings(place.folder)
    if not buildings:
        raise PlaceError(f"the buildings of {place.folder} are not separate; build the place from a map")
    if place.map_error:
        raise PlaceError(
            f"{place.folder} is a perturbed place already; give the place that it was drawn from"
        )
    on_ground, clutter, at_sites, below = np.random.default_rng(seed).spawn(4)
    ground = _draw_ground(place, buildings, law, (on_ground, clutter, below))
    true_map = VectorMap(place.frame, (*ground.buildings, *ground.cars), (), ground.terrain)
    mesh, bare_maps = mesh_and_maps(true_map, ground.side, place.tile)
    maps = _with_shared_layers(bare_maps, place, ground.trees)
    deployment = draw_sites(place.deployment, (place.geometry_maps, maps), place.tile, law, at_sites)
    record = _record(place, law, seed, ground, deployment.site_positions)
    true_place = dataclasses.replace(
        place,
        folder=folder,
        name=folder.name,
        deployment=deployment,
        provenance=Provenance.collect({"law": law, "of": record["of"]}, seed, place.provenance.inputs),
        notes=(*place.notes, f"{place.name} with map errors of severity {law.severity:g}, seed {seed}"),
        map_error=record,
    )
    write_scene(true_place, SceneContent(mesh, maps, place.frame, surroundings=place.surroundings))
    return true_place


def perturbed_place(mapped: Path, folder: Path, law: MapErrorLaw, seed: int) -> None:
    """Writes `perturb_place` of a place folder unless it is there. Raises as that does."""
    if not is_perturbed(mapped, folder, law, seed):
        perturb_place(load_place(mapped), folder, law, seed)


def is_perturbed(mapped: Path, folder: Path, law: MapErrorLaw, seed: int) -> bool:
    """Whether a folder holds this draw of a place as it is mapped now."""
    try:
        drawn, nominal = load_place(folder).map_error, load_place(mapped).provenance.digest
    except PlaceError:
        return False
    made_from = (drawn.get("law"), drawn.get("seed"), drawn.get("of", {}).get("digest"))
    return made_from == (json.loads(json.dumps(dataclasses.asdict(law))), seed, nominal)


def _draw_ground(
    place: Place,
    buildings: tuple[Building, ...],
    law: MapErrorLaw,
    generators: tuple[np.random.Generator, np.random.Generator, np.random.Generator],
) -> DrawnPlace:
    """Buildings, clutter and terrain, each from a generator of its own."""
    on_ground, clutter, below = generators
    maps, grid = place.geometry_maps, place.tile
    free = (maps["footprint"].values == 0) & ~(maps["road"].values > 0) & ~(maps["water"].values > 0)
    stand, errors = draw_buildings(buildings, _carries_a_site(buildings, place), free, grid, law, on_ground)
    cars = _clear_of(draw_cars(maps, grid, law, clutter), stand)
    trees = draw_trees(maps, grid, law, clutter)
    triangles = read_place_scene(place.scene_file)
    mapped = terrain_of_mesh(triangles.select(triangles.ground), maps["terrain"].attrs.get("source", FLAT))
    side = float(np.ptp(triangles.vertices[triangles.ground][..., 0]))
    terrain = draw_terrain(mapped, law, below)
    error = float(np.sqrt(np.mean((terrain.height - mapped.height) ** 2)))
    return DrawnPlace(stand, errors, cars, trees, terrain, error, side)


def _record(
    place: Place, law: MapErrorLaw, seed: int, ground: DrawnPlace, positions: Float[np.ndarray, "site 3"]
) -> dict[str, Any]:
    """Every draw, as plain JSON."""
    moved = positions - place.deployment.site_positions
    return {
        "law": dataclasses.asdict(law),
        "seed": seed,
        "of": {"name": place.name, "digest": place.provenance.digest},
        "buildings": dataclasses.asdict(ground.errors),
        "sites": {"position": np.round(moved, 3).tolist()},
        "terrain": {"rms_error": ground.terrain_error},
        "cars": [shapely.to_wkt(car.footprint, rounding_precision=2) for car in ground.cars],
        "trees": np.round(ground.trees, 2).tolist(),
    }


def _carries_a_site(buildings: tuple[Building, ...], place: Place) -> frozenset[str]:
    """Buildings under an antenna: they stand, or the site would not."""
    points = shapely.points(place.deployment.site_positions[:, :2])
    tree = shapely.STRtree([building.footprint for building in buildings])
    near = tree.query(points, predicate="dwithin", distance=2.0)[1]
    return frozenset(buildings[index].identifier for index in near)


def _clear_of(cars: tuple[Building, ...], standing: tuple[Building, ...]) -> tuple[Building, ...]:
    """The cars that no building stands on."""
    if not cars:
        return ()
    tree = shapely.STRtree([building.footprint for building in standing])
    hit = set(tree.query([car.footprint for car in cars], predicate="intersects")[0].tolist())
    return tuple(car for index, car in enumerate(cars) if index not in hit)


def _with_shared_layers(
    true_maps: xr.Dataset, place: Place, trees: Float[np.ndarray, "tree 2"]
) -> xr.Dataset:
    maps = place.geometry_maps
    crowns = with_crowns(maps["vegetation"].values, trees, place.tile)
    layers: dict[Hashable, xr.DataArray] = {name: maps[name] for name in SHARED_LAYERS}
    layers["vegetation"] = true_maps["vegetation"].copy(data=crowns)
    return true_maps.assign(layers)
