"""Paths and channels by Sionna PathSolver, an independent answer, and how they are matched with those of the atlas."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import DIFFRACTED, PathAtlas, reorder
from raylocus.propagation.atlas.channel_response import PointPaths
from raylocus.propagation.atlas.fields import leaving_edge
from raylocus.propagation.atlas.ue_paths import UePaths
from raylocus.propagation.geometry.images import as_components, dot, mirrored
from raylocus.propagation.rays.pieces import piece_slices
from raylocus.propagation.runtime.runtime import activate
from raylocus.units import SPEED_OF_LIGHT, to_decibel

#: Two paths are the same up to this difference of their lengths [m] and of their unit vectors of arrival; what two
#: engines compute of one path differs by some 10⁻⁵.
SAME = 2e-3
#: … and of their gains [dB]. On a shadow boundary a path over the edge has the geometry of the one that it takes over
#: from, and where houses touch two edges lie in one line, the field of one 60 dB below the other's.
SAME_GAIN_DB = 20.0
#: What a decibel counts for in choosing among several [m].
PER_DECIBEL = 1e-3
#: What `PointPaths` has of each path.
COLUMNS = ("point", "length", "departure", "arrival", "field", "line_of_sight")


def centre_paths(atlas: PathAtlas, cells: Int[np.ndarray, " point"]) -> UePaths:
    """The paths of one site's atlas to the middles of some ground cells, as they are stored."""
    own = np.flatnonzero(atlas.at_centre & np.isin(atlas.ground_cell, cells))
    order = np.argsort(cells, kind="stable")
    point = order[np.searchsorted(cells, atlas.ground_cell[own], sorter=order)]
    by_point = np.argsort(point, kind="stable")
    return UePaths(point[by_point], len(cells), reorder(atlas, own[by_point]))


def chosen(paths: PointPaths, which: Int[np.ndarray, " chosen"]) -> PointPaths:
    """Some of the paths."""
    columns: dict[str, Any] = {name: getattr(paths, name)[which] for name in COLUMNS}
    return dataclasses.replace(paths, **columns)


def partners(mine: PointPaths, other: PointPaths) -> Int[np.ndarray, " path"]:
    """Which path of the other list each of mine is, and no other of mine; −1 where the other list lacks it."""
    found = np.full(len(mine.point), -1)
    for point in np.intersect1d(mine.point, other.point):
        here, there = (np.flatnonzero(paths.point == point) for paths in (mine, other))
        apart = _apart(chosen(mine, here), chosen(other, there))
        nearest, nearest_back = apart.argmin(axis=1), apart.argmin(axis=0)
        mutual = nearest_back[nearest] == np.arange(len(here))
        same = mutual & np.isfinite(apart.min(axis=1))
        found[here[same]] = there[nearest[same]]
    return found


def united(lists: list[PointPaths]) -> tuple[PointPaths, list[PointPaths]]:
    """The union of several lists of paths to the same points, and what each list has of it.

    A path of several lists counts once, as the first has it.
    """
    union, members = lists[0], [np.arange(len(lists[0].point))]
    for paths in lists[1:]:
        member = partners(paths, union)
        new = np.flatnonzero(member < 0)
        member[new] = len(union.point) + np.arange(len(new))
        union, members = _joined(union, chosen(paths, new)), [*members, member]
    return union, [chosen(union, member) for member in members]


def _joined(first: PointPaths, second: PointPaths) -> PointPaths:
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in COLUMNS
    }
    return dataclasses.replace(first, **columns)


def _apart(mine: PointPaths, other: PointPaths) -> Float[np.ndarray, "mine other"]:
    """How far each path of mine is from each of the other list; inf where they cannot be the same."""
    longer = np.abs(mine.length[:, None] - other.length)
    turned = np.linalg.norm(mine.arrival[:, None] - other.arrival, axis=2)
    louder = np.abs(to_decibel(mine.gain[:, None]) - to_decibel(other.gain))
    # Without any power the level is NaN, and like nothing.
    same = (longer < SAME) & (turned < SAME) & (louder < SAME_GAIN_DB)
    return np.where(same, longer + turned + PER_DECIBEL * louder, np.inf)


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
