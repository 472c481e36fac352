"""Which paths over edges Sionna's PathSolver never lists, so that a comparison can leave them out."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from raylocus.propagation.atlas.atlas import DIFFRACTED, PathAtlas
from raylocus.propagation.atlas.fields import leaving_edge
from raylocus.propagation.geometry.vectors import as_components, dot, mirrored


def lost_by_path_solver(atlas: PathAtlas) -> Bool[np.ndarray, "path"]:
    """Paths that end with a diffraction and leave an obtuse edge over the face that the site does not light.

    Sionna 2.2.0 keeps a candidate if a ray from the point of diffraction sees the UE
    (`SBCandidateGenerator._shoot_and_bounce_loop`). The ray starts a little off the lit face, towards the side on
    which the UE is: behind the face, inside of the wedge. Where the faces enclose more than 90° it is stopped by
    the other one, and the path is never listed, whatever the number of samples.
    """
    incident = _incident(atlas)
    normals = [as_components(atlas.wedges.normals[np.maximum(atlas.wedge, 0), face]) for face in (0, 1)]
    leaving = leaving_edge(atlas)
    useless = [(dot(incident, normal) >= 0) | (dot(leaving, normal) < 0) for normal in normals]
    ends_there = (atlas.kind == DIFFRACTED) & (atlas.interactions == atlas.before_edge)
    return ends_there & (dot(*normals) > 1e-3) & useless[0] & useless[1]


def _incident(atlas: PathAtlas) -> Float[np.ndarray, "3 path"]:
    """Directions in which diffracted paths come to their edge."""
    direction = as_components(atlas.departure)
    for bounce in range(atlas.material.shape[1]):
        before = bounce < atlas.before_edge
        direction = mirrored(direction, np.where(before, as_components(atlas.normals[:, bounce]), 0.0))
    return direction
