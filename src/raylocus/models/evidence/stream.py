"""The evidence stream: all likelihoods of a sequence over the ground, and their weighted sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.likelihoods import (
    GaussianEvidence,
    angle_evidence,
    beam_evidence,
    gaussian_evidence,
    robust_evidence,
    timing_evidence,
)
from raylocus.models.evidence.positioning import (
    ANGLES,
    RANGES,
    Observation,
    azimuths,
    pseudo_ranges,
    quality,
)
from raylocus.models.evidence.rasters import KINDS, LENGTH_UNITS, SINR_UNITS, EvidenceRasters, Units
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.time_heads import PooledObservations

#: Likelihoods of each time head that the fusion network sees as well, in channel order.
FUSED = ("gaussian", "robust", "formula", "distance", "timing", "beams", "quality")
#: All likelihoods; networks that never had the last ones in training use them by their laws alone.
LIKELIHOODS = (*FUSED, "ranges", "angles")
#: Exponents of each likelihood, summed over the heads, at the start of training. The first four
#: judge the same levels, so they share one unit; SINR follows from them in part.
START_WEIGHTS = (0.33, 0.3, 0.08, 0.04, 0.8, 0.8, 0.1, 0.9, 0.8)
#: Share of each head's exponent at the start: the newest reports count most.
START_SHARES = (0.6, 0.25, 0.15)


@dataclass(frozen=True)
class Evidence:
    """Likelihoods over the ground."""

    channels: Float[Tensor, "batch channel y x"]
    """Each of `FUSED` of each head [nats], largest value 0."""
    total: Float[Tensor, "batch y x"]
    """Their weighted sum and the outdoor prior: an unnormalised log-posterior."""
    highest: Float[Tensor, "batch channel"]
    """What was taken from each channel to make its largest value 0: how well its best position explains it."""


class EvidenceStream(nn.Module):
    """Classical likelihoods with learned scales and weights; untrained, it is a sensible map matcher."""

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__()
        heads, width = len(configuration.head_ages), configuration.token_width
        self.log_own = nn.Parameter(torch.log(torch.tensor([5.0, 8.0])))
        self.log_site = nn.Parameter(torch.tensor(5.0).log())
        self.log_common = nn.Parameter(torch.tensor(8.0).log())
        self.log_formula = nn.Parameter(torch.tensor(9.0).log())
        self.log_isotropic = nn.Parameter(torch.tensor(11.0).log())
        # SINR [dB]: of a cell, common to a site, common to all, for the load is not known.
        self.log_sinr = nn.Parameter(torch.log(torch.tensor([5.0, 4.0, 4.0])))
        # Rows of `RANGES` [m]: of a cell, common to a site (its clock), common to all.
        self.log_range = nn.Parameter(
            torch.log(torch.tensor([[8.0, 15.0, 1000.0], [8.0, 15.0, 60.0], [6.0, 1.0, 3.0]]))
        )
        self.log_angle = nn.Parameter(torch.log(torch.tensor([0.07, 0.17])))
        self.log_student = nn.Parameter(torch.log(torch.tensor([6.0, 9.0])))
        self.log_timing = nn.Parameter(torch.log(torch.tensor([13.0, 20.0])))
        self.log_beam = nn.Parameter(torch.tensor(3.0).log())
        shares = torch.tensor(START_SHARES) if heads == len(START_SHARES) else torch.full((heads,), 1 / heads)
        self.log_weights = nn.Parameter(torch.log(torch.tensor(START_WEIGHTS)[:, None] * shares))
        self.token_scale = zero_linear(width, 1)
        self.gates = zero_linear(width, len(LIKELIHOODS) * heads)
        self.silence = zero_linear(width, 2)
        self.silence.bias.data = torch.tensor([3.0, -1.0])

    def forward(
        self,
        pooled: PooledObservations,
        sequences: SequenceTensors,
        weights: Float[Tensor, "batch head time"],
        summary: Float[Tensor, "batch width"],
        maps: PlaceMaps,
        rasters: EvidenceRasters,
    ) -> Evidence:
        """All likelihoods of a batch of sequences of one place."""
        likelihoods = torch.stack(self._likelihoods(pooled, sequences, weights, summary, maps, rasters), 1)
        highest = likelihoods.amax((-2, -1), keepdim=True).detach()
        likelihoods = likelihoods - highest
        gates = torch.exp(
            self.log_weights + torch.tanh(self.gates(summary)).unflatten(-1, self.log_weights.shape)
        )
        total = torch.einsum("bkh,bkhyx->byx", gates, likelihoods) + torch.log(maps.outdoor + 1e-4)
        fused = slice(len(FUSED))
        return Evidence(likelihoods[:, fused].flatten(1, 2), total, highest[:, fused].flatten(1))

    def gains_over_swapped_cells(
        self,
        pooled: PooledObservations,
        sequences: SequenceTensors,
        weights: Float[Tensor, "batch head time"],
        summary: Float[Tensor, "batch width"],
        misnamed: Sequence[tuple[PlaceMaps, EvidenceRasters]],
    ) -> Float[Tensor, "batch likelihood"]:
        """How much better `FUSED` explain the newest reports than if other cells of the place had been named [nats].

        Likelihoods are averaged over the outdoor ground. Where maps are wrong names say nothing: the gain is about 0.

        Args:
            pooled: what was observed.
            sequences: the same, report by report.
            weights: of the reports.
            summary: the encoder's, of each sequence.
            misnamed: `EncodedPlace.misnamed`.
        """
        newest, newest_weights, found = pooled.newest, weights[:, :1], []
        for maps, rasters in misnamed:
            seen = torch.stack(
                self._likelihoods(newest, sequences, newest_weights, summary, maps, rasters), 1
            )
            outdoor = seen[:, : len(FUSED), 0] + torch.log(maps.outdoor + 1e-4)
            found.append(torch.logsumexp(outdoor.flatten(2), 2))
        return found[0] - torch.stack(found[1:]).mean(0)

    def _likelihoods(
        self,
        pooled: PooledObservations,
        sequences: SequenceTensors,
        weights: Float[Tensor, "batch head time"],
        summary: Float[Tensor, "batch width"],
        maps: PlaceMaps,
        rasters: EvidenceRasters,
    ) -> list[Float[Tensor, "batch head y x"]]:
        """Each of `LIKELIHOODS`."""
        doubt = torch.tanh(self.token_scale(pooled.token)[..., 0])
        mapped = self._gaussian(pooled, doubt, self.log_own, rasters.moments, rasters)
        formula = self._gaussian(pooled, doubt, self.log_formula[None], rasters.formula_moments, rasters)
        distance = self._gaussian(pooled, doubt, self.log_isotropic[None], rasters.isotropic_moments, rasters)
        margin, silence = self.silence(summary).unbind(-1)
        robust = robust_evidence(
            pooled,
            torch.exp(self.log_student + doubt[..., None]),
            _mean_offset(mapped),
            self.log_common.exp(),
            margin,
            torch.sigmoid(silence),
            rasters.level,
        )
        short, long = self.log_timing.exp()
        timing = timing_evidence(pooled, maps.site_of_cell, short, long, rasters.distance)
        sinr = quality(sequences, weights)
        return [
            mapped.log_likelihood,
            robust,
            formula.log_likelihood,
            distance.log_likelihood,
            timing,
            beam_evidence(pooled, self.log_beam.exp(), rasters.beam),
            self._offsets_out(sinr, self.log_sinr, rasters.sinr_moments, SINR_UNITS, rasters),
            self._ranges(sequences, weights, timing, rasters),
            self._angles(sequences, weights, timing, maps),
        ]

    def _ranges(
        self,
        sequences: SequenceTensors,
        weights: Float[Tensor, "batch head time"],
        like: Float[Tensor, "batch head y x"],
        rasters: EvidenceRasters,
    ) -> Float[Tensor, "batch head y x"]:
        found = torch.zeros_like(like)
        for name, seen in pseudo_ranges(sequences, weights).items():
            scales = self.log_range[RANGES.index(name)]
            found = found + self._offsets_out(seen, scales, rasters.length_moments, LENGTH_UNITS, rasters)
        return found

    def _angles(
        self,
        sequences: SequenceTensors,
        weights: Float[Tensor, "batch head time"],
        like: Float[Tensor, "batch head y x"],
        maps: PlaceMaps,
    ) -> Float[Tensor, "batch head y x"]:
        found = torch.zeros_like(like)
        for name, seen in azimuths(sequences, weights).items():
            scale = self.log_angle[list(ANGLES).index(name)].exp()
            found = found + angle_evidence(seen.value, seen.known, scale, maps.site_of_cell, maps.departure)
        return found

    def _offsets_out(
        self,
        seen: Observation,
        log_scales: Float[Tensor, " part"],
        moments: Float[Tensor, "moment site slot y x"],
        units: Units,
        rasters: EvidenceRasters,
    ) -> Float[Tensor, "batch head y x"]:
        """`gaussian_evidence` of a quantity with errors of each cell, of each site and of all."""
        own, site, common = torch.exp(2 * log_scales)
        slots = rasters.cell_of_slot
        known = seen.known[:, :, slots.clamp(min=0)] * (slots >= 0)
        value = seen.value[:, :, slots.clamp(min=0)]
        return gaussian_evidence(value, known / own, moments, site, common, units).log_likelihood

    def _gaussian(
        self,
        pooled: PooledObservations,
        doubt: Float[Tensor, "batch head cell"],
        log_scale: Float[Tensor, " kind"],
        moments: Float[Tensor, "moment site slot y x"],
        rasters: EvidenceRasters,
    ) -> GaussianEvidence:
        precision = torch.exp(-2 * (log_scale + doubt[..., None])) * pooled.heard[..., None]
        level = pooled.level[..., None].expand(precision.shape)
        slots = rasters.cell_of_slot
        used = (slots >= 0)[..., None]
        return gaussian_evidence(
            level[:, :, slots.clamp(min=0)].flatten(3),
            (precision[:, :, slots.clamp(min=0)] * used).flatten(3),
            moments,
            torch.exp(2 * self.log_site),
            torch.exp(2 * self.log_common),
        )


def _mean_offset(evidence: GaussianEvidence) -> Float[Tensor, "batch head"]:
    weight = evidence.log_likelihood.flatten(2).softmax(-1)
    return (weight * evidence.offset.flatten(2)).sum(-1)


def zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """A layer that says nothing at the start of training."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


assert len(START_WEIGHTS) == len(LIKELIHOODS) and KINDS == 2
