"""Sionna's PathSolver behind raylocus's conventions: the exact reference for tests and single points."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.propagation.atlas.point_paths import PointPaths
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
    zenith: Float[np.ndarray, "path"], azimuth: Float[np.ndarray, "path"]
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
