"""Report sequences of one place as dense tensors, aligned with the place's cells: what models consume."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

#: Columns of `SequenceTensors.observed`: RSRP [dBm], RSRQ [dB], SINR [dB], timing advance as one-way distance [m].
OBSERVED = ("rsrp", "rsrq", "sinr", "timing_advance")
#: The feature that `SequenceTensors.beams` holds.
BEAM_LEVEL = "l1_rsrp"


@dataclass(frozen=True, eq=False)
class SequenceTensors:
    """Sequences padded to a common length at the front, so that the last report is always at time index −1.

    NaN is missing: a cell that was not reported, a feature that was left out, a report that pads.
    """

    observed: Float[Tensor, "sample time cell feature"]
    """Columns of `OBSERVED`."""
    beams: Float[Tensor, "sample time cell beam"]
    """L1-RSRP of each SSB beam [dBm]."""
    serving: Bool[Tensor, "sample time cell"]
    """Whether it was the serving cell."""
    censored: Float[Tensor, "sample time cell all_features"]
    """−1 where a feature lies below its range, +1 above, else 0; columns of `OBSERVED`, then of `further_names`."""
    age: Float[Tensor, "sample time"]
    """Seconds before the last report."""
    position: Float[Tensor, "sample time 2"]
    """True position (x, y) [m]; NaN where unknown."""
    further: Float[Tensor, "sample time cell further_feature"]
    """Whatever else was measured of a cell, in the columns of `further_names` and the schema's units."""
    further_beams: Float[Tensor, "sample time cell beam further_beam_feature"]
    """Whatever else was measured of a beam, in the columns of `further_beam_names`."""
    censored_beams: Float[Tensor, "sample time cell beam all_beam_features"]
    """The same of beams; columns of L1-RSRP, then of `further_beam_names`."""
    further_names: tuple[str, ...] = ()
    """Features beyond `OBSERVED`, see `network.reports.features.SCHEMA`; none where only those were observed."""
    further_beam_names: tuple[str, ...] = ()
    """Features of beams beyond L1-RSRP."""

    def __len__(self) -> int:
        return len(self.age)

    @property
    def target(self) -> Float[Tensor, "sample 2"]:
        """Position at the last report [m]: what is asked for."""
        return self.position[:, -1]

    @property
    def cell_features(self) -> Float[Tensor, "sample time cell all_features"]:
        """All that was measured of cells, in the columns of `cell_names`."""
        return torch.cat([self.observed, self.further], -1)

    @property
    def cell_names(self) -> tuple[str, ...]:
        """Columns of `cell_features` and `censored`."""
        return (*OBSERVED, *self.further_names)

    @property
    def beam_features(self) -> Float[Tensor, "sample time cell beam all_beam_features"]:
        """All that was measured of beams, in the columns of `beam_names`."""
        return torch.cat([self.beams[..., None], self.further_beams], -1)

    @property
    def beam_names(self) -> tuple[str, ...]:
        """Columns of `beam_features` and `censored_beams`."""
        return (BEAM_LEVEL, *self.further_beam_names)

    @property
    def reported(self) -> Bool[Tensor, "sample time cell"]:
        """Which cells a report says anything of."""
        measured = ~self.cell_features.isnan().all(-1) | ~self.beam_features.isnan().flatten(-2).all(-1)
        return measured | self.serving

    def map_tensors(self, function: Callable[[Tensor], Tensor]) -> SequenceTensors:
        """The same with a function applied to every tensor."""
        mapped: dict[str, Any] = {
            field.name: function(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if not field.name.endswith("_names")
        }
        return dataclasses.replace(self, **mapped)

    def without(self, names: Collection[str]) -> SequenceTensors:
        """The same without some of the features of `further_names`."""
        kept = [column for column, name in enumerate(self.further_names) if name not in names]
        if len(kept) == len(self.further_names):
            return self
        columns = [*range(len(OBSERVED)), *(len(OBSERVED) + column for column in kept)]
        return dataclasses.replace(
            self,
            further=self.further[..., kept],
            censored=self.censored[..., columns],
            further_names=tuple(self.further_names[column] for column in kept),
        )

    def trimmed(self) -> SequenceTensors:
        """The same without the leading times that pad every sequence."""
        used = (~self.age.isnan()).any(0).nonzero()
        start = int(used[0]) if len(used) else 0
        return self.map_tensors(lambda values: values[:, start:])
