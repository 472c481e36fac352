"""What positioning features say of each cell, pooled over time: pseudo-ranges and azimuths."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.time_heads import pooled
from raylocus.units import SPEED_OF_LIGHT


@dataclass(frozen=True)
class Observation:
    """One quantity of every cell, as every time head weighs it."""

    value: Float[Tensor, "batch head cell"]
    """Its mean over the reports that have it."""
    known: Float[Tensor, "batch head cell"]
    """Share of the reports that have it."""


#: Pseudo-ranges: a first path's length and an error common to all cells.
RANGES = ("rstd", "ul_rtoa", "round_trip")
#: Features that they are made of.
TIMES = ("rstd", "ul_rtoa", "ue_rx_tx", "gnb_rx_tx")
#: Azimuths by the unit's half turn: what a site sees of a UE, and where it sends to it.
ANGLES = {"ul_aoa": 180.0, "dl_aod": math.pi}


def pseudo_ranges(
    sequences: SequenceTensors, weights: Float[Tensor, "batch head time"]
) -> dict[str, Observation]:
    """The `RANGES` that the sequences have the features of [m].

    RSTD refers to the serving cell: its length and clock are common to all, and its own difference is zero. RTOA
    has the UE's transmit time in common. The two halves of a round trip add to twice the length.
    """
    found = {}
    rstd = feature_of(sequences, "rstd")
    if rstd is not None:
        has_any = ~rstd.isnan().all(-1, keepdim=True)
        found["rstd"] = torch.where(sequences.serving & has_any & rstd.isnan(), 0.0, rstd)
    rtoa = feature_of(sequences, "ul_rtoa")
    if rtoa is not None:
        found["ul_rtoa"] = rtoa
    ue_side, site_side = feature_of(sequences, "ue_rx_tx"), feature_of(sequences, "gnb_rx_tx")
    if ue_side is not None and site_side is not None:
        found["round_trip"] = (ue_side + site_side) / 2
    return {name: Observation(*pooled(value * SPEED_OF_LIGHT, weights)) for name, value in found.items()}


def azimuths(sequences: SequenceTensors, weights: Float[Tensor, "batch head time"]) -> dict[str, Observation]:
    """The `ANGLES` that the sequences have [rad]; means over time are means of directions."""
    found = {}
    for name, half_turn in ANGLES.items():
        values = feature_of(sequences, name)
        if values is None:
            continue
        radians = values * (math.pi / half_turn)
        (cosine, known), (sine, _) = (pooled(part, weights) for part in (radians.cos(), radians.sin()))
        found[name] = Observation(azimuth_of(cosine, sine), known)
    return found


def azimuth_of(x: Tensor, y: Tensor) -> Tensor:
    """Azimuth of directions [rad]; 0 of those that are next to nothing, whose angle has no gradient."""
    there = x**2 + y**2 > 1e-12
    return torch.atan2(torch.where(there, y, 0.0), torch.where(there, x, 1.0))


def feature_of(sequences: SequenceTensors, name: str) -> Float[Tensor, "batch time cell"] | None:
    """One of the features beyond `OBSERVED`, NaN where it was not measured; None where no report has it."""
    if name not in sequences.further_names:
        return None
    return sequences.further[..., sequences.further_names.index(name)]
