"""The geometry of a place as the scene of a DeepMIMO 4 scenario: a triangle mesh, one object a material."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

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
    np.savez_compressed(folder / "faces.npz", **{key: faces_of[mesh] for key, mesh in chosen.items()})
    np.savez_compressed(
        folder / "materials.npz",
        **{key: triangles.material[mesh].astype(np.int32) for key, mesh in chosen.items()},
    )
    (folder / "objects.json").write_text(json.dumps(objects, indent=2))
    return {
        "num_scenes": 1,
        "n_objects": len(objects),
        "n_vertices": len(vertices),
        "n_faces": len(faces_of),
        "n_triangular_faces": len(faces_of),
        "representation": "mesh",
    }
