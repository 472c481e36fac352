"""One world of a place as a place of its own: what truly stands there, to be traced like any other."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import xarray as xr

from raylocus.errors import PlaceError
from raylocus.provenance import Provenance
from raylocus.scenes.building_records import read_buildings
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.ground.terrain import FLAT
from raylocus.scenes.map_errors.buildings import draw_buildings
from raylocus.scenes.map_errors.clutter import draw_cars, draw_trees, with_crowns
from raylocus.scenes.map_errors.ground import draw_terrain, terrain_of_mesh
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.network import draw_network
from raylocus.scenes.map_geometry import mesh_and_maps
from raylocus.scenes.place import Place
from raylocus.scenes.radio_properties import MaterialProperties, SceneMaterials
from raylocus.scenes.triangles import read_place_scene
from raylocus.scenes.vector_map import Building, VectorMap
from raylocus.scenes.world import World, WorldLaw, sample_world
from raylocus.scenes.write_place import SceneContent, write_scene

#: Layers of G that a world shares with its map.
SHARED_LAYERS = ("road", "road_class", "road_distance", "water")


def perturb_place(place: Place, folder: Path, law: MapErrorLaw, seed: int) -> Place:
    """Writes one world of a place: other buildings, ground, clutter, materials and antennas.

    The world keeps the place's tile, grid, site order and PCIs, so that its radio maps lie on the
    place's. Every draw is in its place.json under `world`.

    Args:
        place: the nominal place, built from a map or a generated town.
        folder: where the world is written, whole or not at all.
        law: how wrong the map is.
        seed: decides all draws.

    Raises:
        PlaceError: the place's buildings are not told apart, or it is a world itself.
        StorageFullError: the disk filled up.
    """
    buildings = read_buildings(place.folder)
    if not buildings:
        raise PlaceError(f"the buildings of {place.folder} are not told apart; build the place from a map")
    if place.world:
        raise PlaceError(f"{place.folder} is a world already; give the place that it was drawn from")
    geometry, clutter, antennas, ground = np.random.default_rng(seed).spawn(4)
    maps, grid = place.geometry_maps, place.tile
    free = (maps["footprint"].values == 0) & ~(maps["road"].values > 0) & ~(maps["water"].values > 0)
    carrying = _carries_a_site(buildings, place)
    stand, drawn = draw_buildings(buildings, carrying, free, grid, law, geometry)
    cars = _beside(draw_cars(maps, grid, law, clutter), stand)
    trees = draw_trees(maps, grid, law, clutter)
    triangles = read_place_scene(place.scene_file)
    mapped = terrain_of_mesh(triangles.select(triangles.ground), maps["terrain"].attrs.get("source", FLAT))
    side = float(np.ptp(triangles.vertices[triangles.ground][..., 0]))
    terrain = draw_terrain(mapped, law, ground)
    true_map = VectorMap(place.frame, (*stand, *cars), (), terrain)
    mesh, bare_maps = mesh_and_maps(true_map, side, grid)
    true_maps = _with_shared_layers(bare_maps, place, trees)
    # Buildings differ by their wall's class here; what the classes err by is common to all of one.
    world = sample_world(place.deployment, WorldLaw(severity=law.severity, building_share=0.0), antennas)
    deployment, network = draw_network(place.deployment, (maps, true_maps), grid, law, world, antennas)
    record: dict[str, Any] = {
        "law": dataclasses.asdict(law),
        "seed": seed,
        "of": {"name": place.name, "digest": place.provenance.digest},
        "buildings": dataclasses.asdict(drawn),
        "network": dataclasses.asdict(network),
        "materials": {
            name: {"permittivity_factor": float(permittivity), "conductivity_factor": float(conductivity)}
            for name, permittivity, conductivity in zip(
                MATERIALS, world.permittivity_factor, world.conductivity_factor, strict=True
            )
        },
        "terrain": {"rms_error": float(np.sqrt(np.mean((terrain.height - mapped.height) ** 2)))},
        "cars": [shapely.to_wkt(car.footprint, rounding_precision=2) for car in cars],
        "trees": np.round(trees, 2).tolist(),
    }
    provenance = Provenance.collect({"law": law, "of": record["of"]}, seed, place.provenance.inputs)
    true_place = dataclasses.replace(
        Place(folder, folder.name, place.frame, grid, deployment, provenance),
        notes=(*place.notes, f"a world of {place.name} at severity {law.severity:g}, seed {seed}"),
        attribution=place.attribution,
        materials=_true_materials(place, world),
        world=record,
    )
    write_scene(true_place, SceneContent(mesh, true_maps, place.frame))
    return true_place


def _carries_a_site(buildings: tuple[Building, ...], place: Place) -> frozenset[str]:
    """Buildings under an antenna: they stand, or the site would not."""
    points = shapely.points(place.deployment.site_positions[:, :2])
    tree = shapely.STRtree([building.footprint for building in buildings])
    near = tree.query(points, predicate="dwithin", distance=2.0)[1]
    return frozenset(buildings[index].identifier for index in near)


def _beside(cars: tuple[Building, ...], standing: tuple[Building, ...]) -> tuple[Building, ...]:
    """The cars that no building stands on."""
    if not cars:
        return ()
    tree = shapely.STRtree([building.footprint for building in standing])
    hit = set(tree.query([car.footprint for car in cars], predicate="intersects")[0].tolist())
    return tuple(car for index, car in enumerate(cars) if index not in hit)


def _with_shared_layers(true_maps: xr.Dataset, place: Place, trees: np.ndarray) -> xr.Dataset:
    maps = place.geometry_maps
    crowns = with_crowns(maps["vegetation"].values, trees, place.tile)
    layers: dict[Hashable, xr.DataArray] = {name: maps[name] for name in SHARED_LAYERS}
    layers["vegetation"] = true_maps["vegetation"].copy(data=crowns)
    return true_maps.assign(layers)


def _true_materials(place: Place, world: World) -> SceneMaterials:
    """εr and σ of each class times the world's factors; metal stays metal."""
    if world.law.severity == 0:
        return place.materials
    nominal = place.materials.at(place.deployment.carrier.frequency)
    return SceneMaterials(
        **{
            name: MaterialProperties(
                max(properties.permittivity * float(permittivity), 1.0),
                properties.conductivity * float(conductivity),
                properties.thickness,
            )
            for name, properties, permittivity, conductivity in zip(
                MATERIALS, nominal, world.permittivity_factor, world.conductivity_factor, strict=True
            )
            if name != "metal"
        }
    )
