"""Triangles as a Mitsuba scene to shoot at."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int


def mesh_scene(vertices: Float[np.ndarray, "vertex 3"], faces: Int[np.ndarray, "face 3"]) -> Any:
    """A Mitsuba scene of one mesh.

    Args:
        vertices: corners [m].
        faces: three corners of each triangle.
    """
    import mitsuba as mi

    mesh = mi.Mesh("triangles", len(vertices), len(faces))
    parameters = mi.traverse(mesh)
    parameters["vertex_positions"] = vertices.astype(np.float32).ravel()
    parameters["faces"] = faces.astype(np.uint32).ravel()
    parameters.update()
    return mi.load_dict({"type": "scene", "mesh": mesh})
