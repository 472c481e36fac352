"""Measured against expected, feature by feature, in deviations: the physics loss, and why a fix is where it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from raylocus.models.evidence.deviations import FeatureDeviations
from raylocus.models.evidence.positioning import ANGLES, RANGES, azimuth_of, azimuths, pseudo_ranges
from raylocus.models.inputs.tensors import OBSERVED, SequenceTensors
from raylocus.models.physics.expected import Expected

#: Ranges whose error common to all cells, a clock, says nothing of the position.
CLOCKED = ("rstd", "ul_rtoa")


@dataclass(frozen=True)
class FeatureResidual:
    """One feature of the last report, at one point a sequence; NaN where it was not measured or has no path."""

    name: str
    unit: str
    measured: Float[Tensor, "sequence cell *beam"]
    expected: Float[Tensor, "sequence cell *beam"]
    """The error common to all cells, or to a cell's beams, included."""
    deviation: float
    """Standard deviation, in the unit."""
    turn: float = math.inf
    """Full turn of a circular feature, in the unit."""

    @property
    def standard(self) -> Float[Tensor, "sequence cell *beam"]:
        """Measured less expected, in deviations; NaN as above."""
        off = self.measured - self.expected
        if math.isfinite(self.turn):
            off = torch.remainder(off + self.turn / 2, self.turn) - self.turn / 2
        return off / self.deviation


def feature_residuals(
    expected: Expected, sequences: SequenceTensors, site_of_cell: Tensor, deviations: FeatureDeviations
) -> list[FeatureResidual]:
    """All features of the last report that have something to compare with.

    Args:
        expected: at one point a sequence.
        sequences: what was observed.
        site_of_cell: site of each cell.
        deviations: how far each is usually off.
    """
    last = sequences.observed[:, -1]
    level, timing = last[..., OBSERVED.index("rsrp")], last[..., OBSERVED.index("timing_advance")]
    length = expected.length[:, site_of_cell]
    beams = sequences.beams[:, -1]
    newest = torch.zeros_like(sequences.age)[:, None]
    newest[..., -1] = 1
    found = [
        FeatureResidual("rsrp", "dBm", level, _with_offset(expected.level, level), deviations.level),
        FeatureResidual("timing_advance", "m", timing, length, deviations.timing_advance),
        FeatureResidual(
            "l1_rsrp", "dBm", beams, _with_offset(expected.beam_relative, beams), deviations.beam
        ),
    ]
    for name, seen in pseudo_ranges(sequences, newest).items():
        value = torch.where(seen.known[:, 0] > 0, seen.value[:, 0], torch.nan)
        about = _with_offset(length, value) if name in CLOCKED else length
        found.append(FeatureResidual(name, "m", value, about, deviations.ranges[RANGES.index(name)]))
    mapped = azimuth_of(expected.departure[..., 0], expected.departure[..., 1])[:, site_of_cell]
    for name, seen in azimuths(sequences, newest).items():
        value = torch.where(seen.known[:, 0] > 0, seen.value[:, 0], torch.nan)
        deviation = deviations.angles[list(ANGLES).index(name)]
        found.append(FeatureResidual(name, "rad", value, mapped, deviation, 2 * math.pi))
    return found


def physics_loss(
    expected: Expected, sequences: SequenceTensors, site_of_cell: Tensor, deviations: FeatureDeviations
) -> Float[Tensor, ""]:
    """Mean Huber loss of all residuals in deviations: each feature weighs as much as it is reliable."""
    loss, count = huber_sums(feature_residuals(expected, sequences, site_of_cell, deviations))
    return (loss / count.clamp(min=1)).mean()


def huber_sums(
    residuals: list[FeatureResidual],
) -> tuple[Float[Tensor, " sequence"], Float[Tensor, " sequence"]]:
    """Sum of the Huber losses of all residuals of each sequence, and their number."""
    standard = torch.cat([each.standard.flatten(1) for each in residuals], 1)
    used = ~standard.isnan()
    loss = functional.huber_loss(torch.where(used, standard, 0), torch.zeros_like(standard), reduction="none")
    return loss.sum(1), used.sum(1).to(loss)


def _with_offset(
    expected: Float[Tensor, "sequence *rest item"], measured: Float[Tensor, "sequence *rest item"]
) -> Float[Tensor, "sequence *rest item"]:
    """What is expected, with the mean error over the last axis that is common to all items."""
    off = measured - expected
    used = ~off.isnan()
    mean = torch.where(used, off, 0).sum(-1, keepdim=True) / used.sum(-1, keepdim=True).clamp(min=1)
    return expected + mean
