"""What the search for edges takes mirrors to reflect is never less than they do."""

from __future__ import annotations

import numpy as np
import pytest

from raylocus.propagation.materials.materials import (
    BINS,
    itu_materials,
    slab_reflection,
    strongest_reflections,
)
from raylocus.propagation.search.edges.edge_chains import distinct_rows


@pytest.mark.parametrize("frequency", [0.7e9, 3.5e9, 28e9])
def test_no_slab_reflects_more_than_its_bound(frequency: float) -> None:
    """Slabs of every material at random angles, against ITU-R P.2040-4 eq. 43a; 28 GHz ripples fastest."""
    materials = itu_materials(frequency)
    bound, cosine = strongest_reflections(materials), np.random.default_rng(5).uniform(0.001, 1, 4000)
    for material, permittivity in enumerate(materials.complex_permittivity):
        thickness = float(np.broadcast_to(materials.thickness, len(bound))[material])
        slab = np.full(len(cosine), permittivity)
        electric, magnetic = slab_reflection(cosine, slab, thickness, materials.wavelength)
        most = np.maximum(np.abs(electric), np.abs(magnetic)) ** 2
        allowed = bound[material, (cosine * BINS).astype(int).clip(max=BINS - 1)]
        assert np.all(most <= 1.02 * allowed), material


def test_bounds_distinguish_metal_from_concrete() -> None:
    bound = strongest_reflections(itu_materials(3.5e9))
    assert bound[:, -1].max() > 0.99 and bound[:, -1].min() < 0.3


@pytest.mark.parametrize("largest", [9, 2**40])
def test_distinct_rows_are_those_of_numpy(largest: int) -> None:
    """With entries so large that a row does not fit into 64 bits, too."""
    rows = np.random.default_rng(2).integers(-1, 4, (500, 4)) * (largest // 4)
    rows = np.maximum(rows, -1)
    first, number = distinct_rows(rows)
    expected, index, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(rows[first], expected)
    np.testing.assert_array_equal(first, index)
    np.testing.assert_array_equal(number, inverse.ravel())
