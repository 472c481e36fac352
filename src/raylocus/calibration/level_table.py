"""Levels of all cells at the places that positions are summed over, and what timing and beams say of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.calibration.antenna_model import ANTENNA, AntennaModel
from raylocus.calibration.beam_contrasts import contrasts
from raylocus.calibration.links import PointChannels
from raylocus.calibration.parameters import Layout
from raylocus.calibration.shared_errors import single
from raylocus.calibration.unlabelled_reports import UnlabelledReports
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.units import SPEED_OF_LIGHT, timing_advance_distance

#: Ground cells that positions are summed over at most.
MOST_PLACES = 900
#: Nodes that levels are interpolated between: what is added to the pattern's floor, and scattering's gain [dB].
FLOORS = np.array([-24.0, -18.0, -12.0, -6.0, 0.0, 6.0])
SCATTERS = np.array([-25.0, -15.0, -5.0, 5.0])
#: Spread of T_A's distance about the first path's [m] and of beams about a map whose azimuths may be off [dB].
TIMING_SPREAD, BEAM_SPREAD = 25.0, 5.0
#: Probability of what no law foresees, for T_A and beams.
OUTLIERS = 0.02


@dataclass(frozen=True)
class LevelTable:
    """Levels of all cells at the places, for other patterns and scattering."""

    nodes: Float[Tensor, "node cell place"]
    """By `FLOORS` and `SCATTERS`, the latter fastest [dBm]."""
    log_prior: Float[Tensor, "report place"]
    """ln p(x) p(timing advance, beams | x), but for a constant."""

    def levels(
        self, floor: Float[Tensor, "report cell"], scatter: Float[Tensor, "report one"]
    ) -> Float[Tensor, "report cell place"]:
        """By what is added to each cell's floor, and scattering's gain [dB], between the nodes linearly [dBm]."""
        by_floor, by_scatter = (
            _hats(value, nodes) for value, nodes in ((floor, FLOORS), (scatter, SCATTERS))
        )
        weights = (by_floor[..., :, None] * by_scatter[..., None, :]).flatten(2)
        return torch.einsum("rcn,ncx->rcx", weights, self.nodes)


def _hats(
    value: Float[Tensor, "report some"], nodes: Float[np.ndarray, " node"]
) -> Float[Tensor, "report some node"]:
    """Weights of even nodes, linear between them and from the last ones on."""
    step = float(nodes[1] - nodes[0])
    place = (value - float(nodes[0])) / step
    below = place.detach().floor().clamp(0, len(nodes) - 2).long()
    share = place - below
    first = torch.nn.functional.one_hot(below, len(nodes)) * (1 - share)[..., None]
    return first + torch.nn.functional.one_hot(below + 1, len(nodes)) * share[..., None]


def level_table(
    reports: UnlabelledReports, place: TracedPlace, values: Float[np.ndarray, " value"]
) -> LevelTable:
    """Levels with the azimuths, downtilts and beamwidths of a calibration, at no level error of any cell.

    Raises:
        PlaceError: the place's R is missing.
    """
    layout = Layout(len(place.deployment.cells))
    ground = chosen_places(place)
    cell, where = (each.ravel() for each in np.meshgrid(np.arange(layout.cells), ground, indexing="ij"))
    model = AntennaModel(PointChannels(place).links(where, cell), np.zeros(0, np.int64))
    antenna = layout.antennas(values)[cell]
    antenna[:, ANTENNA.index("level")] = 0.0
    nodes = []
    for floor in FLOORS:
        for scatter in SCATTERS:
            antenna[:, ANTENNA.index("floor")], antenna[:, ANTENNA.index("scatter")] = floor, scatter
            nodes.append(model.beams(antenna).max(axis=1).reshape(layout.cells, -1))
    antenna[:, ANTENNA.index("floor")] = values[layout.index("floor")][cell]
    antenna[:, ANTENNA.index("scatter")] = values[layout.index("scatter")]
    beams = model.beams(antenna).reshape(layout.cells, len(ground), -1)
    known = timing_likelihood(reports, place, ground) + beam_likelihood(reports, beams)
    return LevelTable(single(np.stack(nodes)), single(known))


def chosen_places(place: TracedPlace) -> Int[np.ndarray, " place"]:
    """Ground cells outdoors, thinned evenly."""
    outdoors = np.flatnonzero(place.geometry_maps["footprint"].values.ravel() == 0)
    count = place.tile.count
    step = max(1, math.ceil(math.sqrt(len(outdoors) / MOST_PLACES)))
    row, column = np.divmod(outdoors, count)
    thinned = outdoors[(row % step == step // 2) & (column % step == step // 2)]
    return thinned if len(thinned) else outdoors


def timing_likelihood(
    reports: UnlabelledReports, place: TracedPlace, ground: Int[np.ndarray, " place"]
) -> Float[np.ndarray, "report place"]:
    """ln probability of each T_A at each place."""
    deployment = place.deployment
    terrain = place.geometry_maps["terrain"].values.ravel()[ground] + place.atlas.ue_height
    points = np.column_stack([place.tile.centres[ground], terrain])
    straight = np.linalg.norm(points[None] - deployment.site_positions[:, None], axis=-1)
    traced = place.radio_maps["toa"].values.reshape(len(straight), -1)[:, ground] * SPEED_OF_LIGHT
    length = np.where(np.isfinite(traced), traced, straight)
    distance = reports.timing_advance * timing_advance_distance(deployment.carrier.numerology)
    off = np.nan_to_num(distance)[:, None] - length[deployment.site_of_cell[reports.serving]]
    likely = np.log((1 - OUTLIERS) * np.exp(-((off / TIMING_SPREAD) ** 2) / 2) + OUTLIERS)
    return np.where(np.isfinite(distance)[:, None], likely, 0.0)


def beam_likelihood(
    reports: UnlabelledReports, beams: Float[np.ndarray, "cell place beam"]
) -> Float[np.ndarray, "report place"]:
    """ln density of the serving cell's beams at each place, but for a constant of each report."""
    out = np.zeros((len(reports.serving), beams.shape[1]))
    for row in np.flatnonzero(np.isfinite(reports.beams).sum(axis=1) > 1).tolist():
        error = contrasts(reports.beams[row][None] - beams[reports.serving[row]])
        out[row] = -2.5 * np.log1p(error**2 / (4 * BEAM_SPREAD**2)).sum(axis=1)
    return np.logaddexp(out, out.max(axis=1, keepdims=True) + np.log(OUTLIERS) - 4)
