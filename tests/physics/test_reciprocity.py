"""Site and UE exchanged: every path runs the other way, and its transfer matrix is transposed."""

from __future__ import annotations

import numpy as np
import pytest

from propagation_fixtures import CONCRETE, METAL, TILE, box, scene, tracer
from raylocus.propagation.atlas.atlas import DIFFRACTED, OVER_ROOFTOP, SPECULAR, PathAtlas, reorder
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.tracing import band_paths
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration

#: Each end is in the middle of a ground cell and at a height of its own, so that it can be the other's UE.
ACROSS_THE_ROOFS = np.array([-25.0, -3.0, 12.0]), np.array([27.0, 9.0, 2.0])
ALONG_AN_ALLEY = np.array([-23.0, -19.0, 12.0]), np.array([17.0, -17.0, 2.0])
#: A row of blocks of different heights, and walls to either side.
BLOCKS = (
    box((-9, -14), (3, 6), 16.0),
    box((9, -6), (17, 16), 13.0),
    box((-20, 22), (24, 28), 20.0),
    box((-24, -28), (20, -22), 20.0),
)
#: Paths this far below the strongest may be missed by the rays from either end [dB].
RANGE_DB = 30.0


def there_and_back(
    ends: tuple[np.ndarray, np.ndarray], kind: int, material: int, **settings: float
) -> tuple[PathAtlas, np.ndarray, np.ndarray]:
    """Paths of one kind from the first end to the second, their fields, and those of the same paths run back."""
    there, back = (traced(site, end, kind, material, settings) for site, end in (ends, ends[::-1]))
    ours, theirs = (path_fields(atlas, atlas.materials) for atlas in (there, back))
    power = (np.abs(ours) ** 2).sum(axis=(1, 2))
    strong = np.flatnonzero(power > power.max() * 10 ** (-RANGE_DB / 10))
    there = reorder(there, strong)
    apart = np.abs(there.length[:, None] - back.length)
    apart += np.linalg.norm(there.departure[:, None] + back.arrival, axis=2)
    apart += np.linalg.norm(there.arrival[:, None] + back.departure, axis=2)
    assert np.all(apart.min(axis=1) < 1e-3)
    return there, ours[strong], theirs[apart.argmin(axis=1)]


def traced(
    site: np.ndarray, end: np.ndarray, kind: int, material: int, settings: dict[str, float]
) -> PathAtlas:
    configuration = TraceConfiguration(
        ue_height=float(end[2]), dynamic_range_db=200.0, rays_per_cell=16.0, **settings
    )
    atlas = tracer(scene(*BLOCKS, material=material), configuration).trace(0, site)
    here = atlas.ground_cell == TILE.index(end[None])[0]
    return reorder(atlas, np.flatnonzero(here & atlas.at_centre & (atlas.kind == kind)))


def test_reflected_fields_are_transposed() -> None:
    settings = {"depth": 3, "diffraction": False, "over_rooftop": False}
    paths, there, back = there_and_back(ALONG_AN_ALLEY, SPECULAR, CONCRETE, **settings)
    assert set(paths.interactions.tolist()) >= {0, 1, 2, 3}
    scale = np.abs(there).max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(np.swapaxes(back, 1, 2) / scale, there / scale, atol=1e-3)
    # The matrices are not symmetric themselves: wall and ground turn the polarisation on the way.
    assert np.max(np.abs(there - np.swapaxes(there, 1, 2)) / scale) > 0.05


@pytest.mark.parametrize(("ends", "fewest"), [(ALONG_AN_ALLEY, 5), (ACROSS_THE_ROOFS, 2)])
def test_fields_across_a_vertical_edge_are_transposed(
    ends: tuple[np.ndarray, np.ndarray], fewest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The field along the edge is not reciprocal, so what is too weak to keep from one end may be kept from the other.
    monkeypatch.setattr(band_paths, "MIRRORED_RANGE_DB", 25.0)
    paths, there, back = there_and_back(ends, DIFFRACTED, METAL, depth=2, over_rooftop=False)
    upright = np.flatnonzero(np.abs(paths.wedges.direction[paths.wedge, 2]) > 0.999)
    assert len(upright) >= fewest
    # φ̂ is the polarisation across the edge. The heuristic coefficients, Sionna's, are not reciprocal along the
    # edge, nor for walls that do not conduct.
    np.testing.assert_allclose(back[upright, 1, 1], there[upright, 1, 1], rtol=5e-3)


def test_the_field_over_the_roofs_is_transposed() -> None:
    settings = {"depth": 0, "diffraction": False}
    paths, there, back = there_and_back(ACROSS_THE_ROOFS, OVER_ROOFTOP, CONCRETE, **settings)
    assert len(paths.length) == 1
    assert paths.excess_loss_db[0] > 40
    np.testing.assert_allclose(np.swapaxes(back, 1, 2), there, rtol=1e-4)
