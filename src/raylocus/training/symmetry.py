"""What leaves a place the same: symmetries of the square and orders of the cells, moved with all that was observed."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.models.evidence.cell_order import CellOrder
from raylocus.models.evidence.rasters import EvidenceRasters
from raylocus.models.inputs.map_layer_table import CHANNELS_BY_AXIS, MapChannel
from raylocus.models.inputs.map_layers import MapLayers
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors

#: Columns of `models.inputs.cell_poses` that are vectors in the plane.
VECTOR_COLUMNS = ((0, 1), (3, 4))
#: Features that are azimuths, counter-clockwise from east, and half a turn in their unit.
AZIMUTHS = {"ul_aoa": 180.0, "dl_aod": math.pi}
#: Phases from one column of a panel to the next, whose sign says left or right of its boresight.
PANEL_PHASES = ("eigenvector_step",)
#: Features that name a precoder. Its mirror image depends on the panel's columns and polarisations, which a
#: report does not say, so a mirrored report goes without them.
PRECODER_INDICES = ("pmi_i11", "pmi_i12", "pmi_i13", "pmi_i2")
#: Axes whose sign so many quarter turns change, before axes change places.
FLIPPED_AXES: tuple[frozenset[int], ...] = (
    frozenset(),
    frozenset({-2}),
    frozenset({-1, -2}),
    frozenset({-1}),
)


@dataclass(frozen=True)
class Symmetry:
    """One of the eight symmetries of a square: mirror x, then turn counter-clockwise.

    Levels, delays and Doppler shifts know no direction and stay as they are. A mirror also swaps the two
    slants of a ±45° panel, which a power over both polarisations does not see.
    """

    quarter_turns: int
    """Turns by 90°."""
    mirrored: bool
    """Whether x changes its sign first."""

    def raster(self, values: Float[Tensor, "*lead y x"]) -> Float[Tensor, "*lead y x"]:
        """A raster [..., y, x] with y ascending, moved along."""
        # Rows ascend with y, so turning from x towards y is turning from the last axis to the one before: axes change
        # sign, all at once, and then places. Of large rasters every pass over the memory counts.
        turned = FLIPPED_AXES[self.quarter_turns % 4]
        axes = turned ^ {-1} if self.mirrored else turned
        values = values.flip(*axes) if axes else values
        return values.mT.contiguous() if self.quarter_turns % 2 else values

    def vector(self, values: Float[Tensor, "*lead 2"]) -> Float[Tensor, "*lead 2"]:
        """Vectors (x, y), moved along."""
        x, y = values.unbind(-1)
        x = -x if self.mirrored else x
        for _ in range(self.quarter_turns % 4):
            x, y = -y, x
        return torch.stack([x, y], -1)

    def back(self, values: Float[Tensor, "*lead 2"]) -> Float[Tensor, "*lead 2"]:
        """Vectors (x, y) that were moved along, as they were before."""
        x, y = Symmetry(-self.quarter_turns, False).vector(values).unbind(-1)
        return torch.stack([-x if self.mirrored else x, y], -1)

    def azimuth(self, values: Float[Tensor, "*shape"], half_turn: float) -> Float[Tensor, "*shape"]:
        """Azimuths in [−half_turn, half_turn), moved along."""
        values = half_turn - values if self.mirrored else values
        values = values + self.quarter_turns * half_turn / 2
        return torch.remainder(values + half_turn, 2 * half_turn) - half_turn

    def beams(
        self, values: Float[Tensor, "cell beam *rest"], beams_of_cell: Int[Tensor, " cell"]
    ) -> Float[Tensor, "cell beam *rest"]:
        """Values of beams, moved along: beams ascend in azimuth, so a mirror reverses those a cell has."""
        if not self.mirrored:
            return values
        cells, beams = values.shape[:2]
        beam = torch.arange(beams, device=values.device)
        own = beams_of_cell[:, None]
        order = torch.where(beam < own, own - 1 - beam, beam)
        rows = order + beams * torch.arange(cells, device=values.device)[:, None]
        return values.flatten(0, 1).index_select(0, rows.flatten()).unflatten(0, (cells, beams))

    def place(self, maps: PlaceMaps) -> PlaceMaps:
        """A whole place with its cells, moved along."""
        poses = maps.poses.clone()
        for columns in VECTOR_COLUMNS:
            poses[:, list(columns)] = self.vector(maps.poses[:, list(columns)])
        moved = maps.map_rasters(self.raster)
        beams = self.beams(moved.beam_relative, maps.beams_of_cell)
        departure = self.vector(moved.departure.movedim(1, -1)).movedim(-1, 1)
        sharp = self.beams(moved.sharp_beams, maps.beams_of_cell)
        # What was a turn to the left is one to the right.
        if self.mirrored:
            sharp = sharp.flip(2)
        return dataclasses.replace(
            moved,
            poses=poses,
            beam_relative=beams,
            sharp_beams=sharp,
            turns=-maps.turns.flip(0) if self.mirrored else maps.turns,
            departure=departure,
            layers=moved.layers and self.layers(moved.layers),
        )

    def layers(self, layers: MapLayers) -> MapLayers:
        """Channels of maps whose rasters were moved, moved along: directions, and what lies left or right."""
        return MapLayers(**{
            axis: self._layer_channels(getattr(layers, axis), channels)
            for axis, channels in CHANNELS_BY_AXIS.items()
        })  # fmt: skip

    def _layer_channels(
        self, values: Float[Tensor, "item channel y x"], channels: tuple[MapChannel, ...]
    ) -> Float[Tensor, "item channel y x"]:
        index = {channel.name: number for number, channel in enumerate(channels)}
        source, sign = torch.arange(len(channels)), torch.ones(len(channels))
        # The mirror comes first, so what shows now is found from the last turn back.
        moves = ["turned"] * (self.quarter_turns % 4) + ["mirrored"] * self.mirrored
        for move in moves:
            named = [getattr(channel, move) for channel in channels]
            sign = sign * torch.tensor([float(each) for _, each in named])[source]
            source = torch.tensor([index[name] for name, _ in named])[source]
        return values[:, source.to(values.device)] * sign.to(values)[:, None, None]

    def rasters(self, rasters: EvidenceRasters, beams_of_cell: Int[Tensor, " cell"]) -> EvidenceRasters:
        """What was made of the place's maps, moved along."""
        moved = rasters.map_rasters(self.raster)
        return dataclasses.replace(moved, beam=self.beams(moved.beam, beams_of_cell))

    def sequences(self, sequences: SequenceTensors, beams_of_cell: Int[Tensor, " cell"]) -> SequenceTensors:
        """What was observed in the place, moved along: positions, azimuths, and which beam is which."""
        return dataclasses.replace(
            sequences,
            position=self.vector(sequences.position),
            beams=self._by_cell(sequences.beams, beams_of_cell),
            further=self._features(sequences.further, sequences.further_names),
            further_beams=self._by_cell(sequences.further_beams, beams_of_cell),
            censored_beams=self._by_cell(sequences.censored_beams, beams_of_cell),
        )

    def _by_cell(self, values: Tensor, beams_of_cell: Tensor) -> Tensor:
        return self.beams(values.movedim((2, 3), (0, 1)), beams_of_cell).movedim((0, 1), (2, 3))

    def _features(self, values: Tensor, names: tuple[str, ...]) -> Tensor:
        if not names:
            return values
        moved = values.clone()
        for column, name in enumerate(names):
            if name in AZIMUTHS:
                moved[..., column] = self.azimuth(values[..., column], AZIMUTHS[name])
            elif name in PANEL_PHASES and self.mirrored:
                moved[..., column] = -values[..., column]
            elif name in PRECODER_INDICES and self.mirrored:
                moved[..., column] = torch.nan
        return moved


def random_symmetry(generator: torch.Generator) -> Symmetry:
    """One of the eight, all alike in probability."""
    index = int(torch.randint(8, (), generator=generator))
    return Symmetry(index % 4, index >= 4)


def random_cell_order(maps: PlaceMaps, generator: torch.Generator) -> CellOrder:
    """An order of a place's cells, all alike in probability."""
    order = torch.randperm(len(maps.poses), generator=generator)
    return CellOrder(order.to(maps.poses.device))
