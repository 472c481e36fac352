"""Sionna's PathSolver behind raylocus's conventions: the exact reference for tests and single points."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.geo import Grid
from raylocus.propagation.runtime import activate
from raylocus.units import SPEED_OF_LIGHT


@dataclass(frozen=True)
class ReferencePaths:
    """Paths from one site to given points, sorted by point."""

    point: Int[np.ndarray, "path"]
    """Index of the receiving point."""
    length: Float[np.ndarray, "path"]
    """m."""
    gain: Float[np.ndarray, "path"]
    """Power gain from a vertical isotropic transmitter to a dual-polarised isotropic receiver."""
    departure: Float[np.ndarray, "path 3"]
    arrival: Float[np.ndarray, "path 3"]
    """Unit propagation vector at the receiver."""
    line_of_sight: Bool[np.ndarray, "path"]


def reference_paths(
    scene_file: Path,
    frequency: float,
    site: Float[np.ndarray, "3"],
    points: Float[np.ndarray, "point 3"],
    depth: int,
    samples: int = 2_000_000,
    diffraction: bool = False,
) -> ReferencePaths:
    """Paths by `sionna.rt.PathSolver` without refraction and scattering, 40 receivers at a time.

    Args:
        scene_file: a Mitsuba scene.
        frequency: carrier [Hz].
        site: transmitter [m].
        points: receivers [m].
        depth: most reflections.
        samples: rays launched from the transmitter in each call.
        diffraction: whether first-order diffraction is part of it.
    """
    activate()
    import sionna.rt as rt

    scene = rt.load_scene(str(scene_file))
    scene.frequency = frequency
    scene.tx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    scene.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="VH")
    scene.add(rt.Transmitter("site", site.tolist()))
    parts = [
        _solve(rt, scene, points[start : start + 40], start, (depth, samples, diffraction))
        for start in range(0, len(points), 40)
    ]
    names = ("point", "length", "gain", "departure", "arrival", "line_of_sight")
    return ReferencePaths(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _solve(
    rt: Any, scene: Any, points: Float[np.ndarray, "point 3"], start: int, settings: tuple[int, int, bool]
) -> ReferencePaths:
    depth, samples, diffraction = settings
    for index, point in enumerate(points):
        scene.add(rt.Receiver(f"point-{index}", point.tolist()))
    paths = rt.PathSolver()(
        scene, max_depth=depth, samples_per_src=samples, max_num_paths_per_src=samples, refraction=False,
        specular_reflection=True, diffuse_reflection=False, diffraction=diffraction, synthetic_array=True,
    )  # fmt: skip
    for index in range(len(points)):
        scene.remove(f"point-{index}")
    valid = paths.valid.numpy()[:, 0]
    receiver, _ = np.nonzero(valid)
    real, imaginary = (part.numpy()[:, :, 0, 0] for part in paths.a)
    gain = (real**2 + imaginary**2).sum(axis=1)[valid]
    towards = _unit(paths.theta_r.numpy()[:, 0][valid], paths.phi_r.numpy()[:, 0][valid])
    return ReferencePaths(
        receiver + start,
        paths.tau.numpy()[:, 0][valid] * SPEED_OF_LIGHT,
        gain,
        _unit(paths.theta_t.numpy()[:, 0][valid], paths.phi_t.numpy()[:, 0][valid]),
        -towards,
        ~(paths.interactions.numpy()[:, :, 0] != 0).any(axis=0)[valid],
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
    depth: int,
    samples: int = 4_000_000,
) -> Float[np.ndarray, "y x"]:
    """Linear path gain of a vertical isotropic antenna by `sionna.rt.RadioMapSolver`, on a horizontal plane.

    Args:
        scene_file: a Mitsuba scene.
        frequency: carrier [Hz].
        site: transmitter [m].
        grid: ground cells.
        height: z of the plane [m].
        depth: most reflections.
        samples: rays launched.
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
        cell_size=mi.Point2f(grid.resolution, grid.resolution), samples_per_tx=samples, max_depth=depth,
        los=True, specular_reflection=True, diffuse_reflection=False, refraction=False, diffraction=False,
    )  # fmt: skip
    return radio_map.path_gain.numpy()[0].astype(np.float64)
