"""Calibration: the antennas are R's, derivatives are right, known worlds are found, intervals are honest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from calibration_fixtures import CLEAN, TURNED, observed, rough, turned_world, without_positions, wooded
from raylocus.calibration.antenna_model import ANTENNA, AntennaModel
from raylocus.calibration.blind_turns import BlindTurns
from raylocus.calibration.calibrate import Calibration, calibrate
from raylocus.calibration.calibrated_place import calibrated_deployment
from raylocus.calibration.check import check_map
from raylocus.calibration.error_law import ErrorLaw, Tokens, blocks_of, loss_of_errors, spatial_parts
from raylocus.calibration.labelled_calibration import CalibrationLaw, calibrate_labelled
from raylocus.calibration.labelled_fit import climb
from raylocus.calibration.labelled_model import LabelledModel, NoiseLaw
from raylocus.calibration.law_check import check_law
from raylocus.calibration.links import PointChannels
from raylocus.calibration.measured import measured_at
from raylocus.calibration.parameters import OF_CELL, OF_NETWORK, Layout
from raylocus.calibration.parts_of_ground import nearest_to, spread_out
from raylocus.calibration.severity import SEVERITIES, severity_of
from raylocus.calibration.shared_errors import SharedErrors
from raylocus.calibration.silence import silence_term
from raylocus.calibration.unlabelled_fit import calibrate_unlabelled
from raylocus.calibration.unlabelled_model import MarginalLaw, MarginalModel
from raylocus.calibration.unlabelled_reports import unlabelled_reports
from raylocus.errors import InputError
from raylocus.geo import wrap_angle
from raylocus.propagation.maps.radio_maps import radio_maps
from raylocus.scenes.sites import ElementPattern, PatternCuts
from stack_fixtures import free_space_place

PLACE = free_space_place(2)
LAYOUT = Layout(len(PLACE.deployment.cells))
#: Priors of the clean worlds, whose residual is half a decibel.
LAW = CalibrationLaw(world=dataclasses.replace(CLEAN, turned_share=0.05))


@pytest.fixture(scope="module", autouse=True)
def few_places() -> Iterator[None]:
    """Positions are summed over a third of the places: free space has no finer detail."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("raylocus.calibration.level_table.MOST_PLACES", 300)
        yield


@pytest.fixture(scope="module")
def turned() -> tuple[object, object]:
    """A world with one antenna turned, and sixty points of it."""
    world = turned_world(PLACE, 3, turned=-1.0)
    return world, observed(PLACE, world, 60, 5)


@pytest.fixture(scope="module")
def fitted(turned: tuple) -> Calibration:
    """Its calibration."""
    return calibrate(turned[1], PLACE, LAW)


CUTS = PatternCuts((0.0, 3.0, 15.0, 8.0, 20.0, 1.0), (0.0, 6.0, 12.0, 18.0))


@pytest.mark.parametrize("cuts", [None, CUTS], ids=["formula", "measured"])
def test_levels_are_those_of_the_radio_maps(cuts: PatternCuts | None) -> None:
    pattern = ElementPattern(80.0, 40.0, 20.0, 14.0, 7.0, cuts)
    cells = tuple(dataclasses.replace(each, pattern=pattern) for each in PLACE.deployment.cells)
    deployment = dataclasses.replace(PLACE.deployment, cells=cells)
    place = dataclasses.replace(PLACE, deployment=deployment)
    place.__dict__.update(geometry_maps=PLACE.geometry_maps, atlas=PLACE.atlas)
    ground = np.array([7, 900, 2222, 4000])
    cell = np.array([0, 1, 4, 5])
    model = AntennaModel(PointChannels(place).links(ground, cell), np.zeros(0, int))
    antenna = np.zeros((4, len(ANTENNA)))
    antenna[:, ANTENNA.index("scatter")] = -200.0
    mapped = radio_maps(PLACE.atlas, deployment)["rsrp_beam"].values.reshape(len(cells), 8, -1)
    assert np.allclose(model.beams(antenna), mapped[cell, :, ground], atol=0.02)


def test_levels_over_rougher_walls_are_those_of_the_radio_maps() -> None:
    place, rougher = rough(PLACE), rough(PLACE, 5.0)
    ground, cell = np.array([7, 60, 900, 2222, 4000]), np.array([0, 2, 1, 4, 5])
    model = AntennaModel(PointChannels(place).links(ground, cell), np.zeros(0, int))
    antenna = np.zeros((len(cell), len(ANTENNA)))
    antenna[:, ANTENNA.index("scatter")] = -200.0
    antenna[:, ANTENNA.index("walls")] = 5.0
    mapped = rougher.radio_maps["rsrp_beam"].values.reshape(LAYOUT.cells, 8, -1)[cell, :, ground]
    assert np.allclose(model.beams(antenna), mapped, atol=0.02)
    before = place.radio_maps["rsrp_beam"].values.reshape(LAYOUT.cells, 8, -1)[cell, :, ground]
    assert np.unique(np.round(mapped - before, 1)[:, 0]).size == 3  # mirrored, direct and scattered


def test_changed_antennas_are_those_of_a_changed_deployment(fitted: Calibration) -> None:
    found = fitted
    cells = tuple(range(LAYOUT.cells))
    deployment = calibrated_deployment(PLACE.deployment, [(found, cells)])
    antenna = LAYOUT.antennas(found.posterior.values)
    antenna[:, ANTENNA.index("scatter")] = -200.0
    ground = np.full(LAYOUT.cells, 1500)
    model = AntennaModel(PointChannels(PLACE).links(ground, np.arange(LAYOUT.cells)), np.zeros(0, int))
    mapped = radio_maps(PLACE.atlas, deployment)["rsrp_beam"].values.reshape(LAYOUT.cells, 8, -1)[..., 1500]
    assert np.allclose(model.beams(antenna), mapped, atol=0.02)


@pytest.mark.parametrize("dropout", [None, 0.3])
def test_derivatives_of_labelled_reports(turned: tuple, dropout: float | None) -> None:
    place = wooded(rough(PLACE))
    model = LabelledModel(measured_at(turned[1], place), place)
    assert model.levels.wooded and model.levels.rough
    prior = CalibrationLaw().prior(LAYOUT.cells)
    values = prior.mean + 0.2 * prior.deviation * np.random.default_rng(1).standard_normal(LAYOUT.size)
    term = model.under(NoiseLaw(ErrorLaw(6.0), dropout=dropout))
    _assert_derivatives(term.objective(values).gradient, lambda v: term.objective(v).loss, values)
    beams = model.modelled(values).beams
    assert term.loss(beams) == pytest.approx(term.objective(values).loss)


def test_derivatives_of_reports_without_positions(turned: tuple) -> None:
    reports = unlabelled_reports(without_positions(turned[1]), PLACE)
    model = MarginalModel(reports, PLACE, CalibrationLaw(), CalibrationLaw().prior(LAYOUT.cells).mean)
    term = model.under(8.0, 0.3)
    values = np.zeros(LAYOUT.size)
    values[LAYOUT.index("floor")], values[LAYOUT.index("scatter")] = -8.0, -12.0
    found = term.objective(values)
    for name in ("common", "floor", "scatter"):
        index = LAYOUT.index(name).start
        # One value of all cells, or the first cell's.
        step = np.zeros(LAYOUT.size)
        step[index] = 0.05
        slope = (term.objective(values + step).loss - term.objective(values - step).loss) / 0.1
        assert found.gradient[index] == pytest.approx(slope, rel=0.05, abs=0.3)


def _assert_derivatives(
    gradient: np.ndarray, loss: Callable[[np.ndarray], float], values: np.ndarray
) -> None:
    """Of each kind of value, each of another cell, and of what the network shares."""
    of_cells = [LAYOUT.index(name).start + cell for cell, name in enumerate(OF_CELL)]
    for index in [*of_cells, *(LAYOUT.index(name).start for name in OF_NETWORK)]:
        nudge = np.zeros(len(values))
        nudge[index] = 1e-4
        slope = (loss(values + nudge) - loss(values - nudge)) / 2e-4
        assert gradient[index] == pytest.approx(slope, rel=2e-3, abs=2e-2), index


def test_a_clean_world_is_found(turned: tuple, fitted: Calibration) -> None:
    world, found = turned[0], fitted
    values = found.posterior.values
    azimuth = np.array([wrap_angle(each) for each in values[LAYOUT.index("azimuth")] - world.azimuth_error])
    level = values[LAYOUT.index("level")] + values[LAYOUT.index("common")] - world.level_error_db
    assert np.rad2deg(np.abs(azimuth[TURNED])) < 3.0
    assert np.rad2deg(np.median(np.abs(azimuth))) < 2.0
    assert np.median(np.abs(level)) < 1.5
    assert "azimuth" in found.kept


def test_a_thousand_points_of_one_street_are_not_a_thousand() -> None:
    xy = np.column_stack([np.linspace(0, 20, 400), np.zeros(400)])
    tokens = Tokens(xy, np.zeros(400, int), np.zeros(400, int), np.ones(400))
    law = ErrorLaw(10.0)

    def deviation(count: int) -> float:
        some = tokens.select(np.linspace(0, 399, count).astype(int))
        curved = loss_of_errors(np.zeros(count), law, blocks_of(some, law, [np.arange(count)]))
        _, hessian = curved.normal(np.ones((count, 1)))
        return float(hessian[0, 0] ** -0.5)

    # Within half a correlation distance: even four hundred reports leave most of one residual's spread.
    assert deviation(400) > 0.55 * deviation(2)
    assert deviation(400) < deviation(2)


def test_priors_hold_where_nothing_is_measured(turned: tuple) -> None:
    reports = turned[1]
    few = reports.select(np.arange(4))
    model = LabelledModel(measured_at(few, PLACE), PLACE)
    prior = LAW.prior(LAYOUT.cells)
    found = climb((model.under(LAW.noise()),), prior, LAYOUT.mask(("level", "azimuth")), prior.mean)
    unheard = np.setdiff1d(np.arange(LAYOUT.cells), model.measured.heard.cell)
    level = LAYOUT.index("level")
    assert len(unheard)
    assert np.all(found.deviation[level][unheard] > 0.6 * prior.deviation[level][unheard])


def test_what_is_at_the_end_of_its_range_lies_over_it_by_the_mean_of_a_cut_gaussian() -> None:
    marginal, error = MarginalLaw.of(ErrorLaw(1.0)), np.array([-12.0, -1.0, 0.0, 2.0])
    drawn = np.sqrt(2.0) * np.random.default_rng(0).standard_normal(400_000)
    by_draws = [float((drawn[drawn > each] - each).mean()) for each in error]
    assert np.allclose(marginal.excess(torch.from_numpy(error)), by_draws, atol=0.02)


def test_levels_of_reports_without_positions_whose_range_ends() -> None:
    world = turned_world(PLACE, 11)
    seen = without_positions(observed(PLACE, world, 80, 2))
    column = seen.feature_names.index("rsrp")
    limit, features = np.nanmedian(seen.features[:, column]), seen.features.copy()
    features[:, column] = np.minimum(features[:, column], limit)
    censored = (features == limit).astype(np.int8)
    reports = unlabelled_reports(dataclasses.replace(seen, features=features, censored=censored), PLACE)
    assert reports.level[reports.above].min() == np.nanmax(reports.level)
    found = calibrate_unlabelled(reports, PLACE, CalibrationLaw())
    level = found.values[LAYOUT.index("level")] + found.values[LAYOUT.index("common")]
    assert abs(np.mean(level - world.level_error_db)) < 2.5
    assert 0.1 < found.dropout < 0.6


def test_a_turned_antenna_is_found_by_reports_without_positions() -> None:
    world = turned_world(PLACE, 3, turned=-1.0)
    reports = unlabelled_reports(without_positions(observed(PLACE, world, 40, 5)), PLACE)
    values = np.zeros(LAYOUT.size + 2)
    values[LAYOUT.index("level")], values[LAYOUT.index("scatter")] = (
        world.level_error_db,
        world.scatter_gain_db,
    )
    found = BlindTurns(reports, PLACE, LAW, values).azimuths()
    off = np.abs(np.angle(np.exp(1j * (found.error - world.azimuth_error))))
    assert off[TURNED] < 3 * found.deviation[TURNED] < np.deg2rad(15)
    assert np.all(off < np.deg2rad(16)) and np.all(found.deviation > np.deg2rad(2))


def test_both_kinds_are_surer_than_one(turned: tuple) -> None:
    world, reports = turned
    more = without_positions(observed(PLACE, world, 40, 9))
    tagged = reports.select(np.arange(20))
    both = calibrate(type(reports).concatenate([tagged, more]), PLACE, CalibrationLaw())
    common = LAYOUT.index("common")
    assert both.unlabelled is not None and both.labelled is not None
    assert both.posterior.deviation[common] < both.labelled.posterior.deviation[common]


def test_reports_of_one_street_count_for_few_where_positions_are_not_known() -> None:
    law = ErrorLaw(10.0, own_share=0.1)
    near = np.column_stack([np.linspace(0, 8, 50), np.zeros(50)])
    far = np.column_stack([np.linspace(0, 8000, 50), np.zeros(50)])
    assert law.alike(near) == pytest.approx(0.9, abs=0.08)
    # Of two places drawn far apart only one in fifty is the same.
    assert law.alike(far) == pytest.approx(0.9 * 0.02, abs=0.02)


def test_shared_errors_in_closed_form() -> None:
    law, heard = ErrorLaw(1.0), torch.tensor([[True, False, True, True, False, False]])
    shared = SharedErrors.of(heard, PLACE.deployment, law)
    site = PLACE.deployment.site_of_cell
    whole = 0.85 * (0.2 + 0.5 * (site[:, None] == site)) + (1 - 0.85 * 0.7) * np.eye(6)
    own = np.flatnonzero(heard[0].numpy())
    inside, score = whole[np.ix_(own, own)], np.array([0.3, -1.2, 0.7])
    ratio = -0.5 * (score @ np.linalg.inv(inside) @ score - score @ score + np.linalg.slogdet(inside)[1])
    dense = torch.zeros(1, 6, 1)
    dense[0, own, 0] = torch.from_numpy(score).float()
    assert float(shared.log_ratio(dense)[0, 0]) == pytest.approx(ratio, abs=1e-5)
    across = whole[np.ix_([1], own)]
    expected = across @ np.linalg.inv(inside) @ score
    assert float(shared.expected(dense)[0, 1, 0]) == pytest.approx(expected[0], abs=1e-5)
    left = 1 - across @ np.linalg.inv(inside) @ across.T
    assert float(shared.left[0, 1]) ** 2 == pytest.approx(left[0, 0], abs=1e-5)


def test_silence_is_certain_below_what_is_audible_and_impossible_above_the_strongest() -> None:
    arguments = np.array([[8.0, -3.0, -8.0], [9.0, 5.0, -7.0]])
    losses = [silence_term(arguments[:, [each]], 0.3, np.ones(1)).loss for each in range(3)]
    assert losses[0] == pytest.approx(0.0, abs=1e-6)
    assert losses[1] == pytest.approx(-np.log(0.3), abs=0.01)
    assert losses[2] > 20


def test_points_inside_buildings_are_named_where_too_few_are_left(turned: tuple) -> None:
    reports, built = turned[1], PLACE.geometry_maps["footprint"].values.ravel() > 0
    position = reports.position.copy()
    position[:, :2] = PLACE.tile.centres[np.flatnonzero(built)[0]]
    with pytest.raises(InputError, match=f"too few to calibrate by .*inside buildings.*: {len(position)}"):
        calibrate(dataclasses.replace(reports, position=position), PLACE, LAW)


def test_parts_of_the_ground_hold_every_token_once() -> None:
    xy = np.random.default_rng(0).uniform(-100, 100, (1234, 2))
    parts = spatial_parts(xy, 100)
    assert max(map(len, parts)) <= 100
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(1234))


def test_severity_is_where_the_evidence_is() -> None:
    found = severity_of(-(((np.log(SEVERITIES) - np.log(0.7)) / 0.1) ** 2) / 2)
    assert found.value == pytest.approx(0.7, abs=0.03)
    assert 0.5 < found.low < 0.68 < 0.72 < found.high < 0.9


def test_a_wrong_unit_is_named(turned: tuple) -> None:
    level = np.zeros(LAYOUT.cells)
    reports = observed(PLACE, dataclasses.replace(turned[0], level_error_db=level), 25, 5)
    features = reports.features.copy()
    features[:, reports.feature_names.index("rsrp")] += 10 * np.log10(12 * 106)
    measured = measured_at(dataclasses.replace(reports, features=features), PLACE)
    # Levels beyond what the law expects: the priors give way.
    found = calibrate_labelled(measured, PLACE, CalibrationLaw())
    assert any("RSSI" in note for note in check_map(found, PLACE.deployment).notes)


def test_too_little_is_refused(turned: tuple) -> None:
    with pytest.raises(InputError, match="too few to calibrate by"):
        calibrate(turned[1].select(np.arange(3)), PLACE, LAW)
    with pytest.raises(InputError, match="without positions"):
        calibrate(without_positions(turned[1].select(np.arange(6))), PLACE, LAW)


def test_reports_whose_range_ends_say_no_levels_and_no_silence_but_beams(turned: tuple) -> None:
    reports = turned[1]
    censored = reports.censored.copy()
    censored[:, reports.feature_names.index("rsrp")] = 1
    before, after = (
        measured_at(reports, PLACE),
        measured_at(dataclasses.replace(reports, censored=censored), PLACE),
    )
    assert len(before.silent.cell) and not len(after.heard.level) and not len(after.silent.cell)
    assert len(before.beamed.cell) == len(after.beamed.cell)


def test_a_map_that_says_less_than_who_is_heard_is_noticed() -> None:
    reports = unlabelled_reports(without_positions(observed(PLACE, turned_world(PLACE, 11), 60, 2)), PLACE)
    found = calibrate_unlabelled(reports, PLACE, CalibrationLaw())
    unknown = np.full((len(reports.level), 2), np.nan)
    assert "trust the map: it predicts" in check_law(reports, unknown, found, PLACE, CalibrationLaw()).verdict
    # A map of levels that have nothing to do with the ground: every report's levels go to other cells.
    order = np.random.default_rng(0).permuted(
        np.tile(np.arange(LAYOUT.cells), (len(reports.level), 1)), axis=1
    )
    level = np.take_along_axis(reports.level, order, axis=1)
    wrong = dataclasses.replace(
        reports, level=level, serving=np.nan_to_num(level, nan=-np.inf).argmax(axis=1)
    )
    verdict = check_law(wrong, unknown, found, PLACE, CalibrationLaw()).verdict
    assert verdict.startswith("do not trust the map")


def test_tags_that_contradict_each_other_are_counted_and_passed_over(turned: tuple) -> None:
    reports, seen = turned[1], measured_at(turned[1], PLACE)
    other = reports.features.copy()
    other[:, reports.feature_names.index("rsrp")] -= 45.0
    again = type(reports).concatenate([reports, dataclasses.replace(reports, features=other)])
    found = measured_at(again, PLACE)
    assert len(seen.heard.level) and not len(found.heard.level)
    assert any("contradict each other" in note for note in found.notes)


def test_dense_reports_are_spread_out_and_beams_kept(turned: tuple) -> None:
    whole = measured_at(turned[1], PLACE)
    some = spread_out(whole, PLACE.tile, 60.0)
    kept, left = np.unique(some.silent.ground), np.setdiff1d(whole.silent.ground, some.silent.ground)
    apart = np.linalg.norm(PLACE.tile.centres[kept][:, None] - PLACE.tile.centres[kept][None], axis=-1)
    assert apart[np.triu_indices(len(kept), 1)].min() >= 60.0
    # Whatever is left out stands next to what is kept.
    near = np.linalg.norm(PLACE.tile.centres[left][:, None] - PLACE.tile.centres[kept][None], axis=-1).min(
        axis=1
    )
    assert len(left) and near.max() < 60.0
    assert len(some.beamed.ground) == len(whole.beamed.ground)
    # What is left out but for its beams is held out with the kept ground next to it.
    heard = np.unique(some.heard.ground)
    held, rest = (nearest_to(some, PLACE.tile, part) for part in np.array_split(heard, 2))
    assert not len(np.intersect1d(held, rest))
    assert np.setdiff1d(some.beamed.ground, heard).size
    assert not len(np.setdiff1d(some.beamed.ground, np.concatenate([held, rest])))


def test_points_inside_buildings_are_counted_and_passed_over(turned: tuple) -> None:
    built = dataclasses.replace(PLACE)
    maps = PLACE.geometry_maps.copy(deep=True)
    maps["footprint"].values[:] = 1
    built.__dict__.update(geometry_maps=maps, atlas=PLACE.atlas)
    found = measured_at(turned[1], built)
    assert found.points == 0 and any(
        "inside buildings" in note and note.endswith(": 60") for note in found.notes
    )
    with pytest.raises(InputError, match="too few to calibrate by"):
        calibrate(turned[1], built, LAW)


def test_a_cell_that_is_never_heard_is_named(turned: tuple) -> None:
    reports = turned[1].select(np.arange(25))
    lost = reports.select_tokens(reports.pci != PLACE.deployment.cells[0].pci)
    found = calibrate_labelled(measured_at(lost, PLACE), PLACE, LAW)
    pci = PLACE.deployment.cells[0].pci
    assert any(f"never heard (PCI): {pci}" in note for note in check_map(found, PLACE.deployment).notes)
    assert (
        found.posterior.deviation[LAYOUT.index("level")][0]
        > 0.5 * found.prior.deviation[LAYOUT.index("level")][0]
    )
