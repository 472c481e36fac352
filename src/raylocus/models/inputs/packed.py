"""Report sequences of one place as packed tensors: no padding, one row a report and one a token.

A batch is packed from the store to the device and becomes dense there, once, for a model that reads
(sample, time, cell) arrays. Less than a fifth of a dense batch of the demo is tokens, the rest is
padding: most cells go unheard in most reports, and sequences differ in length. So what is read, sent
from a worker process, pinned and moved is the packed form; and batches are made of sequences of
similar length (`place_batches`), so that what becomes dense has little padding in time. Ragged kernels
in the model itself (`torch.nested`) would save the rest of the radio encoder's work, which is a small
share of a step compared with the convolutions over the ground.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from raylocus.models.inputs.tensors import BEAM_LEVEL, OBSERVED, SequenceTensors
from raylocus.network.reports.features import features_named
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import token_cells
from raylocus.scenes.sites import Deployment
from raylocus.units import timing_advance_distance


@dataclass(frozen=True)
class TokenLayout:
    """What the columns of packed tokens are, and how long the axes of cells and beams are."""

    cells: int
    """Cells of the place."""
    beams: int
    """Most SSB beams of any of them."""
    cell_features: tuple[str, ...]
    """Columns of a cell's token: `OBSERVED`, then what else there is."""
    beam_features: tuple[str, ...]
    """Columns of a beam's token: L1-RSRP, then what else there is."""

    @classmethod
    def of(cls, feature_names: tuple[str, ...], deployment: Deployment) -> TokenLayout:
        """The layout of reports with these features at a place."""
        further = [
            feature
            for feature in features_named(feature_names)
            if feature.name not in (*OBSERVED, BEAM_LEVEL)
        ]
        return cls(
            cells=len(deployment.cells),
            beams=deployment.beam_count,
            cell_features=(*OBSERVED, *(each.name for each in further if each.token != "beam")),
            beam_features=(BEAM_LEVEL, *(each.name for each in further if each.token == "beam")),
        )


@dataclass(frozen=True, eq=False)
class PackedSequences:
    """Sequences of one place without padding; NaN is a feature that was left out."""

    report_offsets: Int[Tensor, " sample_plus_1"]
    """The reports of sequence i are `report_offsets[i]:report_offsets[i + 1]`."""
    age: Float[Tensor, " report"]
    """Seconds before the sequence's last report."""
    position: Float[Tensor, "report 2"]
    """True position (x, y) [m]; NaN where unknown."""
    report: Int[Tensor, " token"]
    """Report of each cell's token."""
    cell: Int[Tensor, " token"]
    """Cell index of each."""
    serving: Bool[Tensor, " token"]
    """Whether the cell served."""
    censored: Float[Tensor, "token feature"]
    """−1 where a feature lies below its range, +1 above, else 0."""
    features: Float[Tensor, "token feature"]
    """Columns of `TokenLayout.cell_features`, in the units of `SequenceTensors`."""
    beam_report: Int[Tensor, " beam_token"]
    """Report of each beam's token."""
    beam_cell: Int[Tensor, " beam_token"]
    """Cell index of each."""
    beam: Int[Tensor, " beam_token"]
    """SSB index of each."""
    beam_features: Float[Tensor, "beam_token beam_feature"]
    """Columns of `TokenLayout.beam_features`."""
    censored_beams: Float[Tensor, "beam_token beam_feature"]
    """The same of beams as `censored`."""
    layout: TokenLayout

    def __len__(self) -> int:
        return len(self.report_offsets) - 1

    def to(self, device: torch.device) -> PackedSequences:
        """The same on a device; from pinned memory the copy does not wait."""
        return self._map_tensors(lambda values: values.to(device, non_blocking=True))

    def pin_memory(self) -> PackedSequences:
        """The same in pinned memory: what a `DataLoader` asks of its batches where there is CUDA."""
        return self._map_tensors(lambda values: values.pin_memory())

    def __getstate__(self) -> dict[str, Any]:
        # Between processes torch gives every tensor shared memory of its own; for tokens that costs more
        # than a copy through the pipe.
        return {
            name: value.numpy() if isinstance(value, Tensor) else value for name, value in vars(self).items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
        vars(self).update(state, **{name: torch.from_numpy(value) for name, value in arrays.items()})

    def _map_tensors(self, function: Callable[[Tensor], Tensor]) -> PackedSequences:
        mapped: dict[str, Any] = {
            field.name: function(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.name != "layout"
        }
        return dataclasses.replace(self, **mapped)

    def dense(self) -> SequenceTensors:
        """The same as dense tensors, as long in time as the longest sequence."""
        lengths = self.report_offsets.diff()
        times = max(1, int(lengths.max())) if len(self) else 1
        steps = torch.arange(len(self.age), device=self.age.device)
        sequence = torch.repeat_interleave(lengths, output_size=len(steps))
        moment = (sequence, times - self.report_offsets[1:][sequence] + steps)
        token = (*(index[self.report] for index in moment), self.cell)
        beam = (*(index[self.beam_report] for index in moment), self.beam_cell, self.beam)
        by_time = (len(self), times)
        by_cell = (*by_time, self.layout.cells)
        features = _scattered(self.features, token, by_cell, torch.nan)
        beams = _scattered(self.beam_features, beam, (*by_cell, self.layout.beams), torch.nan)
        return SequenceTensors(
            observed=features[..., : len(OBSERVED)],
            beams=beams[..., 0],
            serving=_scattered(self.serving, token, by_cell, False),
            censored=_scattered(self.censored, token, by_cell, 0.0),
            age=_scattered(self.age, moment, by_time, torch.nan),
            position=_scattered(self.position, moment, by_time, torch.nan),
            further=features[..., len(OBSERVED) :],
            further_beams=beams[..., 1:],
            censored_beams=_scattered(self.censored_beams, beam, (*by_cell, self.layout.beams), 0.0),
            further_names=self.layout.cell_features[len(OBSERVED) :],
            further_beam_names=self.layout.beam_features[1:],
        )


def _scattered(
    values: Shaped[Tensor, " row *column"],
    where: tuple[Tensor, ...],
    shape: tuple[int, ...],
    fill: bool | float,
) -> Shaped[Tensor, "*dense"]:
    """Rows put where their indices say, with everything else filled."""
    dense = values.new_full((*shape, *values.shape[1:]), fill)
    dense[where] = values
    return dense


def packed_sequences(reports: Reports, deployment: Deployment) -> PackedSequences:
    """Packed tensors of all sequences, which are of one place.

    Raises:
        PlaceError: the reports name a cell that the deployment does not have.
    """
    layout = TokenLayout.of(reports.feature_names, deployment)
    of_cell = reports.beam < 0
    of_beam = ~of_cell & (reports.beam < layout.beams)
    cell, report = token_cells(reports, deployment), reports.report_of_token
    last = reports.time[reports.last_report][reports.sequence_of_report]
    return PackedSequences(
        report_offsets=_integers(reports.report_offsets),
        age=_numbers(last - reports.time),
        position=_numbers(reports.position[:, :2]),
        report=_integers(report[of_cell]),
        cell=_integers(cell[of_cell]),
        serving=torch.from_numpy(reports.serving[of_cell]),
        censored=_numbers(_columns(reports, reports.censored[of_cell], layout.cell_features, 0.0)),
        features=_numbers(
            _columns(reports, reports.features[of_cell], layout.cell_features, np.nan)
            * _units(layout, deployment, cell[of_cell])
        ),
        beam_report=_integers(report[of_beam]),
        beam_cell=_integers(cell[of_beam]),
        beam=_integers(reports.beam[of_beam]),
        beam_features=_numbers(_columns(reports, reports.features[of_beam], layout.beam_features, np.nan)),
        censored_beams=_numbers(_columns(reports, reports.censored[of_beam], layout.beam_features, 0.0)),
        layout=layout,
    )


def sequence_tensors(reports: Reports, deployment: Deployment) -> SequenceTensors:
    """Dense tensors of all sequences, which are of one place.

    Raises:
        PlaceError: the reports name a cell that the deployment does not have.
    """
    return packed_sequences(reports, deployment).dense()


def _columns(
    reports: Reports, values: Shaped[np.ndarray, "token column"], names: tuple[str, ...], missing: float
) -> Float[np.ndarray, "token feature"]:
    """Some columns of the reports' features; those that the reports lack are missing."""
    found = np.full((len(values), len(names)), missing)
    for column, name in enumerate(names):
        if name in reports.feature_names:
            found[:, column] = values[:, reports.feature_names.index(name)]
    return found


def _units(
    layout: TokenLayout, deployment: Deployment, cell: Int[np.ndarray, " token"]
) -> Float[np.ndarray, "token feature"]:
    """What the schema's units are multiplied by: steps of timing advance become metres."""
    steps = [timing_advance_distance(carrier.numerology) for carrier in deployment.carriers]
    units = np.ones((len(cell), len(layout.cell_features)))
    units[:, OBSERVED.index("timing_advance")] = np.array(steps)[deployment.carrier_of_cell[cell]]
    return units


def _integers(values: Int[np.ndarray, "*shape"]) -> Int[Tensor, "*shape"]:
    return torch.from_numpy(values.astype(np.int64))


def _numbers(values: Shaped[np.ndarray, "*shape"]) -> Float[Tensor, "*shape"]:
    return torch.from_numpy(values.astype(np.float32))
