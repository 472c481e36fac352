"""What is known of each building, beside the meshes: id ↔ triangles, height source and deviation, footprint."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from raylocus.scenes.meshing.scene_mesh import SceneMesh
from raylocus.scenes.triangles import mesh_names
from raylocus.scenes.vector_map import Building

#: Name of the file in a place's folder.
BUILDINGS_FILE = "meshes/buildings.json"


def write_building_records(mesh: SceneMesh, folder: Path) -> None:
    """Writes one record a building: its tags' outcome and its rows in each PLY.

    `triangles` maps a mesh's name to [first, past the last]: within a mesh, a building's triangles follow
    each other. `footprint` is well-known text in the place's frame [m].
    """
    ranges = _triangle_ranges(mesh)
    footprints = shapely.to_wkt([building.footprint for building in mesh.buildings], rounding_precision=6)
    records = [
        {
            "identifier": building.identifier,
            "height": round(building.height, 3),
            "min_height": round(building.min_height, 3),
            "height_source": building.height_source,
            "height_deviation": round(building.height_deviation, 3),
            "wall_material": building.wall_material,
            "roof_material": building.roof_material,
            "roof_shape": building.roof_shape,
            "roof_height": round(building.roof_height, 3),
            "footprint": footprint,
            "triangles": ranges.get(index, {}),
        }
        for index, (building, footprint) in enumerate(zip(mesh.buildings, footprints, strict=True))
    ]
    # All at once, which takes half as long, then a line each: quotes are escaped in strings, so these are none.
    lines = json.dumps(records, sort_keys=True)[1:-1].replace('}, {"', '},\n{"')
    (folder / BUILDINGS_FILE).write_text(f"[\n{lines}\n]\n")


def read_building_records(folder: Path) -> list[dict[str, Any]]:
    """The records of a place; empty where its source was a bare mesh."""
    path = folder / BUILDINGS_FILE
    records: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return records


def read_buildings(folder: Path) -> tuple[Building, ...]:
    """The buildings of a place, as its map had them."""
    names = {each.name for each in dataclasses.fields(Building)} - {"footprint"}
    return tuple(
        Building(
            footprint=shapely.from_wkt(record["footprint"]),
            **{name: value for name, value in record.items() if name in names},
        )
        for record in read_building_records(folder)
    )


def _triangle_ranges(mesh: SceneMesh) -> dict[int, dict[str, list[int]]]:
    ranges: dict[int, dict[str, list[int]]] = {}
    for name, chosen in mesh_names(mesh.triangles).items():
        owner = mesh.building[chosen]
        first = np.flatnonzero(np.diff(owner, prepend=-2))
        past = np.append(first[1:], len(owner))
        for start, stop in zip(first.tolist(), past.tolist(), strict=True):
            if owner[start] >= 0:
                ranges.setdefault(int(owner[start]), {})[name] = [start, stop]
    return ranges
