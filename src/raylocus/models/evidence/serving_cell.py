"""Likelihoods of what is reported of the serving cell alone: its channel's RMS delay spread, and CQI.

No training has learned these laws: their scales and exponents are constants, chosen on phones in generated towns
(`benchmarks/serving_cell_evidence.py`).
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.models.evidence.likelihoods import student_log_density, sums_of_heads
from raylocus.models.evidence.positioning import Observation, feature_of
from raylocus.models.evidence.rasters import seen_items
from raylocus.models.inputs.delay_spread import log_delay_spread
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import OBSERVED, SequenceTensors
from raylocus.models.time_heads import pooled

#: Scale of a logarithm of the delay spread about the map's, and of one where there is no map.
SPREAD_SCALE, UNMAPPED_SCALE = 0.5, 1.3
#: Centre of the latter: 27 ns.
UNMAPPED_LOG_SPREAD = 1.3
#: Exponent of the delay spread's likelihood in what each head says.
SPREAD_WEIGHT = 0.5
#: How far above the maps' SINR that of a CQI lies, and its standard deviation [dB].
QUALITY_OFFSET, QUALITY_DEVIATION = 3.0, 8.0
#: Share of the CQIs that have nothing to do with the map.
QUALITY_OUTLIERS = 0.2
#: Exponent of the CQI's likelihood in what each head says.
QUALITY_WEIGHT = 0.2
#: CQI 0, out of range, to 15.
INDICES = 16


def serving_cell_evidence(
    sequences: SequenceTensors, weights: Float[Tensor, "batch head time"], maps: PlaceMaps
) -> Float[Tensor, "batch head #y #x"]:
    """Weighted log-likelihood of the delay spreads and CQIs that the sequences have; 0 where they have none."""
    found = weights.new_zeros(*weights.shape[:2], 1, 1)
    spread = feature_of(sequences, "delay_spread")
    if spread is not None:
        seen = Observation(*pooled(log_delay_spread(spread), weights))
        found = found + SPREAD_WEIGHT * spread_evidence(seen, maps.log_delay_spread, maps.site_of_cell)
    index = feature_of(sequences, "cqi")
    if index is not None:
        # CQI follows from SINR, which has a likelihood of its own.
        left = index.masked_fill(~sequences.observed[..., OBSERVED.index("sinr")].isnan(), torch.nan)
        shares = torch.einsum("bht,btck->bhck", weights, index_shares(left))
        found = found + QUALITY_WEIGHT * quality_evidence(shares, maps.sinr, maps.cqi_sinr)
    return found


def index_shares(index: Float[Tensor, "batch time cell"]) -> Float[Tensor, "batch time cell index"]:
    """1 at the CQI that was reported, or next to a mean of some; 0 everywhere where none was."""
    return (index.round()[..., None] == torch.arange(INDICES, device=index.device)).to(index)


def spread_evidence(
    seen: Observation, mapped: Float[Tensor, "site y x"], site_of_cell: Int[Tensor, " cell"]
) -> Float[Tensor, "batch head y x"]:
    """Log-likelihood of delay spreads: Student t in the logarithm.

    Links of UMi differ by a factor of 2.4 (standard deviation, TR 38.901 Table 7.5-6); about the map it is less.

    Args:
        seen: logarithms of delay spreads, see `log_delay_spread`.
        mapped: the same of the maps; NaN where there is no path, whose law is that of any link.
        site_of_cell: site index of each cell.
    """
    batch, head, cell = seen.known.nonzero(as_tuple=True)
    value, share = (each[batch, head, cell, None, None] for each in (seen.value, seen.known))
    here = mapped[site_of_cell[cell]]
    dark = here.isnan()
    centre = here.masked_fill(dark, UNMAPPED_LOG_SPREAD)
    scale = torch.full_like(here, SPREAD_SCALE).masked_fill(dark, UNMAPPED_SCALE)
    likelihood = share * student_log_density(value - centre, scale)
    return sums_of_heads(likelihood, batch, head, seen.known)


def quality_evidence(
    shares: Float[Tensor, "batch head cell index"],
    sinr: Float[Tensor, "cell y x"],
    lowest: Float[Tensor, "cell step"],
) -> Float[Tensor, "batch head y x"]:
    """Log-likelihood of CQIs: the probability that the SINR lies where each is reported.

    Its error is Gaussian. The cells' load and a site's error, which are common to several cells, are part of it, for
    the serving cell is alone.

    Args:
        shares: of the reports, which have each CQI of each cell.
        sinr: of the maps [dB].
        lowest: SINR at which each CQI from 1 on is reported, ascending [dB].
    """
    cells = torch.tensor([*seen_items(shares.sum(3))], dtype=torch.int64, device=shares.device)
    above = lowest[cells, :, None, None] - (sinr[cells, None] + QUALITY_OFFSET)
    below = torch.special.ndtr(above / QUALITY_DEVIATION)
    none, all_ = torch.zeros_like(below[:, :1]), torch.ones_like(below[:, :1])
    probability = torch.cat([below, all_], 1) - torch.cat([none, below], 1)
    log_probability = torch.log(
        torch.lerp(probability, torch.full_like(probability, 1 / INDICES), QUALITY_OUTLIERS)
    )
    return torch.einsum("bhck,ckyx->bhyx", shares[:, :, cells], log_probability)
