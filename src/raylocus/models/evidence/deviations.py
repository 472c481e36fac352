"""How far each feature is usually off its map: the scales of the evidence stream, as one number a feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from raylocus.models.evidence.positioning import ANGLES, RANGES
from raylocus.models.evidence.ranging import CLOCK, SPREADS
from raylocus.models.evidence.stream import EvidenceStream


@dataclass(frozen=True)
class FeatureDeviations:
    """Standard deviation of a measurement about what is mapped, an error common to all cells taken off."""

    level: float
    """RSRP [dB]."""
    timing_advance: float
    """One-way distance [m]."""
    beam: float
    """L1-RSRP about the mean over the cell's beams [dB]."""
    ranges: tuple[float, ...]
    """Of `RANGES` [m]."""
    angles: tuple[float, ...]
    """Of `ANGLES` [rad]."""


@torch.no_grad()
def feature_deviations(stream: EvidenceStream) -> FeatureDeviations:
    """What training has found, or what the stream starts from; no gradient flows back to it."""
    return FeatureDeviations(
        level=_joint([stream.log_own[0], stream.log_site]),
        timing_advance=float(stream.log_timing.exp().mean()),
        beam=float(stream.log_beam.exp()),
        ranges=tuple(SPREADS[1] if name == "round_trip" else CLOCK for name in RANGES),
        angles=tuple(stream.log_angle.exp().tolist()[: len(ANGLES)]),
    )


def _joint(log_scales: Sequence[Tensor]) -> float:
    return float(torch.stack(list(log_scales)).mul(2).exp().sum().sqrt())
