"""`params.json` of a DeepMIMO 4 scenario: how a place was traced, its transmitters and receivers, its materials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from raylocus.datasets.exchange.scenario import DEEPMIMO_VERSION
from raylocus.propagation.atlas.atlas import DIFFRACTED, OVER_ROOFTOP, REFRACTED, SCATTERED
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.place import place_record
from raylocus.scenes.triangles import mesh_names, read_place_scene


def write_scene(scene_file: Path, folder: Path) -> dict[str, int | str]:
    """Writes the meshes of a place's Mitsuba scene into a scenario folder.

    Files: `vertices.npz` with all corners [m] once, `faces.npz` and `materials.npz` with the corners and
    the material of every triangle, one array an object, and `objects.json` with the objects' names.

    Returns:
        The scene's entry in `params.json`.
    """
    triangles = read_place_scene(scene_file)
    corners = triangles.vertices.reshape(-1, 3).astype(np.float32)
    vertices, index = np.unique(corners, axis=0, return_inverse=True)
    faces_of = index.reshape(-1, 3).astype(np.int32)
    meshes = mesh_names(triangles)
    chosen = {str(number): mesh for number, mesh in enumerate(meshes.values())}
    objects = [
        {
            "name": name,
            "label": "terrain" if name.startswith("terrain") else "buildings",
            "id": number,
            "mesh_key": str(number),
        }
        for number, name in enumerate(meshes)
    ]
    np.savez_compressed(folder / "vertices.npz", vertices=vertices)
    for name, of_triangle in (("faces", faces_of), ("materials", triangles.material.astype(np.int32))):
        of_object: dict[str, Any] = {key: of_triangle[mesh] for key, mesh in chosen.items()}
        np.savez_compressed(folder / f"{name}.npz", **of_object)
    (folder / "objects.json").write_text(json.dumps(objects, indent=2))
    return {
        "num_scenes": 1,
        "n_objects": len(objects),
        "n_vertices": len(vertices),
        "n_faces": len(faces_of),
        "n_triangular_faces": len(faces_of),
        "representation": "mesh",
    }


def scenario_parameters(place: TracedPlace, receivers: int, active: int) -> dict[str, Any]:
    """All of `params.json` but the scene's entry.

    The place's record goes along under `raylocus`; `active` of the receivers are reached by a path.
    """
    sites = len(place.deployment.sites)
    return {
        "version": DEEPMIMO_VERSION,
        "rt_params": _tracing(place),
        "txrx_sets": {
            "txrx_set_0": _point_set("sites", 0, sites, sites),
            "txrx_set_1": _point_set("receivers", 1, receivers, active),
        },
        "materials": {f"material_{index}": _material(place, index) for index in range(len(MATERIALS))},
        "raylocus": {"place": place_record(place)},
    }


def _tracing(place: TracedPlace) -> dict[str, Any]:
    kinds, depth = place.atlas.kind, place.atlas.material.shape[1]
    bent, scattered = bool(np.isin(kinds, (DIFFRACTED, OVER_ROOFTOP)).any()), bool((kinds == SCATTERED).any())
    return {
        "raytracer_name": "raylocus",
        "raytracer_version": place.provenance.versions.get("raylocus", ""),
        "frequency": place.atlas.materials.frequency,
        "max_path_depth": depth,
        "max_reflections": depth,
        "max_diffractions": int(bent),
        "max_scattering": int(scattered),
        "max_transmissions": depth if (kinds == REFRACTED).any() else 0,
        "diffuse_reflections": 0,
        "diffuse_diffractions": 0,
        "diffuse_transmissions": 0,
        "diffuse_final_interaction_only": True,
        "diffuse_random_phases": scattered,
        "terrain_reflection": True,
        "terrain_diffraction": False,
        "terrain_scattering": False,
        "num_rays": -1,
        "ray_casting_method": "by ground area",
        "synthetic_array": True,
        "ray_casting_range_az": 360.0,
        "ray_casting_range_el": 180.0,
        "gps_bbox": _box(place),
        "raw_params": {},
    }


def _box(place: TracedPlace) -> list[float]:
    """South, west, north and east edge [degrees]; zeros, as in DeepMIMO, where the place is not georeferenced."""
    if not place.frame.georeferenced:
        return [0.0, 0.0, 0.0, 0.0]
    half = place.tile.size / 2
    latitude, longitude = place.frame.to_wgs84(np.array([[-half, -half], [half, half]]))
    return [float(latitude[0]), float(longitude[0]), float(latitude[1]), float(longitude[1])]


def _material(place: TracedPlace, index: int) -> dict[str, Any]:
    materials = place.atlas.materials
    return {
        "id": index,
        "name": MATERIALS[index],
        "permittivity": float(materials.permittivity[index]),
        "conductivity": float(materials.conductivity[index]),
        "scattering_model": "none" if materials.scattering == 0 else "lambertian",
        "scattering_coefficient": materials.scattering,
        "cross_polarization_coefficient": 0.0,
        "thickness": float(np.broadcast_to(materials.thickness, len(MATERIALS))[index]),
    }


def _point_set(name: str, number: int, points: int, active: int) -> dict[str, Any]:
    return {
        "name": name,
        "id_orig": number,
        "id": number,
        "is_tx": number == 0,
        "is_rx": number == 1,
        "num_points": points,
        "num_active_points": active,
        "num_ant": 1,
        "dual_pol": False,
        "ant_rel_positions": [[0, 0, 0]],
        "array_orientation": [0, 0, 0],
        "grid_spacing": None,
    }
