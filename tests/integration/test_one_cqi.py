"""R's CQI and the reported CQI are indices of one table by one function."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from network_fixtures import TILE
from raylocus.errors import InputError
from raylocus.network.configuration import MapTiming, NetworkConfiguration
from raylocus.network.impairments.availability import FULL_CAPABILITY
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.reports.token_cells import token_cells
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration, complete_radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.sites import AntennaArray
from stack_fixtures import ALWAYS, free_space_place, observe_stack

#: Nothing random; one layer to a pair of crossed antennas, whose precoder gains what the one beam of an SSB does.
EXACT = NetworkConfiguration(
    feature_set="fr2",
    availability=ALWAYS,
    receiver_noise_db=0.0,
    beam_noise_db=0.0,
    device_bias_db=0.0,
    neighbour_dropout=0.0,
    detection_rsrp=-200.0,
    detection_sinr=-60.0,
    timing=MapTiming(noise=0.0),
    capability=dataclasses.replace(FULL_CAPABILITY, receive_antennas=2, most_layers=1),
)


def place_with(cqi_table: int) -> TracedPlace:
    """Free space with one beam a cell, which points where the first precoder does."""
    place = free_space_place()
    cells = tuple(
        dataclasses.replace(cell, array=AntennaArray(columns=2, beams=1)) for cell in place.deployment.cells
    )
    network = dataclasses.replace(place.deployment, cells=cells)
    maps = complete_radio_maps(
        place.atlas, network, RadioMapConfiguration(layers=("system",), cqi_table=cqi_table)
    )
    other = dataclasses.replace(place, deployment=network)
    other.__dict__.update(atlas=place.atlas, geometry_maps=place.geometry_maps, radio_maps=maps)
    return other


@pytest.mark.parametrize("table", [1, 2, 3])
def test_the_cqi_of_the_maps_is_the_reported_one(table: int) -> None:
    place = place_with(table)
    terrain = place.geometry_maps["terrain"].values.ravel()
    ground = np.flatnonzero(place.geometry_maps["footprint"].values.ravel() == 0)[::7]
    position = np.column_stack([TILE.centres[ground], terrain[ground] + 1.5])
    standing = Trajectories(np.arange(len(ground) + 1), np.zeros(len(ground)), position)
    reports = observe_stack(place, place.radio_maps, standing, EXACT, seed=1)
    serving = reports.serving & (reports.beam < 0)
    cell = token_cells(reports, place.deployment)[serving]
    offset = position[:, :2] - place.deployment.site_positions[place.deployment.site_of_cell[cell], :2]
    azimuth = np.array([each.azimuth for each in place.deployment.cells])[cell]
    ahead = np.abs(np.angle(np.exp(1j * (np.arctan2(offset[:, 1], offset[:, 0]) - azimuth)))) < 0.1
    said = reports.features[serving, reports.feature_names.index("cqi")]
    mapped = place.radio_maps["cqi"].values.reshape(len(place.deployment.cells), -1)[cell, ground]
    assert ahead.sum() > 40 and len(np.unique(mapped[ahead])) >= 4
    assert (said == mapped)[ahead].all()


def test_a_table_without_mcs_is_refused() -> None:
    with pytest.raises(InputError, match="cqi_table is one of 1, 2, 3, not 4"):
        RadioMapConfiguration(cqi_table=4)
