"""Augmentation that keeps the physics true: symmetries of the plane, earlier endings, lost features, other levels."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.datasets.maps import PlaceMaps
from raylocus.datasets.tensors import OBSERVED, SequenceTensors

#: Columns of `datasets.maps.cell_poses` that are vectors in the plane.
VECTOR_COLUMNS = ((0, 1), (3, 4))


@dataclass(frozen=True)
class Symmetry:
    """One of the eight symmetries of a square: mirror x, then turn counter-clockwise."""

    quarter_turns: int
    """Turns by 90°."""
    mirrored: bool
    """Whether x changes its sign first."""

    def raster(self, values: Float[Tensor, "*lead y x"]) -> Float[Tensor, "*lead y x"]:
        """A raster [..., y, x] with y ascending, moved along."""
        if self.mirrored:
            values = values.flip(-1)
        # Rows ascend with y, so turning from x towards y is turning from the last axis to the one before.
        return torch.rot90(values, self.quarter_turns, (-1, -2)).contiguous()

    def vector(self, values: Float[Tensor, "*lead 2"]) -> Float[Tensor, "*lead 2"]:
        """Vectors (x, y), moved along."""
        x, y = values.unbind(-1)
        x = -x if self.mirrored else x
        for _ in range(self.quarter_turns % 4):
            x, y = -y, x
        return torch.stack([x, y], -1)

    def place(self, maps: PlaceMaps) -> PlaceMaps:
        """A whole place with its cells, moved along."""
        poses = maps.poses.clone()
        for columns in VECTOR_COLUMNS:
            poses[:, list(columns)] = self.vector(maps.poses[:, list(columns)])
        return dataclasses.replace(maps.map_rasters(self.raster), poses=poses)

    def sequences(self, sequences: SequenceTensors) -> SequenceTensors:
        """Sequences, moved along: only their true positions know of directions."""
        return dataclasses.replace(sequences, position=self.vector(sequences.position))


def random_symmetry(generator: torch.Generator) -> Symmetry:
    """One of the eight, all alike in probability."""
    index = int(torch.randint(8, (), generator=generator))
    return Symmetry(index % 4, index >= 4)


@dataclass(frozen=True)
class AugmentationConfiguration:
    """How sequences are varied in training."""

    earlier_ending: float = 0.4
    """Probability that a sequence ends at an earlier report, whose position is then asked for."""
    feature_dropout: float = 0.1
    """Probability that a feature of a whole sequence is lost: SINR and RSRQ, timing advance, or beams, each alone."""
    level_offset_db: float = 2.0
    """Standard deviation of an offset added to all levels of a sequence [dB]."""


def augmented(
    sequences: SequenceTensors, configuration: AugmentationConfiguration, generator: torch.Generator
) -> SequenceTensors:
    """Sequences varied at random; any report may be the last, for the law of mobility is the same at all times."""
    sequences = ended_earlier(sequences, configuration.earlier_ending, generator)
    sequences = without_features(sequences, configuration.feature_dropout, generator)
    offset = configuration.level_offset_db * torch.randn(len(sequences), generator=generator)
    observed = sequences.observed.clone()
    observed[..., OBSERVED.index("rsrp")] += offset[:, None, None]
    return dataclasses.replace(
        sequences, observed=observed, beams=sequences.beams + offset[:, None, None, None]
    )


def ended_earlier(
    sequences: SequenceTensors, probability: float, generator: torch.Generator
) -> SequenceTensors:
    """Some of the sequences cut after a report drawn at random."""
    lengths = (~sequences.age.isnan()).sum(1)
    cut = torch.rand(len(sequences), generator=generator) < probability
    dropped = (torch.rand(len(sequences), generator=generator) * lengths).long() * cut
    times = sequences.age.shape[1]
    source = torch.arange(times) - dropped[:, None]
    row = torch.arange(len(sequences))[:, None]
    moved = {
        field.name: getattr(sequences, field.name)[row, source.clamp(min=0)]
        for field in dataclasses.fields(sequences)
    }
    padding = source < 0
    for name in ("observed", "beams", "age", "position"):
        moved[name][padding] = torch.nan
    moved["serving"][padding] = False
    moved["censored"][padding] = 0
    moved["age"] = moved["age"] - moved["age"][:, -1:]
    return SequenceTensors(**moved).trimmed()


def without_features(
    sequences: SequenceTensors, probability: float, generator: torch.Generator
) -> SequenceTensors:
    """Some sequences lose SINR and RSRQ, some their timing advance, some their beams."""
    lost = torch.rand(3, len(sequences), generator=generator) < probability
    observed, beams = sequences.observed.clone(), sequences.beams.clone()
    for name in ("sinr", "rsrq"):
        observed[..., OBSERVED.index(name)][lost[0]] = torch.nan
    observed[..., OBSERVED.index("timing_advance")][lost[1]] = torch.nan
    beams[lost[2]] = torch.nan
    return dataclasses.replace(sequences, observed=observed, beams=beams)
