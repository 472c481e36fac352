"""On a shadow boundary the field is half of the ray's that ends there, whatever rounding says about that ray."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from propagation_fixtures import METAL, TILE, box, scene, tracer
from raylocus.propagation.atlas.atlas import PathAtlas, reorder
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.materials.materials import itu_materials
from raylocus.propagation.materials.utd import BOUNDARY, EdgeGeometry, diffracted_field, spreading
from raylocus.propagation.oracles.reference import centre_paths
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration

WAVELENGTH = 0.0857
WAVENUMBER = 2 * np.pi / WAVELENGTH
#: Past the boundary [m], in steps of half a millimetre, and as close to it as rounding comes.
OFFSETS = np.sort([*np.linspace(-0.01, 0.01, 41), -4e-15, -1e-15, 1e-15, 4e-15])

angle, distance, share = st.floats(-np.pi, np.pi), st.floats(5.0, 60.0), st.floats(0.1, 0.9)
turns = st.builds(lambda *about: Rotation.from_euler("xyz", about), angle, angle, angle)


def at(radius: float, turned: float) -> np.ndarray:
    """A point next to an edge along y, at an angle from +x towards +z."""
    return radius * np.array([np.cos(turned), 0.0, np.sin(turned)])


def diffracted(
    source: np.ndarray, target: np.ndarray, n: float, turn: Rotation, lit: np.ndarray
) -> np.ndarray:
    """Fields along the edge at the origin of a conductor's wedge, of a source of strength 1 with that polarisation.

    Face 0 lies along +x, the open space reaches from there over +z to the angle nπ.
    """
    count = len(target)
    incident, leaving = -turn.apply(source)[:, None].repeat(count, axis=1), turn.apply(target).T
    before, after = np.linalg.norm(incident, axis=0), np.linalg.norm(leaving, axis=0)
    corner = turn.apply([[0, 1, 0], [0, 0, 1], at(1.0, (n - 0.5) * np.pi)])[..., None].repeat(count, axis=2)
    axis, face_0, face_n = corner
    geometry = EdgeGeometry(incident / before, leaving / after, before, after, -axis, face_0, face_n, lit)
    conductor = np.full(count, 1.0 - 1e8j)
    field = diffracted_field(axis[None].astype(complex), geometry, conductor, 0.1, WAVELENGTH)[0]
    return (axis * field).sum(axis=0) * spreading(before, after) * np.exp(-1j * WAVENUMBER * (before + after))


def straight(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(target - source, axis=-1)
    return np.exp(-1j * WAVENUMBER * length) / length


def targets(radius: float, boundary: float, offset: np.ndarray) -> np.ndarray:
    return np.array([at(radius, boundary + each / radius) for each in offset])


@given(turns, st.floats(1.3, 1.9), share, distance, distance)
def test_the_total_field_does_not_jump_where_the_direct_ray_ends(
    turn: Rotation, n: float, place: float, before: float, after: float
) -> None:
    # Opposite to a source that does not see face n (K&P §IV).
    own = (n - 1) * np.pi * place
    source = at(before, own)
    # So close to the boundary the ray may be found or missed: both sums belong to the walk.
    times = np.where(np.abs(OFFSETS) * before / (before + after) > BOUNDARY, 1, 2)
    offset = OFFSETS.repeat(times)
    lit = np.where(times.repeat(times) == 1, offset < 0, np.arange(len(offset)) % 2 == 0)
    target = targets(after, own + np.pi, offset)
    ray = straight(source, target)
    steps = np.abs(np.diff(lit * ray + diffracted(source, target, n, turn, lit)))
    assert steps.max() < 0.1 * np.abs(ray).max()


@pytest.mark.parametrize("boundary", ["direct", "face 0", "face n"])
@given(turns, st.floats(1.3, 1.9), share, distance, distance, st.booleans())
def test_next_to_a_boundary_the_diffracted_field_follows_the_decision(
    boundary: str, turn: Rotation, n: float, place: float, before: float, after: float, decision: bool
) -> None:
    # Where the image in face n ends, the source must see both faces.
    own = (n - 1) * np.pi * place if boundary == "direct" else ((n - 1) + (2 - n) * place) * np.pi
    ends = {"direct": own + np.pi, "face 0": np.pi - own, "face n": (2 * n - 1) * np.pi - own}[boundary]
    target = targets(after, ends, OFFSETS[np.abs(OFFSETS) < BOUNDARY])
    field, other = (
        diffracted(at(before, own), target, n, turn, np.full(len(target), lit))
        for lit in (decision, not decision)
    )
    half = 0.5 / (before + after)
    # One value to either side, and half of the ray's field whatever the decision, with opposite signs.
    assert np.abs(field - field[0]).max() < 0.05 * half
    assert np.abs(np.abs(field - other) - 2 * half).max() < 0.1 * half


def eaves_and_cells() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sites in one line with a roof's eastern eaves and the middles of a column of ground cells behind."""
    for x in TILE.x_coordinates[TILE.x_coordinates > 14]:
        yield np.array([-20.0, 1.0, 10.0 + 30.0 * 8.5 / (x - 10.0)]), np.flatnonzero(TILE.centres[:, 0] == x)


def centre_field(atlas: PathAtlas, cells: np.ndarray) -> np.ndarray:
    """Transfer matrices of the direct ray and of those over an edge without a mirror, summed up."""
    found = centre_paths(atlas, cells)
    own = np.flatnonzero(found.paths.interactions == 0)
    paths = reorder(found.paths, own)
    phase = np.exp(-2j * np.pi * paths.length / paths.materials.wavelength)
    total = np.zeros((len(cells), 2, 2), complex)
    np.add.at(total, found.ue[own], path_fields(paths, paths.materials) * phase[:, None, None])
    return total


def test_cells_on_the_boundary_have_half_of_the_direct_ray_s_field() -> None:
    # The tracer sees or misses those cells by its last bit, and the traced field must not care.
    block, settings = box((0.0, -30.0), (10.0, 30.0), 10.0), TraceConfiguration(depth=1, over_rooftop=False)
    seen = []
    for site, column in eaves_and_cells():
        cells = column[np.abs(TILE.centres[column, 1]) < 20]
        atlas = tracer(scene(block, material=METAL), settings, radio=itu_materials(3.5e9)).trace(0, site)
        total = centre_field(atlas, cells)
        free = centre_field(tracer(scene(), settings, radio=itu_materials(3.5e9)).trace(0, site), cells)
        wrong = np.linalg.norm(total - free / 2, axis=(1, 2)) / np.linalg.norm(free, axis=(1, 2))
        assert wrong.max() < 0.15, (site, wrong)
        seen.append(np.isin(cells, atlas.ground_cell[atlas.line_of_sight & atlas.at_centre]))
    assert 0 < np.mean(seen) < 1
