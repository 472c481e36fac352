"""Baselines against exact answers on small examples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.stats import multivariate_normal, norm

from evaluation_fixtures import SyntheticPlace, some_world, synthetic_place, synthetic_reports
from raylocus.errors import InputError, PlaceError
from raylocus.evaluation.baselines.fingerprints import NearestNeighbours
from raylocus.evaluation.baselines.grid_bayes import GridBayes, SequenceGridBayes
from raylocus.evaluation.baselines.grid_likelihood import LikelihoodModel, log_likelihood
from raylocus.evaluation.baselines.masses import SPEEDS, forward_filter, masses
from raylocus.evaluation.baselines.strongest_cell import StrongestCell, TimingAdvance, ring_and_wedge
from raylocus.evaluation.observations import Observations, observations
from raylocus.geo import Grid
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.nominal_maps import NominalMaps, nominal_maps
from raylocus.network.reports.reports import Reports
from raylocus.propagation.antennas.antennas import beam_azimuths
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site
from raylocus.units import SPEED_OF_LIGHT, timing_advance_distance

NAN = np.nan
STEP = timing_advance_distance(Carrier().numerology)


@pytest.fixture(scope="module")
def place() -> SyntheticPlace:
    return synthetic_place(0, size=256.0)


@pytest.fixture(scope="module")
def reports(place: SyntheticPlace) -> Reports:
    return synthetic_reports(place, some_world(place, 1), 20, 1)


def one_report(
    rsrp: list[float], advance: float = NAN, serving: int = 0, ends: tuple[int, ...] = ()
) -> Observations:
    return Observations(
        rsrp=np.array([rsrp]),
        rsrp_end=np.array([ends or [0] * len(rsrp)]),
        beam_rsrp=np.full((1, 8), NAN),
        timing_advance=np.array([advance]),
        serving=np.array([serving]),
        time=np.zeros(1),
        report_offsets=np.array([0, 1]),
    )


def two_cell_maps(beams: np.ndarray | None = None) -> NominalMaps:
    """Four ground cells, the last one indoors; two sites of one cell, the second with a cell in the dark."""
    level = np.array([[-80.0, -90, -85, -80], [-95.0, -85, NAN, -95]], np.float32).reshape(2, 2, 2)
    length = np.array([[40.0, 80, 120, 40], [90.0, 50, 70, 90]]).reshape(2, 2, 2)
    footprint = np.array([[0.0, 0], [0, 1]])
    sites = (Site("one", (0.0, 0.0, 30.0)), Site("two", (40.0, 0.0, 30.0)))
    cells = tuple(Cell(pci=1 + site, site=site, azimuth=0.0, downtilt=0.1) for site in (0, 1))
    beams = np.repeat(level[:, None], 8, axis=1) if beams is None else beams
    plane = ("y", "x")
    return NominalMaps(
        tile=Grid(8.0, 4.0),
        deployment=Deployment((Carrier(),), sites, cells),
        geometry_maps=xr.Dataset({"footprint": (plane, footprint), "terrain": (plane, 0 * footprint)}),
        radio_maps=xr.Dataset(
            {
                "rsrp": (("cell", *plane), level),
                "rsrp_beam": (("cell", "beam", *plane), beams),
                "toa": (("site", *plane), length / SPEED_OF_LIGHT),
            }
        ),
        ue_height=1.5,
    )


@given(st.floats(2, 15), st.floats(0, 30), st.floats(-100, -70), st.floats(-100, -70), st.booleans())
def test_grid_bayes_is_bayes_by_hand(
    spread: float, common: float, first: float, second: float, timed: bool
) -> None:
    maps, model = two_cell_maps(), LikelihoodModel(spread, common, 20.0)
    levels, prior = maps.level.reshape(2, 4).astype(float), maps.prior.ravel()
    covariance = spread**2 * np.eye(2) + common**2
    by_hand = np.array(
        [multivariate_normal.pdf([first, second], levels[:, ground], covariance) for ground in range(4)]
    )
    if timed:
        by_hand *= np.exp(-((2 * STEP - maps.path_length[0].ravel()) ** 2) / (2 * 20.0**2))
    by_hand *= prior
    observed = one_report([first, second], 2.0 if timed else NAN)
    found = masses(log_likelihood(observed, np.array([0]), maps, model), prior)[0]
    assert np.allclose(found, by_hand / by_hand.sum(), atol=2e-3)


@given(
    st.floats(2, 15), st.floats(0, 30), st.floats(-100, -70), st.floats(-100, -70), st.sampled_from((-1, 1))
)
def test_a_level_at_the_end_of_its_range_is_at_least_or_at_most_so_strong(
    spread: float, common: float, first: float, end: float, side: int
) -> None:
    maps, model = two_cell_maps(), LikelihoodModel(spread, common, 20.0)
    observed = one_report([first, end], ends=(0, side))
    found = log_likelihood(observed, np.array([0]), maps, model)[0].astype(float)
    # The second level given the first is Gaussian, the offset that both have being known in part.
    mine, other = maps.level.reshape(2, 4).astype(float)
    total = spread**2 + common**2
    mean = other + common**2 / total * (first - mine)
    beyond = norm(mean, np.sqrt(total - common**4 / total)).logcdf(2 * mean - end if side > 0 else end)
    by_hand = norm(mine, np.sqrt(total)).logpdf(first) + beyond
    assert np.allclose(found - found[0], by_hand - by_hand[0], atol=0.02, rtol=2e-3)


@given(st.floats(-40, 40))
def test_a_free_level_makes_a_common_offset_harmless(offset: float) -> None:
    maps, model = two_cell_maps(), LikelihoodModel(6.0, 1e4, 20.0)
    plain, moved = (
        masses(
            log_likelihood(one_report([-80 + shift, -90 + shift]), np.array([0]), maps, model),
            maps.prior.ravel(),
        )
        for shift in (0.0, offset)
    )
    assert np.allclose(plain, moved, atol=5e-3)


def test_a_cell_that_is_not_reported_says_nothing() -> None:
    maps, model = two_cell_maps(), LikelihoodModel(6.0, 0.0, 20.0)
    louder = maps.radio_maps["rsrp"] + xr.DataArray([0.0, 33.0], dims="cell")
    other = replace(maps, radio_maps=maps.radio_maps.assign(rsrp=louder))
    one = one_report([-80.0, NAN])
    first, second = (log_likelihood(one, np.array([0]), each, model) for each in (maps, other))
    assert np.array_equal(first, second)


def test_beams_are_compared_by_their_differences() -> None:
    beams = np.full((2, 3, 2, 2), -70.0, np.float32)
    beams[0, :, 0, 1] += [-4, 0, 4]
    maps = two_cell_maps(beams)
    level = np.array([[-84.0, NAN, -76.0]])
    observed = replace(one_report([NAN, NAN]), beam_rsrp=level + 17.0)
    found = log_likelihood(observed, np.array([0]), maps, LikelihoodModel(6.0, 0.0, 20.0, 4.0))[0]
    assert found[1] == pytest.approx(0, abs=1e-3)
    # Deviations of ∓4 dB about their mean at a spread of 4 dB: −½ · 32 / 16.
    assert found[0] == pytest.approx(-1.0, abs=1e-3)


def test_without_noise_the_nearest_neighbour_is_the_truth(place: SyntheticPlace) -> None:
    maps = nominal_maps(place)
    outdoors = np.flatnonzero(maps.outdoor)[::37]
    method = NearestNeighbours("kNN", neighbours=1, floor_dbm=-130.0, spread=4.0)
    found = method.nearest(maps.level.reshape(len(maps.level), -1)[:, outdoors].T, maps)
    assert np.array_equal(found[:, 0], outdoors)
    assert np.allclose(method.density(found, maps).sum(axis=1), 1, atol=1e-5)


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 2), st.integers(0, 7))
def test_timing_advance_is_a_ring_along_the_beam(steps: int, beam: int) -> None:
    built = synthetic_place(0, size=512.0, sites=1)
    place = replace(
        built, geometry_maps=built.geometry_maps.assign(footprint=built.geometry_maps["footprint"] * 0)
    )
    step = timing_advance_distance(place.deployment.carrier.numerology)
    observed = one_report([-80.0, NAN, NAN], float(steps))
    observed.beam_rsrp[0, beam] = -80.0
    shape = ring_and_wedge(observed, np.array([0]), nominal_maps(place))
    density = TimingAdvance("TA", 0.0, 8.0, 300.0, 100.0).log_density(shape)[0]
    peak = place.tile.centres[density.argmax()]
    away = peak - place.deployment.site_positions[0, :2]
    assert np.linalg.norm([*away, 26.5]) == pytest.approx(steps * step, abs=8)
    expected = place.deployment.cells[0].azimuth + beam_azimuths(place.deployment.cells[0].array)[beam]
    off = np.angle(np.exp(1j * (np.arctan2(away[1], away[0]) - expected)))
    assert abs(off) < 6.0 / np.hypot(*away)


def test_a_sector_lies_on_the_side_it_points_to(place: SyntheticPlace) -> None:
    method = StrongestCell("sector", reach=40.0, spread=25.0)
    centres = method.centres(place.deployment)
    for cell, centre in zip(place.deployment.cells, centres, strict=True):
        site = place.deployment.site_positions[cell.site, :2]
        assert np.allclose(centre - site, 40 * np.array([np.cos(cell.azimuth), np.sin(cell.azimuth)]))


def test_a_filter_without_movement_multiplies_likelihoods() -> None:
    grid, prior = Grid(40.0, 4.0), np.full(100, 0.01, np.float32)
    levels = np.random.default_rng(0).normal(size=(3, 100)).astype(np.float32)
    found = forward_filter(levels, np.zeros(3), np.array([0, 3]), prior, grid, 0.5)[0]
    expected = np.exp(0.5 * levels.sum(axis=0))
    assert np.allclose(found, expected / expected.sum(), atol=1e-6)


def test_a_filter_forgets_where_the_ue_was_long_ago() -> None:
    grid, prior = Grid(40.0, 4.0), np.full(100, 0.01, np.float32)
    levels = np.zeros((2, 100), np.float32)
    levels[0, 5] = 8.0
    near, far = (
        forward_filter(levels, np.array([0.0, gap]), np.array([0, 2]), prior, grid, 1.0)[0, 5]
        for gap in (0.1, 30.0)
    )
    assert far < 0.6 * near


def filtered_by_hand(levels: np.ndarray, time: np.ndarray, prior: np.ndarray, grid: Grid) -> np.ndarray:
    """One sequence, one speed after the other, with scipy's Gaussian."""
    beliefs = np.repeat(prior[None] / len(SPEEDS), len(SPEEDS), axis=0)
    for step, level in enumerate(levels):
        for row, speed in enumerate(SPEEDS):
            distance = speed * (time[step] - time[step - 1]) if step else 0.0
            if distance:
                spread = distance / np.sqrt(2) / grid.resolution
                moved = gaussian_filter(beliefs[row].reshape(grid.shape), spread, mode="constant").ravel()
                moved = moved * (prior > 0)
                beliefs[row] = moved * beliefs[row].sum() / moved.sum()
        beliefs = beliefs * np.exp(0.3 * level)
        beliefs = beliefs / beliefs.sum()
    return beliefs.sum(axis=0)


def test_sequences_filtered_together_are_those_filtered_alone() -> None:
    grid, generator = Grid(48.0, 4.0), np.random.default_rng(3)
    lengths = np.array([3, 1, 4, 2])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    time = np.concatenate(
        [np.arange(length) * gap for length, gap in zip(lengths, (0.5, 1, 1.7, 0.8), strict=True)]
    )
    levels = generator.normal(size=(len(time), grid.count**2)).astype(np.float32) * 3
    prior = (generator.random(grid.count**2) < 0.7).astype(np.float32)
    prior /= prior.sum()
    found = forward_filter(levels, time, offsets, prior, grid, 0.3)
    for sample, (start, stop) in enumerate(zip(offsets[:-1], offsets[1:], strict=True)):
        alone = filtered_by_hand(levels[start:stop].astype(float), time[start:stop], prior, grid)
        np.testing.assert_allclose(found[sample], alone, atol=2e-6)


def hillside(place: SyntheticPlace) -> SyntheticPlace:
    """The place on a slope that rises 60 m over the tile, its maps dark, so that straight lines are all there is."""
    x = place.tile.x_coordinates
    terrain = np.broadcast_to(30 + 60 * x / place.tile.size, place.tile.shape)
    geometry = place.geometry_maps.assign(
        terrain=(("y", "x"), terrain), footprint=0 * place.geometry_maps["footprint"]
    )
    return replace(
        place, geometry_maps=geometry, radio_maps=place.radio_maps.assign(toa=place.radio_maps["toa"] * NAN)
    )


def test_classics_stand_on_the_terrain_as_the_model_does(place: SyntheticPlace) -> None:
    slope = hillside(place)
    maps = nominal_maps(slope)
    terrain = slope.geometry_maps["terrain"].values
    ue = np.column_stack([slope.tile.centres, terrain.ravel() + 1.5])
    for site, position in enumerate(slope.deployment.site_positions):
        expected = np.linalg.norm(ue - position, axis=1).reshape(slope.tile.shape)
        np.testing.assert_allclose(maps.path_length[site], expected, rtol=1e-5)
    coarse = maps.path_length.reshape(len(maps.path_length), 32, 2, 32, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(place_maps(slope).distance.numpy(), coarse, rtol=1e-5)


def test_a_ring_of_timing_advance_lies_on_the_terrain() -> None:
    """A mast of 100 m on a slope of 60 m over the tile: uphill, the ring of T_A reaches farther than downhill."""
    slope = hillside(synthetic_place(0, size=512.0, sites=1))
    mast = replace(slope.deployment.sites[0], position=(0.0, 0.0, 130.0))
    slope = replace(slope, deployment=replace(slope.deployment, sites=(mast,)))
    shape = ring_and_wedge(one_report([-80.0, NAN, NAN], 3.0), np.array([0]), nominal_maps(slope))
    found = TimingAdvance("TA", 0.0, 8.0, 0.0, 100.0).log_density(shape)[0] + shape.log_slant[0]
    x, y = slope.tile.centres.T
    reach = []
    for side in (1, -1):
        ahead = np.flatnonzero((np.abs(y) < 3) & (x * side > 0))
        best = ahead[found[ahead].argmax()]
        below = 130.0 - (30 + 60 * x[best] / 512 + 1.5)
        assert np.hypot(np.hypot(x[best], y[best]), below) == pytest.approx(3 * STEP, abs=4.0)
        reach.append(abs(x[best]))
    assert reach[0] > reach[1] + 8


def test_a_ue_can_be_drawn_from_the_prior(place: SyntheticPlace) -> None:
    maps = nominal_maps(place)
    assert abs(maps.prior.sum() - 1) < 1e-12
    drawn = np.random.default_rng(0).choice(maps.prior.size, 50, p=maps.prior.ravel())
    assert maps.outdoor.ravel()[drawn].all()


def test_the_ue_height_is_the_one_that_the_maps_were_traced_for(place: SyntheticPlace) -> None:
    """Straight lines end at a UE that stands 10 m over the ground, if R says so."""
    high = replace(place, radio_maps=place.radio_maps.assign_attrs(ue_height=10.0))
    ue = np.column_stack([place.tile.centres, np.full(place.tile.count**2, 10.0)])
    expected = np.linalg.norm(ue - place.deployment.site_positions[0], axis=1).reshape(place.tile.shape)
    np.testing.assert_allclose(nominal_maps(high).straight_length[0], expected, rtol=1e-5)


def test_classics_are_given_the_unmodelled_scattering_of_the_model(place: SyntheticPlace) -> None:
    dark = place.radio_maps["rsrp"].copy()
    dark[:, :32] = NAN
    half = replace(place, radio_maps=place.radio_maps.assign(rsrp=dark))
    maps = nominal_maps(half)
    assert np.isfinite(maps.level).all()
    power = 10 ** (maps.level / 10).reshape(len(maps.level), 32, 2, 32, 2)
    model = place_maps(half).level.numpy()
    coarse = maps.level.reshape(power.shape).mean(axis=(2, 4))
    np.testing.assert_allclose(coarse, model, atol=1e-3)
    np.testing.assert_allclose(maps.level[:, :32], maps.scattered_level[:, :32], atol=1e-3)


def test_every_method_answers_on_open_ground(place: SyntheticPlace, reports: Reports) -> None:
    training = [(reports, place)]
    single = GridBayes.fit("grid", training)
    methods = [
        StrongestCell.fit("site", training, reaches=(0.0,)),
        TimingAdvance.fit("TA", training),
        NearestNeighbours.fit("kNN", training),
        single,
        SequenceGridBayes.fit("sequence", single, training),
    ]
    indoors = nominal_maps(place).prior == 0
    errors = {}
    for method in methods:
        answers = method.locate(reports, place)
        assert np.allclose(answers.density.sum(axis=(1, 2)), 1, atol=1e-4)
        assert not answers.density[:, indoors].any()
        truth = reports.position[reports.last_report, :2]
        errors[method.name] = np.median(np.hypot(*(answers.mean - truth).T))
    assert errors["grid"] < errors["TA"] < errors["site"]


def test_the_truth_is_not_looked_at(place: SyntheticPlace, reports: Reports) -> None:
    blind = replace(
        reports, position=np.full_like(reports.position, NAN), line_of_sight=reports.line_of_sight * NAN
    )
    method = GridBayes("grid", LikelihoodModel(8.0, 6.0, 15.0))
    assert np.array_equal(method.locate(reports, place).density, method.locate(blind, place).density)


def test_observations_gather_every_token_once(place: SyntheticPlace, reports: Reports) -> None:
    marked = np.where(reports.present, np.sign(reports.features + 90).astype(reports.censored.dtype), 0)
    dense = observations(replace(reports, censored=marked), place.deployment)
    heard = np.isfinite(dense.rsrp)
    assert (
        np.array_equal(dense.rsrp_end[heard], np.sign(dense.rsrp[heard] + 90))
        and not dense.rsrp_end[~heard].any()
    )
    whole = reports.beam < 0
    assert np.isfinite(dense.rsrp).sum() == np.isfinite(reports.features[whole, 0]).sum()
    assert np.isfinite(dense.beam_rsrp).sum() == np.isfinite(reports.features[~whole, 3]).sum()
    assert np.array_equal(dense.heard, reports.heard_cells)


def test_foreign_cells_and_missing_training_are_named(place: SyntheticPlace, reports: Reports) -> None:
    with pytest.raises(PlaceError, match="PCI 999"):
        observations(replace(reports, pci=np.full_like(reports.pci, 999)), place.deployment)
    with pytest.raises(InputError, match="training"):
        GridBayes.fit("grid", [])
