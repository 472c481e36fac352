from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raylocus.errors import PlaceError
from raylocus.scenes.siting.pci_plan import heard_together, plan_pcis


def clash(pcis: np.ndarray, weights: np.ndarray) -> float:
    """Total weight of the pairs of cells that are alike modulo 3."""
    return float(weights[pcis[:, None] % 3 == pcis % 3].sum() / 2)


def network(seed: int, sites: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions, azimuths and sites of cells of a random network of one to four sectors a site."""
    generator = np.random.default_rng(seed)
    owner = np.repeat(np.arange(sites), generator.integers(1, 5, sites))
    positions = generator.uniform(-500, 500, (sites, 2))[owner]
    return positions, generator.uniform(-np.pi, np.pi, len(owner)), owner


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), sites=st.integers(1, 15))
def test_a_plan_has_no_collision_no_confusion_and_no_clash_within_a_site(seed: int, sites: int) -> None:
    positions, azimuths, owner = network(seed, sites)
    pcis = plan_pcis(positions, azimuths, owner, np.random.default_rng(seed))
    # Confusion needs two cells of one PCI, so unique PCIs exclude it as they exclude collision.
    assert len(set(pcis.tolist())) == len(pcis)
    assert pcis.min() >= 0
    assert pcis.max() <= 1007
    for site in range(sites):
        own = pcis[owner == site] % 3
        assert len(set(own.tolist())) == min(len(own), 3)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_single_site_could_do_better(seed: int) -> None:
    positions, azimuths, owner = network(seed, 8)
    weights = heard_together(positions, azimuths, owner)
    pcis = plan_pcis(positions, azimuths, owner, np.random.default_rng(seed))
    for site in range(8):
        for shift in (1, 2):
            turned = np.where(owner == site, (pcis + shift) % 3, pcis % 3)
            assert clash(turned, weights) >= clash(pcis, weights) - 1e-9


def test_a_plan_clashes_much_less_than_a_random_one() -> None:
    planned, random = 0.0, 0.0
    for seed in range(8):
        positions, azimuths, owner = network(seed, 12)
        weights = heard_together(positions, azimuths, owner)
        weights[owner[:, None] == owner] = 0.0
        planned += clash(plan_pcis(positions, azimuths, owner, np.random.default_rng(0)), weights)
        random += clash(np.random.default_rng(seed).integers(0, 3, len(owner)), weights)
    assert planned < 0.75 * random


def test_two_cells_that_face_each_other_differ_modulo_3() -> None:
    positions = np.array([(0.0, 0.0), (0.0, 0.0), (200.0, 0.0), (200.0, 0.0)])
    azimuths = np.array([0.0, np.pi, np.pi, 0.0])
    for seed in range(10):
        pcis = plan_pcis(positions, azimuths, np.array([0, 0, 1, 1]), np.random.default_rng(seed))
        assert pcis[0] % 3 != pcis[2] % 3


def test_cells_are_heard_together_when_they_face_each_other_and_are_near() -> None:
    positions = np.array([(0.0, 0.0), (300.0, 0.0), (300.0, 0.0), (3000.0, 0.0)])
    weights = heard_together(positions, np.array([0.0, np.pi, 0.0, np.pi]), np.arange(4))
    assert weights[0, 1] == pytest.approx(0.5)
    assert weights[0, 2] == pytest.approx(0.0, abs=1e-12)
    assert weights[0, 3] < 0.01
    assert np.array_equal(weights, weights.T)


def test_more_sites_in_one_spot_than_groups_are_refused() -> None:
    owner = np.arange(337)
    with pytest.raises(PlaceError, match="PCIs"):
        plan_pcis(np.zeros((337, 2)), np.zeros(337), owner, np.random.default_rng(0))


def test_a_plan_on_a_regular_grid_does_not_hang_on_the_last_bit() -> None:
    # Symmetry makes many plans equally good; rounding, another on each processor, must not choose among them.
    positions = np.column_stack([np.arange(3) * 200.0, np.zeros(3)]).repeat(3, axis=0)
    azimuths, owner = np.tile([0.0, 2 * np.pi / 3, -2 * np.pi / 3], 3), np.arange(3).repeat(3)
    plans = set()
    for noise in range(20):
        moved = positions + 1e-11 * np.random.default_rng(noise).standard_normal(positions.shape)
        plans.add(tuple(plan_pcis(moved, azimuths, owner, np.random.default_rng(5))))
    assert len(plans) == 1


def test_a_network_larger_than_the_pcis_uses_them_again_far_away() -> None:
    sites = np.random.default_rng(0).uniform(0, 9000, (500, 2))
    owner = np.repeat(np.arange(500), 3)
    pcis = plan_pcis(sites[owner], np.tile([0.0, 2.1, -2.1], 500), owner, np.random.default_rng(1))
    assert pcis.min() >= 0 and pcis.max() <= 1007
    distance = np.linalg.norm(sites[owner][:, None] - sites[owner], axis=-1)
    again = (pcis[:, None] == pcis) & ~np.eye(len(pcis), dtype=bool)
    # A square between them: farther than the median distance of 20 neighbours by much.
    assert distance[again].min() > 1500
    assert all(len(set((pcis[owner == site] % 3).tolist())) == 3 for site in range(500))


@pytest.mark.parametrize("count", [8, 9, 40])
def test_a_mast_of_any_number_of_cells_is_planned(count: int) -> None:
    # All combinations of forty would be 3^40; every second list without channel numbers has masts of fifteen.
    owner = np.repeat([0, 1], count)
    positions = np.array([[0.0, 0.0], [300.0, 0.0]])[owner]
    azimuths = np.linspace(-np.pi, np.pi, 2 * count, endpoint=False)
    pcis = plan_pcis(positions, azimuths, owner, np.random.default_rng(3))
    assert len(set(pcis.tolist())) == 2 * count
    for site in (0, 1):
        alike = np.bincount(pcis[owner == site] % 3, minlength=3)
        assert alike.max() - alike.min() <= 1
