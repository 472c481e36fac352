"""What PathSolver answers to the same question, and the paths that it never lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import DIFFRACTED, PathAtlas
from raylocus.propagation.atlas.channel_response import PointPaths
from raylocus.propagation.atlas.fields import leaving_edge
from raylocus.propagation.geometry.images import as_components, dot, mirrored
from raylocus.propagation.rays.pieces import piece_slices
from raylocus.propagation.runtime.runtime import activate
from raylocus.units import SPEED_OF_LIGHT


@dataclass(frozen=True)
class ReferenceSettings:
    """How PathSolver is asked, without refraction and scattering."""

    depth: int = 4
    """Most reflections."""
    samples: int = 2_000_000
    """Rays launched from the transmitter in each call."""
    diffraction: bool = False
    """Whether first-order diffraction is part of it."""
    deterministic: bool = False
    """Whether the same call gives the same bytes: PathSolver's own switch, which takes more memory."""
    seed: int = 42
    """Seed of its rays."""
    receivers: int = 40
    """Receivers of one call: fastest with many, but then it loses paths whose hashes collide."""


def reference_paths(
    scene_file: Path,
    frequency: float,
    site: Float[np.ndarray, "3"],
    points: Float[np.ndarray, "point 3"],
    settings: ReferenceSettings,
) -> PointPaths:
    """Paths by `sionna.rt.PathSolver`, a few receivers at a time.

    Args:
        scene_file: a Mitsuba scene.
        frequency: carrier [Hz].
        site: transmitter [m].
        points: receivers [m].
        settings: how it is asked.
    """
    activate()
    import sionna.rt as rt

    scene = rt.load_scene(str(scene_file))
    scene.frequency = frequency
    scene.tx_array = scene.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="VH")
    scene.add(rt.Transmitter("site", site.tolist()))
    parts = [
        _solve(rt, scene, points[piece], piece.start, settings)
        for piece in piece_slices(len(points), settings.receivers)
    ]
    names = ("point", "length", "departure", "arrival", "field", "line_of_sight")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return PointPaths(point_count=len(points), wavelength=SPEED_OF_LIGHT / frequency, **columns)


def _solve(
    rt: Any, scene: Any, points: Float[np.ndarray, "point 3"], start: int, settings: ReferenceSettings
) -> PointPaths:
    for index, point in enumerate(points):
        scene.add(rt.Receiver(f"point-{index}", point.tolist()))
    paths = rt.PathSolver(deterministic=settings.deterministic)(
        scene, max_depth=settings.depth, samples_per_src=settings.samples,
        max_num_paths_per_src=settings.samples, refraction=False, specular_reflection=True,
        diffuse_reflection=False, diffraction=settings.diffraction, synthetic_array=True, seed=settings.seed,
    )  # fmt: skip
    for index in range(len(points)):
        scene.remove(f"point-{index}")
    valid = paths.valid.numpy()[:, 0]
    receiver, _ = np.nonzero(valid)
    real, imaginary = (np.moveaxis(part.numpy()[:, :, 0], 3, 1)[valid] for part in paths.a)
    length = paths.tau.numpy()[:, 0][valid].astype(float) * SPEED_OF_LIGHT
    zenith, azimuth = paths.theta_r.numpy()[:, 0][valid], paths.phi_r.numpy()[:, 0][valid]
    # PathSolver fixes which paths it finds, not always in which order it lists them.
    order = np.lexsort((zenith, azimuth, length, receiver))
    return PointPaths(
        receiver[order] + start,
        len(points),
        float(scene.wavelength[0]),
        length[order],
        _unit(paths.theta_t.numpy()[:, 0][valid], paths.phi_t.numpy()[:, 0][valid]).astype(float)[order],
        -_unit(zenith, azimuth).astype(float)[order],
        (real + 1j * imaginary)[order],
        ~(paths.interactions.numpy()[:, :, 0] != 0).any(axis=0)[valid][order],
    )


def _unit(
    zenith: Float[np.ndarray, " path"], azimuth: Float[np.ndarray, " path"]
) -> Float[np.ndarray, "path 3"]:
    horizontal = np.sin(zenith)
    return np.stack([horizontal * np.cos(azimuth), horizontal * np.sin(azimuth), np.cos(zenith)], axis=-1)


def reference_path_gain(
    scene_file: Path,
    frequency: float,
    site: Float[np.ndarray, "3"],
    grid: Grid,
    height: float,
    settings: ReferenceSettings,
) -> Float[np.ndarray, "y x"]:
    """Linear path gain of a vertical isotropic antenna by `sionna.rt.RadioMapSolver`, on a horizontal plane.

    Args:
        scene_file: a Mitsuba scene.
        frequency: carrier [Hz].
        site: transmitter [m].
        grid: ground cells.
        height: z of the plane [m].
        settings: how it is asked; RadioMapSolver has no deterministic mode.
    """
    activate()
    import mitsuba as mi
    import sionna.rt as rt

    scene = rt.load_scene(str(scene_file))
    scene.frequency = frequency
    scene.tx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    scene.add(rt.Transmitter("site", site.tolist()))
    radio_map = rt.RadioMapSolver()(
        scene, center=mi.Point3f(0, 0, height), orientation=mi.Point3f(0, 0, 0), size=mi.Point2f(grid.size, grid.size),
        cell_size=mi.Point2f(grid.resolution, grid.resolution), samples_per_tx=settings.samples,
        max_depth=settings.depth, los=True, specular_reflection=True, diffuse_reflection=False, refraction=False,
        diffraction=settings.diffraction, seed=settings.seed,
    )  # fmt: skip
    return radio_map.path_gain.numpy()[0].astype(np.float64)


def lost_by_path_solver(atlas: PathAtlas) -> Bool[np.ndarray, " path"]:
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
