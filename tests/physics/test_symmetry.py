"""Moving a place and then observing it is observing it and then moving what was observed."""

import dataclasses

import numpy as np
import pytest
import torch

from analytic_city import AnalyticCity, analytic_city, turned_azimuth
from model_fixtures import synthetic_place, synthetic_reports
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.rasters import evidence_rasters
from raylocus.models.inputs.map_layer_table import CHANNELS_BY_AXIS, MAP_LAYERS
from raylocus.models.inputs.map_layers import map_layers
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.nominal_maps import NominalMaps, nominal_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.inputs.tensors import OBSERVED
from raylocus.models.location_network import LocationNetwork
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.reports.features import SCHEMA
from raylocus.propagation.antennas.antennas import beam_gains
from raylocus.propagation.maps.layers.turned import TURNS, layer_name
from raylocus.training.symmetry import AZIMUTHS, PANEL_PHASES, Symmetry, random_symmetry

SYMMETRIES = [Symmetry(turns, mirrored) for turns in range(4) for mirrored in (False, True)]
UNMOVED = Symmetry(0, False)
#: Angles of the schema that have no direction in the plane.
DIRECTIONLESS = {"carrier_phase"}


@pytest.fixture(scope="module")
def city():
    return analytic_city(UNMOVED)


@pytest.fixture(scope="module")
def walk(city):
    return sample_trajectories(city.geometry_maps, 12, MobilityConfiguration(), np.random.default_rng(3))


@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=str)
def test_rasters_and_vectors_move_alike(city, symmetry):
    grid = city.tile
    point = np.array([38.0, -22.0])
    raster = torch.zeros(grid.shape)
    raster.view(-1)[int(grid.index(point))] = 1
    index = int(symmetry.raster(raster).argmax())
    np.testing.assert_allclose(grid.centres[index], symmetry.vector(torch.tensor(point)).numpy())


@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=str)
def test_mapping_the_moved_city_is_moving_its_maps(city, symmetry):
    moved, there = symmetry.place(place_maps(city)), place_maps(analytic_city(symmetry))
    for field in dataclasses.fields(moved):
        found, expected = getattr(moved, field.name), getattr(there, field.name)
        torch.testing.assert_close(found, expected, atol=2e-2, rtol=1e-4, equal_nan=True, msg=field.name)


def directed(city: AnalyticCity) -> NominalMaps:
    """The city with layers of R that know a direction, or left from right, made where the city stands."""
    maps, deployment, tile = nominal_maps(city), city.deployment, city.tile
    azimuth, paths = maps.azimuth, ("site", "y", "x")
    offset = maps.straight_line / maps.straight_length[..., None]
    layers = {
        "aod_azimuth": (paths, azimuth),
        "aoa_azimuth": (paths, np.arctan2(-np.sin(azimuth), -np.cos(azimuth))),
        "doppler_x": (paths, -11 * offset[..., 0]),
        "doppler_y": (paths, -11 * offset[..., 1]),
        "path_gain": (paths, -20 * np.log10(maps.straight_length) - 40),
    }
    beams = np.nan_to_num(maps.radio_maps["rsrp_beam"].values, nan=-np.inf)
    layers["best_beam"] = (("cell", "y", "x"), beams.argmax(1))
    layers["best_server"] = (("y", "x"), beams.max(1).argmax(0))
    for degrees in TURNS:
        turned = [
            beam_gains(
                offset[cell.site].reshape(-1, 3),
                cell.azimuth + np.deg2rad(degrees),
                cell.downtilt,
                cell.array,
            ).max(1)
            for cell in deployment.cells
        ]
        level = 10 * np.log10(np.stack(turned) + 1e-4) - 90
        layers[layer_name(degrees)] = (("cell", "beam", "y", "x"), level.reshape(-1, 1, *tile.shape))
    return dataclasses.replace(maps, radio_maps=maps.radio_maps.drop_dims("beam").assign(layers))


@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=str)
def test_all_layers_of_the_moved_city_are_those_of_the_city_moved(city, symmetry):
    here, there = (map_layers(directed(one), 2) for one in (city, analytic_city(symmetry)))
    moved = symmetry.layers(here.map_rasters(symmetry.raster))
    for axis, channels in CHANNELS_BY_AXIS.items():
        off = (getattr(moved, axis) - getattr(there, axis)).abs()
        for index, channel in enumerate(channels):
            # Between two beams either may be the best one.
            assert (off[:, index] > 2e-2).float().mean() < 0.02, channel.name


def test_layers_that_know_a_direction_say_so():
    angles = {row.name for row in MAP_LAYERS if row.unit in ("rad", "Hz s/m")}
    turning = {row.name for row in MAP_LAYERS if row.kind == "azimuth" or row.turned}
    assert turning == {"aoa_azimuth", "aod_azimuth", "doppler_x", "doppler_y"}
    # Angles from the zenith and spreads have no direction in the plane.
    assert all("zenith" in name or "spread" in name for name in angles - turning)


@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=str)
def test_observing_the_moved_city_is_moving_what_was_observed(city, walk, symmetry):
    there_city = analytic_city(symmetry)
    beams = place_maps(city).beams_of_cell
    moved = symmetry.sequences(sequence_tensors(city.observed(walk), city.deployment), beams)
    there = sequence_tensors(there_city.observed(walk), there_city.deployment)
    torch.testing.assert_close(moved.position, there.position, equal_nan=True, atol=1e-3, rtol=0)
    assert torch.equal(moved.serving, there.serving)
    for found, expected in ((moved.observed, there.observed), (moved.beams, there.beams)):
        assert (~found.isnan()).sum() > 100
        assert torch.equal(found.isnan(), expected.isnan())
        # A level next to the edge of its bin may fall to either side.
        step = torch.nan_to_num(found - expected).abs()
        assert step[..., : OBSERVED.index("timing_advance")].max() <= 1
        assert (step > 0).float().mean() < 1e-3


def test_beams_keep_their_place_only_where_the_sector_has_one(city):
    levels = torch.arange(16.0).reshape(4, 4)
    beams = place_maps(city).beams_of_cell
    assert beams.tolist() == [4, 3, 4, 1]
    assert Symmetry(1, False).beams(levels, beams) is levels
    mirrored = Symmetry(2, True).beams(levels, beams)
    assert mirrored.tolist() == [[3, 2, 1, 0], [6, 5, 4, 7], [11, 10, 9, 8], [12, 13, 14, 15]]


@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=str)
def test_azimuths_turn_with_the_city(city, walk, symmetry):
    """Angles of arrival and departure, of true directions, in their own units; and what a panel sees of them."""
    sequences = sequence_tensors(city.observed(walk), city.deployment)

    def with_angles(symmetry, deployment, tensors):
        sites = torch.from_numpy(deployment.site_positions[deployment.site_of_cell, :2])
        x, y = (tensors.position[:, :, None].double() - sites).unbind(-1)
        azimuth = torch.atan2(y, x)
        boresight = torch.tensor([cell.azimuth for cell in deployment.cells])
        columns = [
            torch.rad2deg(azimuth),
            azimuth,
            180 * torch.sin(azimuth - boresight),
            torch.ones_like(azimuth),
        ]
        further = torch.stack(columns, -1).float()
        names = ("ul_aoa", "dl_aod", "eigenvector_step", "pmi_i11")
        return dataclasses.replace(tensors, further=further, further_names=names)

    beams = place_maps(city).beams_of_cell
    moved = symmetry.sequences(with_angles(UNMOVED, city.deployment, sequences), beams)
    there_city = analytic_city(symmetry)
    there = with_angles(symmetry, there_city.deployment, symmetry.sequences(sequences, beams))
    difference = moved.further - there.further
    for column, turn in ((0, 360.0), (1, 2 * np.pi)):
        wrapped = torch.remainder(difference[..., column] + turn / 2, turn) - turn / 2
        assert torch.nan_to_num(wrapped).abs().max() < 2e-3
        assert torch.nan_to_num(moved.further[..., column]).abs().max() <= turn / 2 + 1e-4
    assert torch.nan_to_num(difference[..., 2]).abs().max() < 2e-2
    assert bool(moved.further[..., 3].isnan().all()) == symmetry.mirrored


def test_every_angle_of_the_schema_is_accounted_for():
    angles = {feature.name for feature in SCHEMA if feature.unit in ("deg", "rad")}
    assert angles == {*AZIMUTHS, *PANEL_PHASES} | DIRECTIONLESS
    half_turns = {feature.name: feature.high for feature in SCHEMA if feature.name in AZIMUTHS}
    assert half_turns == pytest.approx(AZIMUTHS, abs=1e-3)
    assert turned_azimuth(Symmetry(1, True), 0.3) == pytest.approx(-np.pi / 2 - 0.3)


@pytest.mark.parametrize("symmetry", SYMMETRIES[1:], ids=str)
def test_the_heatmap_of_an_untrained_network_moves_along(symmetry):
    place = synthetic_place(4, size=128.0, sites=2, beams=4)
    torch.manual_seed(0)
    network = LocationNetwork(LocationNetworkConfiguration()).eval()
    maps = place_maps(place)
    sequences = sequence_tensors(synthetic_reports(place, 4, 7), place.deployment)
    rasters = evidence_rasters(maps)
    here = network(sequences, network.encode_place(maps, rasters))
    there_maps, there_rasters = symmetry.place(maps), symmetry.rasters(rasters, maps.beams_of_cell)
    there = network(
        symmetry.sequences(sequences, maps.beams_of_cell), network.encode_place(there_maps, there_rasters)
    )
    # The correction starts at zero, so the heatmap of an untrained network is its evidence.
    torch.testing.assert_close(
        symmetry.raster(here.prediction.log_mass), there.prediction.log_mass, atol=1e-3, rtol=1e-3
    )
    made_there = evidence_rasters(there_maps)
    for field in dataclasses.fields(made_there):
        torch.testing.assert_close(getattr(made_there, field.name), getattr(there_rasters, field.name))


def test_all_eight_are_drawn():
    generator = torch.Generator().manual_seed(1)
    assert {random_symmetry(generator) for _ in range(100)} == set(SYMMETRIES)
