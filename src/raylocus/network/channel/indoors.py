"""UEs inside buildings: where they are, and the channel there by TR 38.901's outdoor-to-indoor model.

The atlas knows the ground outdoors. Indoors the channel is that of the nearest outdoor ground, less the
building penetration loss of TR 38.901 §7.4.3.1 and later by the way inside: no floor above the ground floor,
no walls inside, and no path that enters by another side.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int
from scipy.ndimage import distance_transform_edt

from raylocus.errors import InputError
from raylocus.network.channel.channel import ChannelState
from raylocus.network.impairments.building_loss import BuildingLoss, penetration_loss_db
from raylocus.network.random_streams import RandomSource
from raylocus.ragged import Rows
from raylocus.scenes.geometry_maps import grid_of
from raylocus.units import SPEED_OF_LIGHT


@dataclass(frozen=True)
class Shelter:
    """Where the channel of UEs is read off, and how far they are from there."""

    outdoors: Float[np.ndarray, "report 3"]
    """The UE's position, or the middle of the nearest outdoor ground cell where it is indoors [m]."""
    depth: Float[np.ndarray, " report"]
    """Way between both [m]; 0 outdoors."""

    @property
    def indoors(self) -> Bool[np.ndarray, " report"]:
        """Which UEs are indoors."""
        return self.depth > 0


def shelter_of(geometry_maps: xr.Dataset, position: Float[np.ndarray, "report 3"]) -> Shelter:
    """Where UEs at these positions [m] are sheltered; outside the tile counts as outdoors."""
    grid = grid_of(geometry_maps)
    built = geometry_maps["footprint"].values > 0
    cell = grid.index(position)
    within = (cell >= 0) & built.ravel()[cell]
    if not within.any():
        return Shelter(position, np.zeros(len(position)))
    if built.all():
        raise InputError("the place has no outdoor ground to read the channel from; choose another tile")
    rows, columns = distance_transform_edt(built, return_distances=False, return_indices=True)
    nearest = (rows * grid.count + columns).ravel()[cell[within]]
    terrain = geometry_maps["terrain"].values.ravel()
    outdoors = position.astype(np.float64)
    outdoors[within, :2] = grid.centres[nearest]
    outdoors[within, 2] += terrain[nearest] - terrain[cell[within]]
    depth = np.zeros(len(position))
    depth[within] = np.linalg.norm(outdoors[within, :2] - position[within, :2], axis=1)
    return Shelter(outdoors, depth)


def behind_walls(
    state: ChannelState, shelter: Shelter, loss_db: Float[np.ndarray, " report"]
) -> ChannelState:
    """The channel of UEs by that of the outdoor ground next to them: weaker by a loss [dB], later, out of sight."""
    return dataclasses.replace(
        state,
        rsrp_beam=state.rsrp_beam - loss_db[:, None, None],
        delay=state.delay + shelter.depth[:, None] / SPEED_OF_LIGHT,
        line_of_sight=np.where(shelter.indoors[:, None], 0.0, state.line_of_sight),
    )


def sequence_loss_db(
    shelter: Shelter,
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    frequency: float,
    law: BuildingLoss,
    random: RandomSource,
) -> Float[np.ndarray, " report"]:
    """Penetration loss [dB] of each report's UE: its building and deviation are drawn once for a sequence."""
    first = Rows(report_offsets).first
    uniform, normal = random.random((len(first),)), random.standard_normal((len(first),))
    return penetration_loss_db(shelter.depth, frequency, law, uniform[first], normal[first])
