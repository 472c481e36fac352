"""Vectors by components against NumPy's, facets and edges of a box, and how launch directions are spread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from raylocus.errors import MemoryBudgetError
from raylocus.execution.side_by_side import ahead, side_by_side
from raylocus.geo import Grid
from raylocus.propagation.geometry.images import (
    as_components,
    cross,
    dot,
    fermat_points,
    mirrored,
    norm,
    unit,
)
from raylocus.propagation.geometry.surfaces import (
    Surfaces,
    find_wedges,
    shared_edges,
    unit_normals,
    wedge_faces,
)
from raylocus.propagation.rays.launcher import (
    Crossings,
    directions_for,
    horizontal_directions,
    low_discrepancy,
    uniform_directions,
)
from raylocus.propagation.rays.pieces import in_pieces, piece_length, piece_slices
from raylocus.propagation.search.grouping import CellBlocks, distinct, distinct_keys, with_neighbours
from raylocus.scenes.triangles import Triangles

VECTORS = arrays(float, (7, 3), elements=st.floats(-100, 100))
#: Corners of the unit cube, and its faces as two triangles each, seen from outside.
CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
FACES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
CUBE = np.array([CORNERS[list(each)] for a, b, c, d in FACES for each in ((a, b, c), (a, c, d))])


def box(scale: float = 10.0) -> Surfaces:
    count = len(CUBE)
    return Surfaces(Triangles(scale * CUBE, np.zeros(count, np.int64), np.zeros(count, bool)))


@given(VECTORS, VECTORS)
def test_products_by_components_are_numpys(first: np.ndarray, second: np.ndarray) -> None:
    a, b = as_components(first), as_components(second)
    assert a.flags.c_contiguous and np.array_equal(a.T, first)
    assert np.allclose(dot(a, b), (first * second).sum(axis=1))
    assert np.allclose(cross(a, b).T, np.cross(first, second))
    assert np.allclose(norm(a), np.linalg.norm(first, axis=1))
    assert np.allclose(unit(a) * np.maximum(norm(a), 1e-12), a)


@given(VECTORS, VECTORS)
def test_two_mirrors_in_one_plane_are_none(first: np.ndarray, second: np.ndarray) -> None:
    vector, normal = as_components(first), unit(as_components(second + np.array([0, 0, 500.0])))
    there = mirrored(vector, normal)
    assert np.allclose(dot(there, normal), -dot(vector, normal))
    assert np.allclose(mirrored(there, normal), vector, atol=1e-9)


@given(VECTORS, VECTORS, VECTORS)
def test_no_other_point_of_a_line_makes_the_way_shorter(
    source: np.ndarray, target: np.ndarray, direction: np.ndarray
) -> None:
    along = unit(as_components(direction + np.array([0, 0, 500.0]))).T
    source = source + [300.0, 0, 0]
    origin = np.zeros_like(source)
    best = fermat_points(source, target, origin, along)
    length = np.linalg.norm(best - source, axis=1) + np.linalg.norm(best - target, axis=1)
    for step in (-1.0, 1.0):
        moved = best + step * along
        longer = np.linalg.norm(moved - source, axis=1) + np.linalg.norm(moved - target, axis=1)
        assert (longer >= length - 1e-9).all()


def test_normals_of_a_box_point_out_of_it_and_a_triangle_without_area_has_none() -> None:
    normals = unit_normals(CUBE)
    outward = CUBE.mean(axis=1) - 0.5
    assert (np.einsum("ti,ti->t", normals, outward) > 0).all()
    assert np.allclose(np.linalg.norm(normals, axis=1), 1)
    assert np.array_equal(unit_normals(np.zeros((1, 3, 3))), np.zeros((1, 3)))


def test_a_box_has_six_facets_and_twelve_wedges() -> None:
    surfaces = box()
    edges = shared_edges(surfaces.vertices)
    # 12 edges of the box and the diagonals of its six faces, two triangles each.
    assert len(edges.triangle) == 18 and (edges.count == 2).all()
    starts, others = surfaces.vertices[edges.triangle, edges.start], surfaces.vertices[edges.neighbour]
    assert (starts[:, None] == others).all(axis=2).any(axis=1).all()
    assert len(np.unique(surfaces.facet)) == 6
    assert surfaces.area.sum() == pytest.approx(6 * 10.0**2)
    wedges = find_wedges(surfaces, np.zeros(len(CUBE), np.int64))
    assert len(wedges) == 12 and np.allclose(wedges.length, 10)
    assert np.allclose(np.einsum("wi,wi->w", wedges.normals[:, 0], wedges.normals[:, 1]), 0)
    # The convention of Kouyoumjian and Pathak: n₀ × e points from the edge into face 0.
    into = np.cross(wedges.normals[:, 0], wedges.direction)
    middle = surfaces.vertices[wedge_faces(surfaces)[:, 0]].mean(axis=1) - wedges.origin
    assert (np.einsum("wi,wi->w", into, middle) > 0).all()


def test_edges_where_two_boxes_touch_are_marked_by_how_many_triangles_meet() -> None:
    twice = np.concatenate([CUBE, CUBE + [1.0, 0, 0]])
    counts = shared_edges(twice).count
    # The four edges of the wall between both belong to four triangles each at least.
    assert (counts > 2).any() and counts.max() <= 6


@given(st.integers(0, 5000), st.integers(1, 400), st.tuples(*[st.floats(0, 1)] * 3))
def test_a_part_of_the_sequence_is_that_part_of_the_whole(
    start: int, count: int, shift: tuple[float, ...]
) -> None:
    whole = low_discrepancy(slice(0, start + count), np.array(shift))
    part = low_discrepancy(slice(start, start + count), np.array(shift))
    assert np.array_equal(whole[start:], part)
    assert part.dtype == np.float32 and (part >= 0).all() and (part < 1).all()


def test_the_sequence_fills_the_cube_more_evenly_than_random_points() -> None:
    points = low_discrepancy(slice(0, 8000), np.zeros(3))
    counts, _ = np.histogramdd(points, bins=8, range=[(0, 1)] * 3)
    # 15.6 points a cell: random points would scatter by √15.6 ≈ 4.
    assert counts.std() < 2.5


def test_uniform_directions_are_uniform_and_horizontal_ones_crowd_at_the_horizon() -> None:
    points = low_discrepancy(slice(0, 20000), np.zeros(3))
    everywhere, level = uniform_directions(points), horizontal_directions(points)
    for found in (everywhere, level):
        assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
        assert np.abs(found.mean(axis=0)).max() < 0.01
    assert np.allclose((everywhere**2).mean(axis=0), 1 / 3, atol=0.01)
    # Of the density 1/√|4z| a share √a lies within |z| < a.
    for height in (0.01, 0.25, 0.5):
        assert np.mean(np.abs(level[:, 2]) < height) == pytest.approx(np.sqrt(height), abs=0.01)


@given(st.integers(0, 400), st.integers(0, 400))
def test_launch_directions_do_not_depend_on_how_rays_are_cut(first: int, second: int) -> None:
    directions = directions_for(25.0, np.full((4, 4), 1.5), 100.0, 400.0, 4.0)
    assert directions.aimed_rays == int(4 * np.pi * 100**2 / 400)
    assert directions.count == directions.aimed_rays + directions.aimed_rays // 6
    shift, (start, stop) = np.full(3, 0.3), sorted((first, second))
    stop = min(stop, directions.count)
    start = min(start, stop)
    whole = directions.vectors(shift, slice(0, directions.count))
    assert np.array_equal(directions.vectors(shift, slice(start, stop)), whole[start:stop])
    assert np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)


def test_aimed_rays_meet_the_ground_within_the_radius_and_hills_get_twice_as_many() -> None:
    flat = directions_for(25.0, np.full((4, 4), 1.5), 100.0, 16.0, 2.0)
    aimed = flat.vectors(np.zeros(3), slice(0, flat.aimed_rays))
    reach = 23.5 / -aimed[:, 2] * np.hypot(aimed[:, 0], aimed[:, 1])
    assert (aimed[:, 2] < 0).all() and reach.max() <= 100.1
    assert np.median(reach) == pytest.approx(50, abs=1)
    hilly = directions_for(25.0, np.linspace(0, 9, 16).reshape(4, 4), 100.0, 16.0, 2.0)
    assert hilly.aimed_rays == 2 * flat.aimed_rays


@given(st.integers(0, 10**6), st.integers(1, 10**5))
def test_slices_cover_all_items_in_order(count: int, length: int) -> None:
    slices = piece_slices(count, max(length, count // 50 + 1))
    assert [each.start for each in slices[1:]] == [each.stop for each in slices[:-1]]
    assert sum(each.stop - each.start for each in slices) == count


def test_pieces_side_by_side_come_in_order_and_a_budget_too_small_is_refused() -> None:
    count = 100_000
    parts = in_pieces(lambda part: np.arange(part.start, part.stop), count, 7000)
    assert np.array_equal(np.concatenate(parts), np.arange(count))
    assert list(side_by_side(lambda item: item**2, range(20))) == [item**2 for item in range(20)]
    assert list(ahead(iter(range(5)))) == [0, 1, 2, 3, 4]
    assert piece_length(1.0, 100.0, "a ray") == pytest.approx(piece_length(2.0, 200.0, "a ray"))
    with pytest.raises(MemoryBudgetError, match="does not hold a ray.*memory_budget"):
        piece_length(1e-9, 1000.0, "a ray")


def test_errors_of_work_side_by_side_are_raised() -> None:
    def fails(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    with pytest.raises(ValueError, match="three"):
        list(side_by_side(fails, range(6)))


@given(arrays(np.int64, st.integers(0, 60), elements=st.integers(0, 30)))
def test_distinct_keys_are_those_of_numpy(key: np.ndarray) -> None:
    assert np.array_equal(distinct_keys(key), np.unique(key))


@settings(max_examples=25)
@given(
    arrays(np.int64, (12, 2), elements=st.integers(-1, 5)), arrays(np.int64, 12, elements=st.integers(0, 15))
)
def test_crossings_are_one_a_cell_and_sequence_of_facets(triangles: np.ndarray, cell: np.ndarray) -> None:
    facet = np.array([0, 0, 1, 1, 2, 2])
    # Nothing is touched after the last reflection.
    triangles[:, 1] = np.where(triangles[:, 0] < 0, -1, triangles[:, 1])
    sequences = np.where(triangles >= 0, facet[triangles], -1)
    expected = {(int(c), *map(int, s)) for c, s in zip(cell, sequences, strict=True)}
    found = distinct([Crossings(cell[:5], triangles[:5]), Crossings(cell[5:], triangles[5:])], facet, 4)
    named = np.where(found.triangles >= 0, facet[found.triangles], -1)
    assert len(found.ground_cell) == len(expected)
    assert {(int(c), *map(int, s)) for c, s in zip(found.ground_cell, named, strict=True)} == expected
    wider = with_neighbours(found, facet, 4)
    around = {
        (row * 4 + column, *sequence)
        for here, *sequence in expected
        for row in range(max(here // 4 - 1, 0), min(here // 4 + 2, 4))
        for column in range(max(here % 4 - 1, 0), min(here % 4 + 2, 4))
    }
    named = np.where(wider.triangles >= 0, facet[wider.triangles], -1)
    assert {(int(c), *map(int, s)) for c, s in zip(wider.ground_cell, named, strict=True)} == around


@given(arrays(bool, 49), st.integers(1, 4))
def test_blocks_hold_every_outdoor_cell_once(outdoor: np.ndarray, side: int) -> None:
    blocks = CellBlocks(Grid(28.0, 4.0), outdoor, side)
    led = np.flatnonzero(blocks.leader >= 0)
    assert outdoor[blocks.leader[led]].all()
    assert np.array_equal(blocks.of_cell(blocks.leader[led]), led)
    chain, cell = blocks.cells(led)
    assert not chain.any() and np.array_equal(np.sort(cell), np.flatnonzero(outdoor))
    everywhere = blocks.around(led[:1], blocks.count) if len(led) else led
    assert np.array_equal(everywhere, led)
