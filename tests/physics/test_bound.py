"""The bound on places where the law of worlds is exactly known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.ndimage import distance_transform_edt
from scipy.stats import kstest, multivariate_normal, norm, t

from evaluation_fixtures import (
    LAW,
    MOBILITY,
    OBSERVATION,
    SyntheticPlace,
    sampled_ensemble,
    some_world,
    synthetic_physics,
    synthetic_place,
    synthetic_reports,
)
from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.evaluation.baselines.grid_bayes import SequenceGridBayes
from raylocus.evaluation.baselines.grid_likelihood import LikelihoodModel
from raylocus.evaluation.bound.bound import Bound, BoundRefused, KnownLaw
from raylocus.evaluation.bound.calibration import USUAL_AREA, Calibration
from raylocus.evaluation.bound.levels import TABLE_SPAN, TABLE_STEP, LevelLaw, ResidualLaw
from raylocus.evaluation.bound.likelihood import NEGLIGIBLE, SequenceLikelihood
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.bound.search import ENOUGH, Found, Search
from raylocus.evaluation.bound.self_check import CHECK_SEED, SelfCheck, self_check
from raylocus.evaluation.bound.tokens import all_tokens, unfiltered
from raylocus.evaluation.bound.true_maps import TrueMaps
from raylocus.evaluation.evaluation import Evaluation, coverage, evaluate
from raylocus.evaluation.observations import Observations, observations
from raylocus.evaluation.references import References
from raylocus.geo import Grid
from raylocus.network.configuration import CoherentFading, DetectedTiming, NetworkConfiguration
from raylocus.network.impairments.report_errors import IdentityErrors
from raylocus.network.mac.uplink import TimingLoop
from raylocus.network.movement.mobility import MobilityConfiguration, SpeedClass, sample_trajectories
from raylocus.network.network_law import NetworkLaw
from raylocus.network.reports.reports import Reports
from raylocus.network.rrc.events import l3_filter
from raylocus.network.rrc.handover import DEFAULT_EVENT
from raylocus.propagation.maps.traced_place import open_place
from raylocus.scenes.vector_map import ROAD_CLASSES
from raylocus.scenes.world import WorldLaw, student_from_gaussian
from training_fixtures import save_synthetic_dataset

#: Standard deviation of the Gaussian part of a level in most tests [dB].
GAUSSIAN = float(np.sqrt(2.5**2 + 1.5**2 + 1 / 12))


@pytest.fixture(scope="module")
def place() -> SyntheticPlace:
    return synthetic_place(9, size=192.0, resolution=8.0, sites=3)


@pytest.fixture(scope="module")
def movement(place: SyntheticPlace) -> Movement:
    return Movement.of(place, MOBILITY, np.random.default_rng(0))


@pytest.fixture(scope="module")
def bound(place: SyntheticPlace, movement: Movement) -> Bound:
    known = KnownLaw(place, LAW, OBSERVATION, MOBILITY, movement, synthetic_physics)
    return Bound(known, worlds=16, motions=16, ways=24)


def test_scores_of_the_margin_are_standard_gaussian() -> None:
    law = ResidualLaw.of(LAW)
    generator = np.random.default_rng(0)
    residual = 0.5 * 11.0 * t.rvs(4.0, size=4000, random_state=generator)
    deviation = torch.from_numpy(residual + GAUSSIAN * generator.normal(size=4000))
    score, _ = law.scores(deviation, torch.full_like(deviation, GAUSSIAN))
    assert kstest(score.numpy(), "norm").pvalue > 0.01


def test_the_scores_have_the_covariance_of_the_law() -> None:
    """Two cells of one site and one of another, 20 m apart: the field's law, own levels and noise, by simulation.

    Whitened by the covariance of each way, which knows how little scores move in the tails, scores are white.
    """
    residual, generator, count = ResidualLaw.of(LAW), np.random.default_rng(1), 20_000
    cell, site = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0, 0, 1, 0, 0, 1])
    apart = np.where(np.arange(6)[:, None] // 3 == np.arange(6) // 3, 0.0, 20.0)
    shared = residual.shared(cell, site, cell, site) * torch.exp(
        -torch.from_numpy(apart).float() / residual.distance
    )
    field = generator.multivariate_normal(np.zeros(6), shared.numpy(), count)
    own = np.sqrt(residual.own_variance) * generator.normal(size=(count, 3))[:, cell.numpy()]
    noise = np.hypot(1.5, 12**-0.5) * generator.normal(size=(count, 6))
    deviation = torch.from_numpy(student_from_gaussian(field, LAW) + own + noise).float()
    gaussian = torch.full_like(deviation, residual.own_variance)
    # An offset that is known to be none.
    fit = LevelLaw(residual, 1e-3, 0.0).fit(
        deviation, gaussian, torch.full_like(deviation, 1.5**2 + 1 / 12), shared.expand(count, -1, -1), cell
    )
    white = torch.linalg.solve_triangular(fit.whitening.factor, fit.score[..., None], upper=False)[..., 0]
    assert np.allclose(np.cov(white.numpy().T), np.eye(6), atol=0.12)


@pytest.mark.parametrize("severity", [0.25, 0.5, 1.0])
def test_six_levels_of_one_cell_at_one_place_are_worth_one_residual(severity: float) -> None:
    """Whatever a cell errs by is the same in all reports of a UE at rest: against the integral over it.

    With noise inside the margin of the copula, five more reports took 3 nats off a place where the map errs by 20 dB.
    """
    law, own, noise = WorldLaw(severity=severity), 7.0, 2.3
    levels = LevelLaw(ResidualLaw.of(law), 6.0, 0.0)
    error = torch.tensor([1.0, -2.0, 0.5, 0.0, 1.5, -0.5])
    deviation = torch.tensor([-20.0, -10.0, 0.0, 5.0, 10.0, 20.0])[:, None] + error
    cell = torch.zeros(6, dtype=torch.long)

    def fitted(used: slice) -> np.ndarray:
        some = deviation[:, used]
        variance = torch.full_like(some, own)
        count = some.shape[1]
        same = torch.ones(len(some), count, count)
        return levels.fit(some, variance, torch.full_like(some, noise), same, cell[used]).log_density.numpy()

    step = 0.05
    common = np.arange(-150.0, 150.0, step)
    prior = np.convolve(
        norm.pdf(common, scale=np.hypot(6.0, np.sqrt(own))),
        t.pdf(common, law.residual_freedom, scale=severity * law.residual_db),
        mode="same",
    )
    given = norm.logpdf(deviation.numpy()[..., None], common, np.sqrt(noise))
    exact = [np.log(np.exp(some.sum(axis=1)) @ prior) for some in (given, given[:, -1:])]
    gain, expected = fitted(slice(0, 6)) - fitted(slice(5, 6)), exact[0] - exact[1]
    assert np.ptp(gain - expected) < 0.5


@pytest.mark.parametrize("severity", [0.2, 0.5, 1.0])
def test_the_margin_is_a_density(severity: float) -> None:
    """The slope of the score is the density over the score's own: dz/dq = f(q) / φ(z)."""
    law = ResidualLaw.of(WorldLaw(severity=severity))
    level = torch.arange(-TABLE_SPAN, TABLE_SPAN + TABLE_STEP / 2, TABLE_STEP)
    score, log_slope = (each.double().numpy() for each in law.scores(level, torch.full_like(level, 2.0)))
    density = np.exp(log_slope) * norm.pdf(score)
    assert np.sum(density) * TABLE_STEP == pytest.approx(
        1 - 2 * t.cdf(-TABLE_SPAN / (11 * severity), 4.0), abs=3e-3
    )
    middle = np.abs(score) < 3
    slope = np.gradient(score, TABLE_STEP)[middle]
    assert np.allclose(slope, np.exp(log_slope)[middle], rtol=0.02, atol=1e-3)


def test_without_a_residual_levels_are_gaussian() -> None:
    """Four levels of two cells with noise and a common offset: against the closed form."""
    law = LevelLaw(ResidualLaw.of(WorldLaw(severity=0.0)), 3.0, 0.0)
    cell, noise = torch.tensor([0, 1, 0, 1]), torch.tensor([2.0, 2.0, 3.5, 3.5])
    deviation = torch.randn((50, 4), generator=torch.Generator().manual_seed(0))
    found = law.fit(
        deviation, torch.full_like(deviation, 1e-4), noise.expand(50, -1), torch.ones(50, 4, 4), cell
    ).log_density.numpy()
    covariance = np.diag(noise.numpy()) + 3.0**2
    expected = multivariate_normal(np.zeros(4), covariance).logpdf(deviation.numpy())
    assert np.allclose(found - found.mean(), expected - expected.mean(), atol=0.02)


def test_what_the_filter_and_the_bins_did_is_undone(place: SyntheticPlace) -> None:
    """Filtered levels in bins of 1 dB: back to what was measured, with the variance that is stated."""
    law, period = OBSERVATION, 0.4
    generator, time = np.random.default_rng(0), np.arange(5) * 0.5
    true = np.linspace(-100.0, -80.0, 5)[:, None]
    measured = true + law.receiver_noise_db * generator.normal(size=(5, 4000))
    filtered = l3_filter(measured, time, np.array([0, 5]), law.report.filter_coefficient, period)
    exact, _ = unfiltered(filtered, time, law, period)
    assert np.allclose(exact, measured)
    found, variance = unfiltered(np.floor(filtered) + 0.5, time, law, period)
    assert np.allclose((found - true).var(axis=1), variance[:, 0], rtol=0.1)
    assert np.allclose((found - true).mean(axis=1), 0, atol=0.1)


def test_ways_end_where_they_should_and_stay_outdoors(place: SyntheticPlace, movement: Movement) -> None:
    outdoors = place.geometry_maps["footprint"].values.ravel() == 0
    (tracks,) = movement.tracks
    assert outdoors[tracks.path].all()
    assert np.array_equal(tracks.prior > 0, outdoors)
    end = np.flatnonzero(outdoors)[::10]
    steps = np.tile([8, 1, 0], (len(end), 1))
    cells, _ = tracks.cells(end, steps, np.random.default_rng(1))
    assert np.array_equal(cells[:, -1], end)
    gone = np.linalg.norm(place.tile.centres[cells] - place.tile.centres[end][:, None], axis=2)
    assert gone[:, 1].max() <= 3 * place.tile.resolution
    assert 0 < gone[:, 0].max() <= 8 * place.tile.resolution + 2 * place.tile.resolution


def test_motions_have_the_shares_and_speeds_of_the_law(movement: Movement) -> None:
    ago = np.array([30.0, 10.0, 0.0])
    motions = movement.motions(ago, 400, np.random.default_rng(0))
    assert motions.share.sum() == pytest.approx(1)
    assert (motions.steps[:, -1] == 0).all()
    farthest = 14.0 * ago / movement.grid.resolution + 1
    assert (motions.steps <= farthest).all() and (np.diff(motions.steps, axis=1) <= 0).all()
    # Half of the time between stops is the law's: standing 10 s every 150 m at 1.25 m/s is a twelfth of the time.
    moved = motions.steps[:, 0] > 0
    assert motions.share[~moved].sum() == pytest.approx(0.2, abs=0.1)


def test_who_has_moved_by_less_than_a_cell_is_not_where_it_was(movement: Movement) -> None:
    """A walk of a second is a tenth of a ground cell here; levels may be the next one's all the same."""
    motions = movement.motions(np.array([1.0, 0.0]), 64, np.random.default_rng(0))
    standing = sum(each.share for each in movement.bins if each.fastest == 0)
    stopped = motions.share[~motions.moves].sum()
    assert standing <= stopped < standing + 0.3  # who has stopped for all of it
    assert (motions.steps[motions.moves] >= [1, 0]).all() and not motions.steps[:, 1].any()


@pytest.fixture(scope="module")
def with_roads() -> SyntheticPlace:
    """A map with a primary road from west to east, and a residential street from south to north."""
    shell = synthetic_place(9, size=192.0, resolution=4.0, sites=3)
    kind = np.full(shell.tile.shape, np.nan, np.float32)
    open_ground = shell.geometry_maps["footprint"].values == 0
    kind[:, np.flatnonzero(open_ground.all(axis=0))[:2]] = ROAD_CLASSES.index("residential")
    kind[np.flatnonzero(open_ground.all(axis=1))[:3]] = ROAD_CLASSES.index("primary")
    distance = distance_transform_edt(np.isnan(kind)) * shell.tile.resolution
    layers = {"road_class": kind, "road": np.isfinite(kind), "road_distance": distance}
    maps = shell.geometry_maps.assign(
        {name: (("y", "x"), values.astype(np.float32)) for name, values in layers.items()}
    )
    return dataclasses.replace(shell, geometry_maps=maps)


def test_vehicles_keep_to_the_roads(with_roads: SyntheticPlace) -> None:
    """Every way of drivers is on a road, and they start where traffic is."""
    drivers = MobilityConfiguration(speed_classes=(SpeedClass(1.0, 5.0, 14.0, on_road=True),))
    movement = Movement.of(with_roads, drivers, np.random.default_rng(0))
    on_road = np.isfinite(with_roads.geometry_maps["road_class"].values).ravel()
    assert all(on_road[tracks.path].all() for tracks in movement.tracks[1:])
    assert movement.start[on_road].sum() == pytest.approx(1)


@pytest.mark.parametrize("on_road", [False, True])
def test_who_moves_ends_where_the_law_says(with_roads: SyntheticPlace, on_road: bool) -> None:
    """Last places of UEs that the law draws: regions of what is known of them before any report hold what they say.

    Where UEs start is not where they are at their last report: regions of it hold 71 % for 50 here on the roads.
    """
    mobility = MobilityConfiguration(speed_classes=(SpeedClass(1.0, 1.0, 9.0, on_road=on_road),))
    movement, denser, tied = Movement.of(with_roads, mobility, np.random.default_rng(0)), [], []
    for seed in range(50):
        ways = sample_trajectories(with_roads.geometry_maps, 6, mobility, np.random.default_rng([9, seed]))
        for first, last in zip(ways.report_offsets[:-1], ways.report_offsets[1:] - 1, strict=True):
            ago = ways.time[last] - ways.time[first : last + 1]
            mass = movement.ends(movement.motions(ago, 16, np.random.default_rng(seed)))
            there = mass[movement.grid.index(ways.position[last : last + 1, :2])]
            denser.append(mass[mass > there].sum())
            tied.append(mass[mass == there].sum())
    for share in (0.5, 0.9, 0.95):
        held = coverage(np.array(denser), np.array(tied), share)
        assert held == pytest.approx(share, abs=0.02 + 2.5 * np.sqrt(share * (1 - share) / len(tied)))


def test_reports_that_say_nothing_leave_what_was_known(with_roads: SyntheticPlace) -> None:
    """Reports in noise of 3000 dB: where UEs are is what the law of mobility says, on the roads as much as on foot.

    With an even mean over the ways that end nearby, the law's 42 % on the roads were 91 %.
    """
    network = dataclasses.replace(OBSERVATION, receiver_noise_db=3000.0, neighbour_dropout=1.0)
    movement = Movement.of(with_roads, MobilityConfiguration(), np.random.default_rng(0))
    likelihood = TrueMaps(with_roads.radio_maps, network, movement).likelihood(with_roads.deployment)
    cells = len(with_roads.deployment.cells)
    missing = np.full((4, with_roads.deployment.beam_count), np.nan)
    observed = Observations(
        rsrp=np.full((4, cells), -80.5),
        rsrp_end=np.zeros((4, cells), int),
        beam_rsrp=missing,
        timing_advance=np.full(4, np.nan),
        serving=np.zeros(4, int),
        time=np.arange(4) * 2.0,
        report_offsets=np.array([0, 4]),
    )
    (tokens,) = all_tokens(observed, with_roads.deployment, network)
    found = Search(likelihood, movement, 32, 160).density(tokens, np.random.default_rng(0))
    on_road = np.isfinite(with_roads.geometry_maps["road_class"].values).ravel()
    assert found.mass[on_road].sum() == pytest.approx(found.of_last[on_road].sum(), abs=0.05)


def test_nobody_need_rest(place: SyntheticPlace) -> None:
    """Where all UEs move, no place is that of one that has not, and all mass is that of ways."""
    walking = dataclasses.replace(MOBILITY, speed_classes=(SpeedClass(1.0, 0.5, 2.0),))
    movement = Movement.of(place, walking, np.random.default_rng(0))
    known = KnownLaw(place, LAW, OBSERVATION, walking, movement, synthetic_physics)
    ((_, reports),) = known.draw(1, 2, np.random.default_rng(0))
    found = Bound(known, 0, worlds=2, motions=4, ways=8).found(reports)
    assert [each.mass.sum() for each in found] == pytest.approx([1.0, 1.0])


def test_the_ensemble_leaves_out_what_is_integrated(place: SyntheticPlace) -> None:
    quiet = dataclasses.replace(LAW, azimuth_error=0.0, downtilt_error=0.0)
    ensemble = sampled_ensemble([place], quiet, synthetic_physics, 3)
    nominal = place.radio_maps["rsrp"].values.reshape(len(place.deployment.cells), -1)
    open_ground = place.geometry_maps["footprint"].values.ravel() == 0
    assert np.allclose(ensemble.rsrp.numpy()[:, open_ground], nominal[:, open_ground], atol=1e-3)
    assert ensemble.spread.max() < 1e-3


def known_world(place: SyntheticPlace, movement: Movement) -> SequenceLikelihood:
    """The law of reports in the nominal world, where a neighbour's silence says nothing."""
    network = dataclasses.replace(OBSERVATION, neighbour_dropout=1.0)
    return TrueMaps(place.radio_maps, network, movement).likelihood(place.deployment)


def test_true_maps_are_scored_by_the_noise_alone(place: SyntheticPlace, movement: Movement) -> None:
    """One report of levels: against the Gaussian of receiver noise, bins and bias, cell by cell."""
    likelihood = known_world(place, movement)
    law = likelihood.network
    level = np.round(place.radio_maps["rsrp"].values.reshape(len(place.deployment.cells), -1)[:4, 100]) + 0.5
    rsrp = np.full((1, len(place.deployment.cells)), np.nan)
    rsrp[0, :4] = level
    missing = np.full((1, place.deployment.beam_count), np.nan)
    exact = np.zeros(rsrp.shape, int)
    observed = Observations(
        rsrp, exact, missing, np.array([np.nan]), np.array([0]), np.zeros(1), np.array([0, 1])
    )
    ground = torch.arange(place.tile.count**2)
    (tokens,) = all_tokens(observed, place.deployment, law)
    found = likelihood.of_last(tokens, ground).log_density.numpy()
    covariance = (1.5**2 + 1 / 12) * np.eye(4) + law.device_bias_db**2
    mapped = place.radio_maps["rsrp"].values.reshape(len(place.deployment.cells), -1)[:4].T
    expected = multivariate_normal(np.zeros(4), covariance).logpdf(level - mapped)
    near = expected > expected.max() - NEGLIGIBLE + 0.1
    assert np.allclose((found - found[100])[near], (expected - expected[100])[near], atol=0.05)


def test_true_maps_compare_beams_by_their_noise(place: SyntheticPlace, movement: Movement) -> None:
    """D4: two beams of one report, at the place of their map and at one where their difference is another."""
    likelihood = known_world(place, movement)
    beams = likelihood.ensemble.rsrp_beam[0, :, :2, 0].double().numpy()
    difference = beams[:, 0] - beams[:, 1]
    near, far = (int(each) for each in np.argsort(difference)[[-5, -15]])
    rsrp = np.full((1, len(place.deployment.cells)), np.nan)
    beam_rsrp = np.full((1, place.deployment.beam_count), np.nan)
    rsrp[0, 0], beam_rsrp[0, :2] = beams[near].max(), beams[near]
    observed = Observations(
        rsrp,
        np.zeros(rsrp.shape, int),
        beam_rsrp,
        np.full(1, np.nan),
        np.zeros(1, int),
        np.zeros(1),
        np.arange(2),
    )
    (tokens,) = all_tokens(observed, place.deployment, likelihood.network)
    laws = likelihood.beams
    exists = laws.ensemble.exists & (torch.arange(place.deployment.beam_count) < 2)
    laws = dataclasses.replace(laws, ensemble=dataclasses.replace(laws.ensemble, exists=exists))
    found = laws.log_density(
        tokens, torch.tensor([[near], [far]]), torch.ones(1, dtype=torch.bool), torch.zeros(2, 1)
    )
    # L1-RSRP errs by its noise and its bin of 2 dB, and by 1 dB between a way and the nearest that is tried.
    variance = 2 * (likelihood.network.beam_noise_db**2 + 2.0**2 / 12 + 1.0**2)
    off = difference[near] - difference[far]
    assert abs(off) > 3
    assert float(found[1] - found[0]) == pytest.approx(-(off**2) / (2 * variance), rel=0.01)


@pytest.mark.parametrize("what", ["beams", "levels"])
def test_earlier_reports_are_compared_with_a_way_as_far_as_it_is_known(
    place: SyntheticPlace, movement: Movement, what: str
) -> None:
    """Of a UE that has not moved only noise separates map and report, of others the error of the way as well."""
    likelihood = known_world(place, movement)
    network, ensemble = likelihood.network, likelihood.ensemble
    # Two beams whose errors are new in each report: their difference is Gaussian.
    exists = ensemble.exists & (torch.arange(place.deployment.beam_count) < 2)
    laws = dataclasses.replace(likelihood.beams, ensemble=dataclasses.replace(ensemble, exists=exists))
    likelihood = dataclasses.replace(likelihood, beams=dataclasses.replace(laws, mismatch_db=0.0))
    beams = ensemble.rsrp_beam[0, :, :2, 0].double().numpy()
    near, far = (int(each) for each in np.argsort(beams[:, 0] - beams[:, 1])[[-5, 5]])
    rsrp, beam_rsrp = (
        np.full((2, width), np.nan) for width in (len(place.deployment.cells), place.deployment.beam_count)
    )
    rsrp[1, 0] = float(ensemble.rsrp[0, near])
    if what == "beams":
        beam_rsrp[0, :2] = beams[near] + [9.0, 0.0]
    else:
        rsrp[0, 0] = rsrp[1, 0] + 9.0
    observed = Observations(
        *(rsrp, np.zeros(rsrp.shape, int), beam_rsrp, np.full(2, np.nan), np.zeros(2, int)),
        *(np.array([0.0, 5.0]), np.array([0, 2])),
    )
    (tokens,) = all_tokens(observed, place.deployment, network)
    found = likelihood.of_ways(tokens, torch.tensor([[near, near], [far, near]]), torch.zeros(2)).numpy()

    def expected(at: int, way_variance: float) -> float:
        if what == "beams":
            off = beam_rsrp[0, 0] - beam_rsrp[0, 1] - (beams[at, 0] - beams[at, 1])
            return float(
                norm.logpdf(off, scale=np.sqrt(2 * (network.beam_noise_db**2 + 4 / 12 + way_variance)))
            )
        off = tokens.level.numpy() - ensemble.rsrp[0, [at, near]].numpy()
        noise = np.diag(tokens.noise.numpy() + [way_variance, 0.0])
        return float(multivariate_normal(np.zeros(2), noise + network.device_bias_db**2).logpdf(off))

    assert found[1] - found[0] == pytest.approx(expected(far, 4.0**2) - expected(near, 0.0), abs=0.05)


def test_what_the_filter_keeps_of_the_past_is_taken_out(place: SyntheticPlace, movement: Movement) -> None:
    """A UE at rest, then elsewhere: the second report's likelihood is of the second place, not of the blend."""
    likelihood = known_world(place, movement)
    mapped = place.radio_maps["rsrp"].values.reshape(len(place.deployment.cells), -1)
    outdoors = np.flatnonzero(place.geometry_maps["footprint"].values.ravel() == 0)
    first, second = outdoors[20], outdoors[-20]
    time = np.array([0.0, 0.24])
    rsrp = l3_filter(mapped[:, [first, second]].T.astype(float), time, np.array([0, 2]), 4)
    missing = np.full((2, place.deployment.beam_count), np.nan)
    exact = np.zeros(rsrp.shape, int)
    observed = Observations(
        rsrp, exact, missing, np.full(2, np.nan), np.zeros(2, int), time, np.array([0, 2])
    )
    (tokens,) = all_tokens(observed, place.deployment, likelihood.network)
    ground = torch.arange(place.tile.count**2)
    assert int(likelihood.of_last(tokens, ground).log_density.argmax()) == second


def test_doubt_mixes_in_the_last_report_where_few_ways_fit() -> None:
    sharp, wide = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    calibration = Calibration(power=1.0, doubt=2.0)
    row = Grid(4.0, 4.0)
    few, many = (calibration.apply(Found(sharp, wide, ways), row) for ways in (2.0, 20.0))
    assert few[1] == pytest.approx(0.25)
    assert many[1] == pytest.approx(0.5 * 2 / 22)
    assert few.sum() == pytest.approx(1)


@pytest.mark.parametrize("resolution", [2.0, 4.0])
@pytest.mark.parametrize("deviation", [6.0, 20.0])
def test_the_exponent_grows_with_the_area_whatever_the_cells(deviation: float, resolution: float) -> None:
    """A Gaussian of variance σ² has 1 / ∫ p² = 4πσ², and raised to q the variance σ² / q."""
    grid = Grid(256.0, resolution)
    distance = np.hypot(*grid.centres.T)
    gaussian = np.exp(-0.5 * (distance / deviation) ** 2)
    found = Found(gaussian / gaussian.sum(), gaussian, np.inf)
    calibrated = Calibration(power=1.1, growth=0.2).apply(found, grid)
    power = 1.1 + 0.2 * np.log(4 * np.pi * deviation**2 / USUAL_AREA)
    variance = (calibrated * distance**2).sum() / 2
    assert variance == pytest.approx(deviation**2 / power, rel=0.02)


@pytest.fixture(scope="module")
def drawn(bound: Bound) -> list[tuple[xr.Dataset, Reports]]:
    """Two sequences each in worlds of the bound's own law: those of one world share its errors; by the check's seed."""
    return bound.known.draw(40, 2, np.random.default_rng([CHECK_SEED, 1]))


@pytest.fixture(scope="module")
def best(place: SyntheticPlace, bound: Bound, drawn: list[tuple[xr.Dataset, Reports]]) -> Evaluation:
    return evaluate(bound, Reports.concatenate([reports for _, reports in drawn]), place).evaluation


@pytest.fixture(scope="module")
def knowing(place: SyntheticPlace, bound: Bound, drawn: list[tuple[xr.Dataset, Reports]]) -> Evaluation:
    """The same sequences by who has the true maps of each world."""
    known = bound.known
    methods = [TrueMaps(maps, known.network, known.movement, motions=16, ways=24) for maps, _ in drawn]
    return Evaluation.concatenate(
        [
            evaluate(method, reports, place).evaluation
            for method, (_, reports) in zip(methods, drawn, strict=True)
        ]
    )


def test_the_bound_is_calibrated_on_its_own_law(best: Evaluation) -> None:
    """Regions hold what they say within 3 % and twice the binomial error of the draws."""
    check = SelfCheck.of(best)
    assert check.sequences >= 75
    for held, mass in ((check.coverage_50, 0.5), (check.coverage_90, 0.9), (check.coverage_95, 0.95)):
        assert held == pytest.approx(mass, abs=0.03 + 2 * np.sqrt(mass * (1 - mass) / check.sequences))


def test_the_check_draws_from_the_bounds_own_law(place: SyntheticPlace, bound: Bound) -> None:
    drawn = bound.known.draw(2, 2, np.random.default_rng([CHECK_SEED, 1]))
    found = evaluate(bound, Reports.concatenate([reports for _, reports in drawn]), place).evaluation
    assert self_check(bound, worlds=2, sequences=2) == SelfCheck.of(found)


def test_true_maps_are_calibrated(knowing: Evaluation) -> None:
    assert 0.87 - 0.06 <= SelfCheck.of(knowing).coverage_90 <= 0.93 + 0.06


def test_nobody_beats_the_bound_but_who_has_the_true_maps(
    place: SyntheticPlace,
    drawn: list[tuple[xr.Dataset, Reports]],
    best: Evaluation,
    knowing: Evaluation,
) -> None:
    grid = SequenceGridBayes("grid", LikelihoodModel(8.0, 6.0, 15.0), 0.15)
    classic = evaluate(grid, Reports.concatenate([reports for _, reports in drawn]), place).evaluation
    assert best.percentile(50.0) < classic.percentile(50.0)
    assert best.negative_log_likelihood.mean() < classic.negative_log_likelihood.mean()
    assert knowing.percentile(50.0) < best.percentile(50.0)


def test_who_stays_is_judged_next_to_who_moves_as_alone(place: SyntheticPlace, bound: Bound) -> None:
    """Where all stay, levels of one cell come to their mean and what each is off it: the same without that."""
    reports = synthetic_reports(place, some_world(place, 3), 1, 3)
    (tokens,) = all_tokens(observations(reports, place.deployment), place.deployment, OBSERVATION)
    assert len(tokens.level) > len(tokens.level_cell.unique())
    ground = torch.from_numpy(np.flatnonzero(bound.known.movement.start > 0)[:60])
    ways = ground[:, None].repeat(1, len(tokens.ago))
    moved = torch.cat([ways, ground[1:, None].repeat(1, len(tokens.ago))[:1]])
    moved[-1, 0] = ground[0]
    expected = bound.likelihood.of_ways(tokens, moved, torch.zeros(len(moved)))[:-1]
    found = bound.likelihood.of_ways(tokens, ways, torch.zeros(len(ways)))
    seen = torch.isfinite(expected) & torch.isfinite(found)
    assert 1 < seen.sum() and torch.allclose(found[seen], expected[seen], atol=2e-3)


def test_what_is_known_of_a_way_does_not_depend_on_the_others(place: SyntheticPlace, bound: Bound) -> None:
    reports = synthetic_reports(place, some_world(place, 3), 1, 3)
    (tokens,) = all_tokens(observations(reports, place.deployment), place.deployment, OBSERVATION)
    ground = np.flatnonzero(bound.known.movement.start > 0)
    few = np.random.default_rng(4).choice(ground[:12], (40, len(tokens.ago)))
    ways = torch.from_numpy(np.concatenate([few, few[:, -1:].repeat(few.shape[1], 1)]))
    together = bound.likelihood.of_ways(tokens, ways, torch.zeros(len(ways)))
    alone = torch.cat([bound.likelihood.of_ways(tokens, way[None], torch.zeros(1)) for way in ways])
    assert len(tokens.beam_report) > 1
    seen = torch.isfinite(together)
    assert torch.allclose(together[seen], alone[seen], atol=1e-3)
    assert 1 < seen.sum() and (alone[~seen] < alone.max() - 10).all()


def test_what_is_not_looked_at_is_negligible(
    place: SyntheticPlace, bound: Bound, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beams of unlikely ways, and rest where the last report is faint, change a posterior by less than 2 %."""
    reports = synthetic_reports(place, some_world(place, 3), 8, 3)
    short = [each.mass for each in bound.found(reports)]
    monkeypatch.setattr("raylocus.evaluation.bound.search.FAINT", 0.0)
    monkeypatch.setattr("raylocus.evaluation.bound.likelihood.NEGLIGIBLE", np.inf)
    whole = [each.mass for each in bound.found(reports)]
    assert max(0.5 * np.abs(one - other).sum() for one, other in zip(short, whole, strict=True)) < 0.02


def test_rounds_end_where_a_further_one_changes_little(
    place: SyntheticPlace, bound: Bound, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what rests on enough ways a further round changes some hundredths of the mass; all else has every round."""
    reports = synthetic_reports(place, some_world(place, 3), 16, 3)
    short = bound.found(reports)
    monkeypatch.setattr("raylocus.evaluation.bound.search.ENOUGH", np.inf)
    apart = [
        0.5 * np.abs(one.mass - other.mass).sum()
        for one, other in zip(short, bound.found(reports), strict=True)
    ]
    enough = np.array([one.effective_ways >= ENOUGH for one in short])
    changed = np.array(apart) > 0
    assert enough.any() and not (changed & ~enough).any()
    assert changed.any() and max(apart) < 0.1


def test_the_same_seed_gives_the_same_digits(place: SyntheticPlace, bound: Bound) -> None:
    reports = synthetic_reports(place, some_world(place, 3), 3, 3)
    first = bound.locate(reports, place).density
    second = dataclasses.replace(bound).locate(reports, place).density
    assert np.array_equal(first, second)
    assert np.isfinite(first).all() and np.allclose(first.sum(axis=(1, 2)), 1, atol=1e-5)


@pytest.fixture(scope="module")
def dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_synthetic_dataset(tmp_path_factory.mktemp("bound"))


def changed(dataset: ReportDataset, **change: object) -> ReportDataset:
    """The test worlds of a dataset, under another law."""
    test = dataset.select(dataset.split == "test")
    return dataclasses.replace(test, configuration=dataclasses.replace(test.configuration, **change))


def test_the_bound_refuses_outdated_maps(dataset_folder: Path) -> None:
    """D2: where the map is outdated there is no bound, rather than one that is given the true place."""
    dataset = open_report_dataset(dataset_folder)
    places = tuple(
        dataclasses.replace(each, source="munich", map_error=0.5) for each in dataset.configuration.places
    )
    references = References(changed(dataset, places=places), open_place(dataset_folder.parent / "south"))
    for reference in (references.bound, references.self_checks):
        with pytest.raises(BoundRefused, match="maps that are outdated"):
            reference()


#: Laws of reports that neither the bound nor the true maps model, and what is said of each.
UNMODELLED: dict[str, tuple[NetworkConfiguration, str]] = {
    "fading": (NetworkConfiguration(fading=CoherentFading()), "coherent fading"),
    "timing": (NetworkConfiguration(timing=DetectedTiming()), "detected first paths"),
    "feature_set": (NetworkConfiguration(feature_set="all"), "beyond the critical and positioning ones"),
    "timing_loop": (NetworkConfiguration(timing_loop=TimingLoop(dead_band_steps=4.0)), "waits for a command"),
    "identities": (NetworkConfiguration(identities=IdentityErrors(wrong=0.1, missing=0.0)), "wrongly named"),
    "availability": (NetworkConfiguration(availability={"rsrp": 0.5}), "without their RSRP"),
    "trigger": (NetworkConfiguration(trigger=DEFAULT_EVENT), "an event triggers"),
}
#: Fields of the network's law that the likelihood reads, or draws by.
MODELLED = {
    *("receiver_noise_db", "beam_noise_db", "device_bias_db", "neighbour_dropout", "detection_rsrp"),
    *("detection_sinr", "load", "noise_figure_db", "report", "timing_errors", "clocks", "ssb_period"),
}
#: Fields that change nothing of a level, beam or timing advance of a UE outdoors, given which cell serves it.
INDIFFERENT = {
    *("building_loss", "handover", "frequency_offsets_db", "events", "capability", "spread_error"),
    *("positioning_signal", "sounding_signal", "power_control"),
    *("base_station_noise_figure_db", "traffic", "scheduler", "outer_loop", "feedback_error_db"),
    *("feedback_memory", "bearer", "headroom_period", "buffer_status_period"),
}


def test_every_field_of_the_networks_law_is_modelled_or_refused() -> None:
    fields = [field.name for field in dataclasses.fields(NetworkConfiguration)]
    assert sorted(fields) == sorted([*UNMODELLED, *MODELLED, *INDIFFERENT])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"mobility": MobilityConfiguration(indoor_share=0.2)}, "UEs indoors"),
        (
            {"network_law": NetworkLaw(never_reported={"rsrp": 0.2})},
            "networks that differ|without their RSRP",
        ),
        *(({"network": network}, sentence) for network, sentence in UNMODELLED.values()),
    ],
)
def test_neither_reference_answers_where_its_law_is_another(
    dataset_folder: Path, change: dict, sentence: str
) -> None:
    test = changed(open_report_dataset(dataset_folder), **change)
    references = References(test, open_place(dataset_folder.parent / "south"))
    for reference in (references.bound, references.self_checks, references.true_maps):
        with pytest.raises(BoundRefused, match=sentence):
            reference()
