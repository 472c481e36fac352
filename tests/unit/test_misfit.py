"""A map that is not the world's is found out, widens the answer and is never trusted."""

import dataclasses

import numpy as np
import pytest
import torch

from model_fixtures import synthetic_place, synthetic_reports
from raylocus.geo import Grid
from raylocus.inference.area_locator import AreaLocator
from raylocus.inference.fix import PLAUSIBLE_FIT, Fix
from raylocus.inference.locator import CIRCLES_ALONE, Locator
from raylocus.inference.opinions import WRONG_SITES, shares, with_sites
from raylocus.models.checkpoint import PosteriorCalibration, TrainedNetwork, load_network, save_network
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.density import doubted_density
from raylocus.models.evidence.cell_order import SWAPS, CellOrder, swapped_orders
from raylocus.models.evidence.stream import FUSED
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.location_network import LocationNetwork
from raylocus.models.misfit import Judgement, MisfitCalibration
from raylocus.provenance import Provenance
from raylocus.training.misfit_calibration import calibrate_misfit
from raylocus.training.symmetry import random_cell_order

PLACES = tuple(synthetic_place(seed, size=256.0, resolution=8.0, sites=4, beams=4) for seed in (1, 2))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    return LocationNetwork(LocationNetworkConfiguration(token_width=16, fusion_width=8)).eval()


@pytest.fixture(scope="module")
def batches():
    made, maps = [], [place_maps(place) for place in PLACES]
    for seed in range(8):
        place = PLACES[seed // 2 % 2]
        reports = synthetic_reports(place, 24, 30 + seed, severity=0.25)
        made.append((maps[seed // 2 % 2], sequence_tensors(reports, place.deployment)))
    return made


@pytest.fixture(scope="module")
def misfit(network, batches):
    return calibrate_misfit(network, batches)


def statistics_of(network, maps, sequences):
    with torch.no_grad():
        place = network.encode_place(maps)
        return network.misfit(network(sequences, place), place)


def judged(network, misfit, maps, sequences):
    return misfit.judge(statistics_of(network, maps, sequences), 0.1)


def test_a_right_map_fits_and_the_map_of_another_tile_does_not(network, misfit):
    here, (own, foreign) = PLACES[0], map(place_maps, PLACES)
    right, wrong = [], []
    for seed in range(3):
        sequences = sequence_tensors(synthetic_reports(here, 24, 90 + seed, severity=0.25), here.deployment)
        right.append(judged(network, misfit, own, sequences))
        wrong.append(judged(network, misfit, foreign, sequences))
    assert np.mean([each.fit for each in right]) > 0.2 and max(each.fit for each in wrong) < PLAUSIBLE_FIT
    assert np.mean([each.wrong for each in right]) < 0.3 and min(each.wrong for each in wrong) > 0.8


def test_many_phones_say_more_than_one(network, misfit):
    here, there = PLACES
    sequences = sequence_tensors(synthetic_reports(here, 24, 90, severity=0.25), here.deployment)
    alone = judged(network, misfit, place_maps(there), sequences.map_tensors(lambda values: values[:1]))
    assert judged(network, misfit, place_maps(there), sequences).wrong > alone.wrong


def test_statistics_are_finite_without_any_measurement(network, batches):
    maps, sequences = batches[0]
    nothing = dataclasses.replace(
        sequences,
        observed=torch.full_like(sequences.observed, torch.nan),
        beams=torch.full_like(sequences.beams, torch.nan),
    )
    assert torch.isfinite(statistics_of(network, maps, nothing)).all()


#: Statistics that are gained by the names of cells: by each fused likelihood, the sharp one, and all together.
GAINS = len(FUSED) + 2


def test_what_levels_gain_by_the_names_of_their_cells(network):
    here = place_maps(PLACES[0])
    reports = synthetic_reports(PLACES[0], 24, 3, severity=0.25)
    sequences = sequence_tensors(reports, PLACES[0].deployment)
    right = statistics_of(network, here, sequences)[:, -GAINS:]
    misnamed = torch.stack([
        statistics_of(network, CellOrder(order).place(here), sequences)[:, -GAINS:].mean(0)
        for order in swapped_orders(here.poses)[1:]
    ])  # fmt: skip
    assert float(right[:, 0].mean()) > 0.2 > -0.2 > float(misnamed[:, 0].mean())
    # So do the sharp evidence and all together, which an untrained network is too sure of.
    assert (right[:, -2:].mean(0) > misnamed[:, -2:].mean(0) + 0.3).all()
    # The order that cells come in says nothing.
    order = random_cell_order(here, torch.Generator().manual_seed(3))
    again = statistics_of(network, order.place(here), order.sequences(sequences))[:, -GAINS:]
    torch.testing.assert_close(again, right, atol=1e-3, rtol=1e-3)


def test_sites_change_names_as_wholes_and_no_cell_keeps_its_own():
    poses, site = place_maps(PLACES[0]).poses, torch.from_numpy(PLACES[0].deployment.site_of_cell)
    orders = swapped_orders(poses)
    assert (orders[0] == torch.arange(len(site))).all() and 2 < len(orders) <= 1 + SWAPS
    assert (orders.sort(1).values == orders[0]).all() and len(orders.unique(dim=0)) == len(orders)
    assert (site[orders[1:]] != site).all()
    together = site[orders][:, :, None] == site[orders][:, None]
    assert (together == together[0]).all()


def test_names_are_swapped_of_one_site_and_of_one_cell():
    poses = place_maps(PLACES[0]).poses
    site = poses[(poses[:, :2] == poses[0, :2]).all(1)]
    assert len(site) == 3 and len(swapped_orders(site)) == 3
    assert (swapped_orders(site[:1]) == 0).all() and len(swapped_orders(site[:1])) == 2


def test_what_was_not_calibrated_doubts_nothing():
    found = MisfitCalibration().judge(torch.randn(5, 12), 0.1)
    assert (found.fit, found.wrong) == (1.0, 0.0)


def test_doubt_leans_on_the_answer_without_a_map():
    density, even = torch.zeros(1, 5, 5), torch.full((1, 5, 5), 0.04)
    density[0, 1, 2] = 1.0
    torch.testing.assert_close(doubted_density(density, torch.zeros(1, 1, 1), even), density)
    found = doubted_density(density, torch.full((1, 1, 1), 0.5), even)
    assert float(found.sum()) == pytest.approx(1.0)
    assert float(found[0, 1, 2]) == pytest.approx(0.52) and float(found[0, 4, 4]) == pytest.approx(0.02)


def test_under_a_wrong_map_the_density_is_wide_and_the_position_that_of_the_sites():
    maps, sites = (torch.full((1, 8, 8), 1e-6) for _ in range(2))
    maps[0, 1, 1] = sites[0, 6, 5] = 1.0
    wrong = Judgement(fit=0.0, wrong=1.0, score=3.0)
    density, middle = with_sites(maps, shares(sites), [wrong], np.zeros(1, int), torch.zeros(1, 8, 8), 0.25)
    assert int(middle.argmax()) == 6 * 8 + 5 and float(middle.max()) > 0.99
    assert int(density.argmax()) == 6 * 8 + 5 and float(density.max()) == pytest.approx(
        1 - WRONG_SITES, abs=0.02
    )
    assert float(density.min()) == pytest.approx(WRONG_SITES / 64, rel=1e-3)


def test_the_calibration_survives_on_disk_and_shows_in_a_fix(network, misfit, tmp_path):
    trained = TrainedNetwork(network, PosteriorCalibration(misfit=misfit), Provenance.collect({}))
    save_network(trained, tmp_path / "some.ckpt")
    again = load_network(tmp_path / "some.ckpt")
    assert again.calibration.misfit == misfit
    reports = synthetic_reports(PLACES[0], 5, 7)
    located = Locator(again).fixes(reports, PLACES[0])
    assert len({fix.fit for fix in located}) == 1 and 0 < located[0].fit < 1
    separate = Locator(again).separate_fixes(reports, PLACES[0])
    assert len({fix.fit for fix in separate}) > 1
    (alone,) = Locator(again).separate_fixes(reports.select(np.array([2])), PLACES[0])
    assert alone.fit == pytest.approx(separate[2].fit, abs=1e-4)
    np.testing.assert_allclose(alone.heatmap, separate[2].heatmap, atol=1e-6)
    # Alone, circles of doubted answers are stated as what they hold, and a better fit is asked for.
    (together,) = Locator(again).fixes(reports.select(np.array([2])), PLACES[0])
    assert alone.radius(0.95) < together.radius(0.95) and alone.plausible_fit > together.plausible_fit
    assert alone.radius(0.9) == pytest.approx(
        together.radius(CIRCLES_ALONE.nominal[1]), abs=PLACES[0].tile.resolution
    )


def test_what_sites_say_is_pooled_with_the_maps(network, monkeypatch):
    trained = TrainedNetwork(network, PosteriorCalibration(), Provenance.collect({}))
    place, reports = PLACES[0], synthetic_reports(PLACES[0], 6, 7)
    even = np.full(place.tile.shape, 1 / place.tile.count**2, np.float32)
    half = np.where(place.tile.x_coordinates < 0, 2, 1e-6).astype(np.float32) * even
    said = []
    for share in (even, half):
        monkeypatch.setattr(AreaLocator, "on_grid", lambda *_, share=share: np.stack([share] * 6))
        said.append(Locator(trained).posterior(reports, place))
    maps = Locator(trained).on_maps(reports, place)[0].numpy()
    for density, own in zip(said[0].density, maps, strict=True):
        assert density.argmax() == own.argmax() and density.max() < own.max()
    west = [each.density[:, :, place.tile.x_coordinates < 0].sum((1, 2)) for each in said]
    assert (west[1] > west[0]).all() and west[1].min() > 0.5


def test_a_fix_that_does_not_fit_is_not_trusted():
    heatmap = np.zeros((8, 8))
    heatmap[4, 4] = 1.0
    fix = Fix(np.array([4.0, 4.0]), np.eye(2), heatmap, Grid(64.0, 8.0), None)
    assert fix.trusted
    assert not dataclasses.replace(fix, fit=0.01).trusted
