"""Paths walked again through all triangles: what exists is proven, what is turned or walled off is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from propagation_fixtures import CONCRETE, METAL, TILE, box, scene, tracer
from raylocus.propagation.atlas.atlas import DIFFRACTED, SPECULAR, PathAtlas, reorder
from raylocus.propagation.oracles.path_proof.prover import PathProver, Proof, Tolerances, Verdict
from raylocus.propagation.oracles.path_proof.walk import AllTriangles, walk
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration

SITE = np.array([-13.3, 1.21, 10.1])
#: A block and a lower one south of it, for paths of every kind; no UE lies exactly on a shadow boundary.
BLOCKS = box((6, -24), (14, 20), 18), box((-20.4, -28.3), (2.1, -22.2), 9)


@pytest.fixture(scope="module")
def atlas() -> PathAtlas:
    configuration = TraceConfiguration(depth=3, over_rooftop=False)
    found = tracer(scene(*BLOCKS, material=METAL), configuration).trace(0, SITE)
    return reorder(found, np.flatnonzero(found.at_centre))


def proof(atlas: PathAtlas, *blocks: np.ndarray) -> Proof:
    triangles = scene(*blocks, material=METAL)
    prover = PathProver(triangles.vertices, triangles.material, Tolerances())
    centres = TILE.centres[atlas.ground_cell]
    return prover.proof(atlas, SITE, np.column_stack([centres, np.full(len(centres), 1.5)]))


def test_every_path_of_the_atlas_is_walked_to_its_ue(atlas: PathAtlas) -> None:
    found = proof(atlas, *BLOCKS)
    assert (found.verdict == Verdict.PROVEN).all()
    kinds = np.stack([atlas.kind, atlas.before_edge > 0, atlas.interactions > atlas.before_edge])
    assert len(np.unique(kinds, axis=1).T) == 6  # seen, reflected; over an edge, with mirrors on either side
    assert found.miss.max() < 1e-3
    assert np.abs(found.longer).max() < 1e-4


@pytest.mark.parametrize("end", ["departure", "arrival"])
def test_a_path_turned_by_a_milliradian_is_refused(atlas: PathAtlas, end: str) -> None:
    # Only the departure of a specular path is walked; a path over an edge is walked from both ends.
    own = reorder(atlas, np.flatnonzero((atlas.kind == DIFFRACTED) | (end == "departure")))
    across = np.cross(getattr(own, end), [0.6, 0.0, 0.8])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    turned = replace(own, **{end: (getattr(own, end) + 1e-3 * across).astype(np.float32)})
    assert np.mean(proof(turned, *BLOCKS).verdict == Verdict.PROVEN) < 0.01


def test_what_a_wall_stops_is_refused_and_nothing_else(atlas: PathAtlas) -> None:
    # A tall wall north of the site, as wide as the tile: no UE behind it is reached, all in front of it are.
    wall = box((-60, 8), (60, 8.5), 60)
    verdict = proof(atlas, *BLOCKS, wall).verdict
    behind = TILE.centres[atlas.ground_cell][:, 1] > 8.5
    assert behind.any() and not behind.all()
    assert not np.any(verdict[behind] == Verdict.PROVEN)
    assert (verdict[behind & atlas.line_of_sight] == Verdict.BLOCKED).all()
    assert (verdict[~behind & atlas.line_of_sight] == Verdict.PROVEN).all()


def test_a_path_with_wrong_length_mirror_or_edge_is_refused(atlas: PathAtlas) -> None:
    reflected = reorder(atlas, np.flatnonzero((atlas.kind == SPECULAR) & (atlas.interactions > 0)))
    bent = reorder(atlas, np.flatnonzero(atlas.kind == DIFFRACTED))
    swapped = np.where(reflected.material < 0, -1, METAL + CONCRETE - reflected.material)
    elsewhere = replace(bent.wedges, origin=bent.wedges.origin + 0.01 * bent.wedges.direction)
    shorter = replace(bent.wedges, length=bent.wedges.length * 1e-3)
    wrong = (
        (replace(reflected, length=reflected.length + 0.01), Verdict.LENGTH),
        (replace(reflected, material=swapped), Verdict.OTHER_MIRROR),
        (replace(bent, wedges=shorter), Verdict.BEYOND_EDGE),
        (replace(bent, wedges=elsewhere), Verdict.NO_EDGE),
    )
    for paths, verdict in wrong:
        found = proof(paths, *BLOCKS).verdict
        assert np.mean(found == verdict) > 0.9
        assert not np.any(found == Verdict.PROVEN)


def test_a_ray_in_a_corner_comes_back_the_way_it_went() -> None:
    # Three mirrors at right angles turn any direction round (closed form), and the legs are those of the image.
    corner = np.concatenate([box((0, -50), (1, 50), 60), box((-50, 0), (50, 1), 60)])
    triangles = AllTriangles(scene(corner).vertices)
    start, direction = np.array([[-9.0, -7.0, 8.0]]), np.array([[0.6, 0.55, -0.5]])
    back = walk(triangles, start, direction, np.array([3]))
    unit = direction / np.linalg.norm(direction)
    np.testing.assert_allclose(back.direction, -unit, atol=1e-12)
    image = -start[0]
    np.testing.assert_allclose(back.start - back.walked * back.direction, image[None], atol=1e-9)


def test_a_mirror_that_holds_the_edge_itself_makes_no_path(atlas: PathAtlas) -> None:
    # The image of the UE in a face of the wedge gives the same point of the edge, and a leg of no length.
    bent = reorder(atlas, np.flatnonzero((atlas.kind == DIFFRACTED) & (atlas.interactions == 0)))
    normals, material = bent.normals.copy(), bent.material.copy()
    normals[:, 0], material[:, 0] = bent.wedges.normals[bent.wedge, 0], METAL
    verdict = proof(replace(bent, normals=normals, material=material), *BLOCKS).verdict
    assert not np.any(verdict == Verdict.PROVEN)
    assert np.any(verdict == Verdict.NO_LEG)
