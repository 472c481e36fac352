import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from model_fixtures import reported_features, synthetic_place
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.gaussian import even_gaussian_evidence, gaussian_evidence
from raylocus.models.evidence.likelihoods import (
    beam_evidence,
    robust_evidence,
    timing_evidence,
)
from raylocus.models.evidence.positioning import azimuths
from raylocus.models.evidence.rasters import (
    BEAM_KNOTS,
    LEVEL_UNITS,
    evidence_rasters,
    hat_functions,
)
from raylocus.models.evidence.stream import EvidenceStream
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.nominal_maps import SCATTER_GAIN, nominal_maps
from raylocus.models.time_heads import PooledObservations
from raylocus.propagation.maps.path_loss import formula_levels, isotropic_levels, power_sum
from raylocus.units import noise_per_resource_element


@pytest.fixture(scope="module")
def maps():
    return place_maps(synthetic_place(1, size=128.0, sites=3, beams=4))


@pytest.fixture(scope="module")
def rasters(maps):
    return evidence_rasters(maps)


def noiseless(maps, row, column):
    """What a UE in one coarse cell would report of all cells, were the map the truth."""
    cells, beams = maps.beam_relative.shape[:2]
    one = torch.ones(1, 1, cells)
    beam = maps.beam_relative[None, None, :, :, row, column]
    distance = maps.distance[maps.site_of_cell][None, None, :, row, column]
    level = maps.level[None, None, :, row, column]
    return PooledObservations(
        level=level,
        heard=one,
        reported=one,
        weakest=level.amin(-1),
        timing=distance,
        timed=one,
        beam=beam,
        beam_known=torch.ones(1, 1, cells, beams),
        weakest_beam=beam.amin(-1),
        beams_known=one,
        quality=maps.sinr[None, None, :, row, column],
        quality_known=one,
        token=torch.zeros(1, 1, cells, 4),
    )


@given(st.floats(-20.0, 0.0))
@settings(max_examples=40, deadline=None)
def test_hat_functions_interpolate_linearly(value):
    weights = hat_functions(torch.full((1, 1, 1), value), BEAM_KNOTS)[0, :, 0, 0]
    assert float(weights.sum()) == pytest.approx(1, abs=1e-5)
    assert float(weights @ BEAM_KNOTS) == pytest.approx(value, abs=1e-4)
    assert int((weights > 0).sum()) <= 2


def test_gaussian_evidence_is_the_multivariate_normal():
    generator = np.random.default_rng(3)
    mapped = torch.tensor(generator.uniform(-120, -60, (2, 3, 4, 5)), dtype=torch.float64)
    observed = generator.uniform(-110, -70, (2, 3))
    own, site, common = np.array([[4.0, 5.0, 6.0], [3.0, 8.0, 7.0]]), 5.0, 9.0
    scaled = (mapped - LEVEL_UNITS.centre) / LEVEL_UNITS.scale
    level, precision = torch.tensor(observed)[None, None], torch.tensor(own**-2.0)[None, None]
    variances = [torch.tensor(each**2, dtype=torch.float64) for each in (site, common)]
    moments = torch.stack([torch.ones_like(scaled), scaled, scaled**2])
    found = gaussian_evidence(level, precision, moments.transpose(0, 1), torch.arange(2), *variances)
    own_units = (level - LEVEL_UNITS.centre) / LEVEL_UNITS.scale, precision * LEVEL_UNITS.scale**2
    even = even_gaussian_evidence(
        *(each[None] for each in (*own_units, moments[1:])),
        torch.arange(2),
        *(each[None] / LEVEL_UNITS.scale**2 for each in variances),
    )
    torch.testing.assert_close(even[0], found.log_likelihood, atol=1e-9, rtol=0)
    covariance = np.diag(own.ravel() ** 2) + common**2 + site**2 * np.kron(np.eye(2), np.ones((3, 3)))
    residual = observed.ravel() - np.moveaxis(mapped.numpy().reshape(6, 4, 5), 0, -1)
    expected = multivariate_normal(np.zeros(6), covariance).logpdf(residual)
    difference = found.log_likelihood[0, 0].numpy() - expected
    np.testing.assert_allclose(difference, difference[0, 0], atol=1e-9)
    weight = common**2 * np.linalg.solve(covariance, np.ones(6))
    np.testing.assert_allclose(found.offset[0, 0].numpy(), residual @ weight, atol=1e-9)


def test_a_slot_that_heard_nothing_changes_nothing():
    moments = torch.randn(2, 3, 3, 4, 4).abs()
    level = torch.full((1, 1, 2, 3), -90.0)
    precision = torch.full((1, 1, 2, 3), 0.04)
    precision[..., 1] = 0
    other = level.clone()
    other[..., 1] = -40.0
    variance = torch.tensor(25.0)
    first, second = (
        gaussian_evidence(value, precision, moments, torch.arange(2), variance, variance).log_likelihood
        for value in (level, other)
    )
    assert torch.equal(first, second)


def test_likelihoods_leave_out_cells_that_nobody_reported_without_a_change(maps, rasters):
    pooled = noiseless(maps, 5, 7)
    some = torch.zeros_like(pooled.heard)
    some[..., 1:3] = 1
    shares = {name: some for name in ("heard", "reported", "timed", "beams_known")}
    known = pooled.beam_known * some[..., None]
    pooled = PooledObservations(**{**vars(pooled), **shares, "beam_known": known})
    scale, one = torch.full((1, 1, len(maps.level), 2), 5.0), torch.ones(1)
    found = []
    for training in (True, False):
        with torch.set_grad_enabled(training):
            found.append(
                torch.stack([
                    robust_evidence(pooled, scale, torch.zeros(1, 1), torch.tensor(6.0), one, one, rasters),
                    timing_evidence(pooled, maps.site_of_cell, one[0], one[0], rasters),
                    beam_evidence(pooled, one[0], rasters),
                ])
            )  # fmt: skip
    assert found[0].flatten(1).std(1).min() > 1
    torch.testing.assert_close(*found, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize(("row", "column"), [(3, 12), (9, 4)])
def test_without_noise_every_evidence_peaks_where_the_ue_is(maps, rasters, row, column):
    pooled = noiseless(maps, row, column)
    small, cells = torch.tensor(2.0), maps.level.shape[0]
    robust = robust_evidence(
        pooled,
        torch.full((1, 1, cells, 2), 2.0),
        torch.zeros(1, 1),
        torch.tensor(6.0),
        torch.zeros(1),
        torch.ones(1),
        rasters,
    )
    level = pooled.level[0, 0][rasters.cell_of_slot][..., None].expand(-1, -1, 2).flatten(1)[None, None]
    gaussian = gaussian_evidence(
        *(level, torch.full_like(level, 0.25), rasters.moments, rasters.raster_of_site),
        *(torch.tensor(4.0), torch.tensor(36.0)),
    ).log_likelihood
    timing = timing_evidence(pooled, maps.site_of_cell, torch.tensor(5.0), torch.tensor(5.0), rasters)
    beams = beam_evidence(pooled, small, rasters)
    together = (gaussian + timing + beams)[0, 0]
    assert divmod(int(together.argmax()), together.shape[1]) == (row, column)
    # Levels pass between knots 6 dB apart, so a neighbour may tie with the true cell; no cell may beat it clearly.
    assert float(robust[0, 0].max() - robust[0, 0, row, column]) < 0.5
    assert float(timing[0, 0].max() - timing[0, 0, row, column]) < 1.5
    assert float(beams[0, 0].max() - beams[0, 0, row, column]) < 0.5


def test_a_level_common_to_all_cells_says_nothing_when_its_law_is_wide(maps, rasters):
    pooled = noiseless(maps, 6, 6)
    level = pooled.level[0, 0][rasters.cell_of_slot][..., None].expand(-1, -1, 2).flatten(1)[None, None]
    precision, moments = torch.full_like(level, 0.04), (rasters.moments, rasters.raster_of_site)
    variances = torch.tensor(9.0), torch.tensor(1e6)
    here, louder = (
        gaussian_evidence(value, precision, *moments, *variances).log_likelihood
        for value in (level, level + 20)
    )
    torch.testing.assert_close(here - here.max(), louder - louder.max(), atol=0.15, rtol=0)


def test_timing_evidence_is_a_ring(maps, rasters):
    pooled = noiseless(maps, 8, 8)
    only = torch.zeros_like(pooled.timed)
    only[..., 0] = 1
    pooled = PooledObservations(**{**vars(pooled), "timed": only, "timing": torch.full_like(only, 60.0)})
    found = timing_evidence(pooled, maps.site_of_cell, torch.tensor(8.0), torch.tensor(8.0), rasters)[0, 0]
    distance = maps.distance[maps.site_of_cell[0]]
    assert found[(distance - 60).abs() < 4].min() > found[(distance - 60).abs() > 25].max()


def angles_of(maps, **features):
    """The likelihood of azimuths, by an untrained stream."""
    stream = EvidenceStream(LocationNetworkConfiguration(token_width=4))
    with torch.no_grad():
        return stream.angles(reported_features(maps, **features), torch.full((1, 3, 1), 1.0), maps)[0, 0]


def test_azimuths_find_the_direction_across_the_end_of_the_circle(maps):
    for row, column in ((9, 4), (3, 12), (8, 1)):
        azimuth = torch.atan2(*maps.departure[maps.site_of_cell][:, [1, 0], row, column].T)
        degrees = angles_of(maps, ul_aoa=torch.rad2deg(azimuth))
        radians = angles_of(maps, dl_aod=azimuth + 2 * torch.pi)
        for likelihood in (degrees, radians):
            assert float(likelihood.max() - likelihood[row, column]) < 1e-3


def test_reports_that_hardly_count_have_azimuths_with_finite_gradients(maps):
    azimuth = torch.full((len(maps.site_of_cell),), torch.nan)
    azimuth[0] = 40.0
    weights = torch.tensor([[[1e-27]], [[1.0]]]).reshape(1, 2, 1).requires_grad_()
    found = azimuths(reported_features(maps, ul_aoa=azimuth), weights)["ul_aoa"].value
    found.sum().backward()
    assert torch.isfinite(weights.grad).all()
    assert float(found[0, 1, 0]) == pytest.approx(math.radians(40.0))


def test_the_sinr_of_the_maps_is_that_of_their_levels():
    place = synthetic_place(1, size=128.0, sites=1, beams=1)
    found = nominal_maps(place)
    # Of three sectors with one beam each the others send at half load, on top of the noise.
    power = 10 ** (found.level.astype(float) / 10)
    noise = 10 ** (noise_per_resource_element(1, 9.0) / 10)
    expected = power[0] / (0.5 * (power[1] + power[2]) + noise)
    np.testing.assert_allclose(10 ** (found.sinr[0] / 10), expected, rtol=1e-3)


def test_the_formula_falls_as_the_specification_says():
    place = synthetic_place(1, size=128.0, sites=1, beams=4)
    level = isotropic_levels(place.deployment, place.tile, np.zeros(place.tile.shape), 1.5)[0]
    ground = np.column_stack([place.tile.centres, np.full(len(place.tile.centres), 1.5)])
    distance = np.linalg.norm(ground - place.deployment.site_positions[0], axis=-1).reshape(level.shape)
    epre = 46 - 10 * np.log10(12 * 106)
    expected = epre - (22.4 + 35.3 * np.log10(distance) + 21.3 * np.log10(3.5))
    np.testing.assert_allclose(level, expected, atol=1e-3)
    gain = formula_levels(place.deployment, place.tile, np.zeros(place.tile.shape), 1.5)[0] - level
    assert 20 < gain.max() < 8 + 10 * np.log10(32) + 0.1


def test_maps_are_nowhere_missing_and_ground_without_paths_has_scattering():
    place = synthetic_place(3)
    maps = place_maps(place)
    for name in ("level", "formula", "beam_relative", "distance", "line_of_sight", "geometry"):
        assert torch.isfinite(getattr(maps, name)).all(), name
    pathless = maps.covered == 0
    assert pathless.any()
    assert torch.all(maps.beam_relative.amin(1)[pathless] == 0)
    assert power_sum(np.array([np.nan], np.float32), np.array([-90.0], np.float32))[0] == pytest.approx(-90)
    assert power_sum(np.array([-90.0], np.float32), np.array([-90.0], np.float32))[0] == pytest.approx(
        -86.99, abs=0.01
    )
    assert SCATTER_GAIN < 0
