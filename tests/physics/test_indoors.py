"""UEs indoors: TR 38.901's outdoor-to-indoor loss on the channel of the ground next to the building."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from network_fixtures import TILE, deployment, free_space_maps, ground
from raylocus.errors import InputError
from raylocus.network.channel.links import channel_at
from raylocus.network.channel.world_channel import behind_walls, shelter_of
from raylocus.network.impairments.building_loss import BuildingLoss, penetration_loss_db, wall_loss_db
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.movement.trajectories import Trajectories
from raylocus.units import SPEED_OF_LIGHT


@pytest.fixture(scope="module")
def maps() -> xr.Dataset:
    return free_space_maps(deployment())


def test_wall_loss_by_hand() -> None:
    # TR 38.901 §7.4.3.1 at 3.5 GHz: glass 2.7 dB, infrared-reflecting glass 24.05 dB, concrete 19 dB.
    low = 5 - 10 * np.log10(0.3 * 10**-0.27 + 0.7 * 10**-1.9)
    high = 5 - 10 * np.log10(0.7 * 10**-2.405 + 0.3 * 10**-1.9)
    assert wall_loss_db(3.5e9, np.array([False, True])) == pytest.approx([low, high])
    assert low == pytest.approx(12.7, abs=0.1) and high == pytest.approx(26.8, abs=0.1)


def test_loss_grows_with_the_way_inside_and_spreads_as_specified() -> None:
    generator = np.random.default_rng(0)
    uniform, normal = generator.random(50_000), generator.standard_normal(50_000)
    for share, deviation in ((0.0, 4.4), (1.0, 6.5)):
        near, far = (
            penetration_loss_db(np.full(50_000, depth), 3.5e9, BuildingLoss(share), uniform, normal)
            for depth in (2.0, 12.0)
        )
        # 0.5 dB a metre, where the loss is not cut at 0.
        assert (far - near)[near > 0] == pytest.approx(5.0, abs=1e-9)
        assert far.std() == pytest.approx(deviation, rel=0.03)
    outdoors = penetration_loss_db(np.zeros(3), 3.5e9, BuildingLoss(), uniform[:3], normal[:3])
    assert (outdoors == 0).all()
    with pytest.raises(InputError, match="high-loss"):
        BuildingLoss(1.5)


def test_outdoors_nothing_changes_and_indoors_the_ground_outside_counts(maps: xr.Dataset) -> None:
    geometry = ground()
    # Row 17 runs through the block of columns 8 to 29: its middle is 11 cells from either end, 8 from a side.
    inside = np.array([*TILE.centres.reshape(64, 64, 2)[17, 10], 1.5])
    outside = np.array([*TILE.centres.reshape(64, 64, 2)[17, 5], 1.5])
    walked = Trajectories(np.array([0, 2]), np.arange(2.0), np.stack([outside, inside]))
    shelter = shelter_of(geometry, walked.position)
    assert (shelter.depth > 0).tolist() == [False, True]
    assert shelter.depth[1] == pytest.approx(3 * TILE.resolution)
    walls = penetration_loss_db(shelter.depth, 3.5e9, BuildingLoss(), np.full(2, 0.5), np.zeros(2))
    state = behind_walls(channel_at(maps, shelter.outdoors), shelter, walls)
    plain = channel_at(maps, shelter.outdoors)
    np.testing.assert_array_equal(state.rsrp_beam[0], plain.rsrp_beam[0])
    loss = (plain.rsrp_beam[1] - state.rsrp_beam[1]).ravel()
    assert np.ptp(loss) < 1e-3 and loss[0] > 0
    assert (state.delay[1] - plain.delay[1]) * SPEED_OF_LIGHT == pytest.approx(np.full(3, 12.0), rel=1e-3)
    assert (state.line_of_sight[1] == 0).all() and (state.line_of_sight[0] == 1).all()


def test_the_asked_share_is_indoors_and_at_rest() -> None:
    geometry = ground()
    walked = sample_trajectories(
        geometry, 1000, MobilityConfiguration(indoor_share=0.3), np.random.default_rng(0)
    )
    indoors = shelter_of(geometry, walked.position).depth > 0
    first = walked.report_offsets[:-1]
    assert indoors[first].mean() == pytest.approx(0.3, abs=0.05)
    sequence = np.repeat(np.arange(1000), np.diff(walked.report_offsets))
    way = np.linalg.norm(walked.position - walked.position[first][sequence], axis=1)
    assert (way[indoors] == 0).all()
    open_ground = geometry.assign(footprint=geometry["footprint"] * 0)
    with pytest.raises(InputError, match="no building"):
        sample_trajectories(open_ground, 5, MobilityConfiguration(indoor_share=1.0), np.random.default_rng(0))
