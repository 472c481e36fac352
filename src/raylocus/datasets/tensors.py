"""Report sequences of one place as dense tensors, aligned with the place's cells."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from raylocus.network.features import FEATURE_INDEX
from raylocus.network.reports import Reports
from raylocus.scenes.sites import Deployment
from raylocus.units import timing_advance_distance

#: Columns of `SequenceTensors.observed`: RSRP [dBm], RSRQ [dB], SINR [dB], timing advance as one-way distance [m].
OBSERVED = ("rsrp", "rsrq", "sinr", "timing_advance")


@dataclass(frozen=True)
class SequenceTensors:
    """Sequences padded to a common length at the front, so that the last report is always at time index −1.

    NaN is missing: a cell that was not reported, a feature that was left out, a report that pads.
    """

    observed: Float[Tensor, "sample time cell feature"]
    """Columns of `OBSERVED`."""
    beams: Float[Tensor, "sample time cell beam"]
    """L1-RSRP of each SSB beam [dBm]."""
    serving: Bool[Tensor, "sample time cell"]
    """Whether the cell served."""
    censored: Float[Tensor, "sample time cell"]
    """−1 where RSRP lies below its range, +1 above, else 0."""
    age: Float[Tensor, "sample time"]
    """Seconds before the last report."""
    position: Float[Tensor, "sample time 2"]
    """True position (x, y) [m]; NaN where unknown."""

    def __len__(self) -> int:
        return len(self.age)

    @property
    def target(self) -> Float[Tensor, "sample 2"]:
        """Position at the last report [m]: what is asked for."""
        return self.position[:, -1]

    def select(self, indices: Tensor) -> SequenceTensors:
        """Those sequences, in that order."""
        chosen = {field.name: getattr(self, field.name)[indices] for field in dataclasses.fields(self)}
        return SequenceTensors(**chosen).trimmed()

    def trimmed(self) -> SequenceTensors:
        """The same without the leading times that pad every sequence."""
        used = (~self.age.isnan()).any(0).nonzero()
        start = int(used[0]) if len(used) else 0
        return SequenceTensors(
            **{field.name: getattr(self, field.name)[:, start:] for field in dataclasses.fields(self)}
        )


def sequence_tensors(reports: Reports, deployment: Deployment) -> SequenceTensors:
    """Dense tensors of all sequences of one place.

    Raises:
        PlaceError: the reports name a cell that the deployment does not have.
    """
    lengths = np.diff(reports.report_offsets)
    samples, times, cells = len(reports), int(lengths.max(initial=1)), len(deployment.cells)
    sequence = reports.sequence_of_report
    slot = times - reports.report_offsets[sequence + 1] + np.arange(len(sequence))
    age = np.full((samples, times), np.nan, np.float32)
    age[sequence, slot] = reports.time[reports.last_report][sequence] - reports.time
    position = np.full((samples, times, 2), np.nan, np.float32)
    position[sequence, slot] = reports.position[:, :2]

    report = reports.report_of_token
    where = (sequence[report], slot[report], deployment.cells_of(reports.pci))
    return SequenceTensors(
        observed=torch.from_numpy(_cell_features(reports, where, (samples, times, cells), deployment)),
        beams=torch.from_numpy(_beam_levels(reports, where, (samples, times, cells, deployment.beam_count))),
        serving=torch.from_numpy(
            _scatter(where, reports.beam < 0, reports.serving, np.zeros((samples, times, cells), bool))
        ),
        censored=torch.from_numpy(
            _scatter(
                where,
                reports.beam < 0,
                reports.censored[:, FEATURE_INDEX["rsrp"]],
                np.zeros((samples, times, cells), np.float32),
            )
        ),
        age=torch.from_numpy(age),
        position=torch.from_numpy(position),
    )


def _scatter(
    where: tuple[np.ndarray, ...], chosen: np.ndarray, values: np.ndarray, dense: np.ndarray
) -> np.ndarray:
    dense[tuple(index[chosen] for index in where)] = values[chosen]
    return dense


def _cell_features(
    reports: Reports, where: tuple[np.ndarray, ...], shape: tuple[int, int, int], deployment: Deployment
) -> Float[np.ndarray, "sample time cell feature"]:
    columns = reports.features[:, [FEATURE_INDEX[name] for name in OBSERVED]].astype(np.float32)
    columns[:, OBSERVED.index("timing_advance")] *= timing_advance_distance(deployment.carrier.numerology)
    return _scatter(where, reports.beam < 0, columns, np.full((*shape, len(OBSERVED)), np.nan, np.float32))


def _beam_levels(
    reports: Reports, where: tuple[np.ndarray, ...], shape: tuple[int, int, int, int]
) -> Float[np.ndarray, "sample time cell beam"]:
    known = (reports.beam >= 0) & (reports.beam < shape[-1])
    levels = reports.features[:, FEATURE_INDEX["l1_rsrp"]].astype(np.float32)
    return _scatter((*where, reports.beam), known, levels, np.full(shape, np.nan, np.float32))
