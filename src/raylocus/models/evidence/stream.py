"""The evidence stream: all likelihoods of a sequence over the ground, and their weighted sum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.gaussian import GaussianEvidence, even_gaussian_evidence, gaussian_evidence
from raylocus.models.evidence.likelihoods import (
    angle_evidence,
    beam_evidence,
    robust_evidence,
    timing_evidence,
)
from raylocus.models.evidence.motion import CHANGES, changes, moved_on
from raylocus.models.evidence.positioning import ANGLES, azimuths
from raylocus.models.evidence.rasters import EVEN_UNITS, KINDS, EvidenceRasters
from raylocus.models.evidence.serving_cell import serving_cell_evidence
from raylocus.models.evidence.sharp import SharpEvidence, largest_within, pooled_and_detail
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.set_layers import gated, zero_linear
from raylocus.models.time_heads import PooledObservations

#: Likelihoods of each time head that the fusion network sees as well, in channel order.
FUSED = ("gaussian", "robust", "formula", "distance", "timing", "beams", "quality")
#: All whose exponents are learned; azimuths by their law alone where training had none. See `serving_cell`, `ranging`.
LIKELIHOODS = (*FUSED, "angles", "sharp")
#: Exponents of each likelihood at the start of training. The first four judge the same levels, so they share one unit;
#: SINR follows from them in part.
START_WEIGHTS = (0.33, 0.3, 0.08, 0.04, 0.8, 0.8, 0.1, 0.8, 0.6)
assert len(START_WEIGHTS) == len(LIKELIHOODS) and KINDS == 2
#: Exponent of what each head but the newest says, at the start: reports of one phone err alike in part.
START_SHARE = 0.35
#: Speed of phones at the start [m/s].
START_SPEED = 3.0


@dataclass(frozen=True)
class Evidence:
    """Likelihoods over the ground."""

    channels: Float[Tensor, "batch channel y x"]
    """Each of `FUSED` of each head [nats], largest value 0."""
    sharp: Float[Tensor, "batch y x"]
    """What the sharp ground cells say of each coarse one by the newest reports, with where people are [nats]."""
    detail: Float[Tensor, "batch sharp_y sharp_x"]
    """Log-density of each sharp ground cell relative to the coarse cell's [nats]."""
    total: Float[Tensor, "batch y x"]
    """Their weighted sum and where people are: an unnormalised log-posterior."""
    summary: Float[Tensor, "batch width"]
    """Of each sequence, which knows how much the world errs."""
    log_scale: Float[Tensor, "batch head"]
    """See `SharpFit`."""
    highest: Float[Tensor, "batch channel_or_further"]
    """What was taken from each channel, then from each head's angles, to make its largest value 0: how well its best
    position explains it; 0 where nothing was observed."""


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
        self.log_angle = nn.Parameter(torch.log(torch.tensor([0.07, 0.17])))
        self.log_student = nn.Parameter(torch.log(torch.tensor([6.0, 9.0])))
        self.log_timing = nn.Parameter(torch.log(torch.tensor([13.0, 20.0])))
        self.log_beam = nn.Parameter(torch.tensor(3.0).log())
        self.sharp = SharpEvidence()
        # Half of the logarithm of a variance is that of a deviation.
        self.scale_share = nn.Parameter(torch.tensor(0.5))
        self.severity = zero_linear(heads, width, bias=False)
        # Generated towns have no water for training to learn of.
        self.log_presence = nn.Parameter(torch.log(torch.tensor([0.1, 1.0, 1.0, 1.0])))
        self.log_weights = nn.Parameter(torch.log(torch.tensor(START_WEIGHTS))[:, None].repeat(1, heads))
        self.log_share = nn.Parameter(torch.full((heads - 1,), START_SHARE).log())
        self.log_speed = nn.Parameter(torch.tensor(START_SPEED).log())
        self.change = nn.Sequential(
            nn.Linear(CHANGES * (heads - 1), width), nn.GELU(), nn.Linear(width, width, bias=False)
        )
        self.speed = zero_linear(width, heads - 1)
        self.share = zero_linear(width, heads - 1)
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
        sharp = self.sharp(pooled, maps, rasters)
        age = torch.einsum("bht,bt->bh", weights, torch.nan_to_num(sequences.age))
        summary = summary + self.severity(sharp.log_scale) + self.change(changes(pooled, age))
        likelihoods = torch.stack(self.fused(pooled, summary, sharp.log_scale, maps, rasters), 1)
        highest = likelihoods.detach().amax((-2, -1), keepdim=True)
        likelihoods = likelihoods.sub_(highest)
        gates = self._gates(summary)
        angles = self.angles(sequences, weights, maps)
        best = angles.amax((-2, -1), keepdim=True).detach()
        of_sharp = gates[:, LIKELIHOODS.index("sharp"), :, None, None]
        newest = torch.addcmul(self._presence(maps), of_sharp[:, 0], sharp.log_likelihood[:, 0])
        prior, detail = pooled_and_detail(newest, maps.log_sharp_outdoor, maps.log_outdoor)
        by_head = torch.einsum("bkh,bkhyx->bhyx", gates[:, : len(FUSED)], likelihoods)
        by_head = by_head + gates[:, LIKELIHOODS.index("angles"), :, None, None] * (angles - best)
        by_head = by_head + serving_cell_evidence(sequences, weights, maps)
        largest = largest_within(sharp.log_likelihood[:, 1:], len(maps.outdoor))
        earlier = torch.addcmul(by_head[:, 1:], of_sharp[:, 1:], largest)
        total = prior + by_head[:, 0] + self._before(earlier, age[:, 1:], summary, maps)
        best_of_all = torch.cat([highest.flatten(1), best.flatten(1)], 1)
        channels = likelihoods.flatten(1, 2)
        return Evidence(channels, prior, detail, total, summary, sharp.log_scale, best_of_all)

    def _before(
        self,
        likelihoods: Float[Tensor, "batch earlier y x"],
        age: Float[Tensor, "batch earlier"],
        summary: Float[Tensor, "batch width"],
        maps: PlaceMaps,
    ) -> Float[Tensor, "batch y x"]:
        """What the heads of earlier reports say of where phones are now; the summary knows how fast they are."""
        speed = torch.exp(self.log_speed + gated(self.speed(summary)))
        moved = moved_on(likelihoods + maps.log_outdoor, speed * age, maps.size)
        return torch.einsum("bh,bhyx->byx", self._shares(summary), moved)

    def _shares(self, summary: Float[Tensor, "batch width"]) -> Float[Tensor, "batch earlier"]:
        """Exponents of what the heads of earlier reports say: of a phone at rest they err as the newest does."""
        return torch.exp(self.log_share + gated(self.share(summary)))

    def exponents(self, summary: Float[Tensor, "batch width"]) -> Float[Tensor, "batch kind"]:
        """Of each of `LIKELIHOODS` in what all heads say together of a phone that does not move."""
        gates = self._gates(summary)
        return gates[..., 0] + torch.einsum("bkh,bh->bk", gates[..., 1:], self._shares(summary))

    def _gates(self, summary: Float[Tensor, "batch width"]) -> Float[Tensor, "batch kind head"]:
        """Exponents of each of `LIKELIHOODS` in what each head says."""
        gates = gated(self.gates(summary)).unflatten(-1, self.log_weights.shape)
        return torch.exp(self.log_weights + gates)

    def _presence(self, maps: PlaceMaps) -> Float[Tensor, "sharp_y sharp_x"]:
        """Log-density of people relative to open ground, where the map knows more of the ground."""
        more = torch.einsum("k,kyx->yx", self.log_presence.exp() - 1, maps.sharp_ground)
        return torch.log1p(more / (maps.sharp_outdoor + 1e-4))

    def fused(
        self,
        pooled: PooledObservations,
        summary: Float[Tensor, "batch width"],
        log_scale: Float[Tensor, "batch head"],
        maps: PlaceMaps,
        rasters: EvidenceRasters,
    ) -> list[Float[Tensor, "batch head y x"]]:
        """Each of `FUSED` [nats], up to a constant."""
        doubt = torch.tanh(self.token_scale(pooled.token)[..., 0] + self.scale_share * log_scale[..., None])
        mapped = self._mapped(pooled, doubt, rasters)
        margin, silence = self.silence(summary).unbind(-1)
        robust = robust_evidence(
            pooled,
            torch.exp(self.log_student + doubt[..., None]),
            mapped.mean_offset,
            self.log_common.exp(),
            margin,
            torch.sigmoid(silence),
            rasters,
        )
        short, long = self.log_timing.exp()
        formula, isotropic, quality = self._even(pooled, doubt, rasters)
        return [
            mapped.log_likelihood,
            robust,
            formula,
            isotropic,
            timing_evidence(pooled, maps.site_of_cell, short, long, rasters),
            beam_evidence(pooled, self.log_beam.exp(), rasters),
            quality,
        ]

    def angles(
        self, sequences: SequenceTensors, weights: Float[Tensor, "batch head time"], maps: PlaceMaps
    ) -> Float[Tensor, "batch head #y #x"]:
        """Log-likelihood of all azimuths that the sequences have."""
        found = [
            angle_evidence(
                *(seen.value, seen.known, self.log_angle[list(ANGLES).index(name)].exp()),
                *(maps.site_of_cell, maps.departure),
            )
            for name, seen in azimuths(sequences, weights).items()
        ]
        return torch.stack(found).sum(0) if found else weights.new_zeros(*weights.shape[:2], 1, 1)

    def _mapped(
        self,
        pooled: PooledObservations,
        doubt: Float[Tensor, "batch head cell"],
        rasters: EvidenceRasters,
    ) -> GaussianEvidence:
        """Levels about the map; each cell's own error is wider on ground that only scattering lights."""
        precision = torch.exp(-2 * (self.log_own + doubt[..., None])) * pooled.heard[..., None]
        return gaussian_evidence(
            rasters.of_slots(pooled.level[..., None].expand(precision.shape)),
            rasters.of_slots(precision),
            rasters.moments,
            rasters.raster_of_site,
            torch.exp(2 * self.log_site),
            torch.exp(2 * self.log_common),
        )

    def _even(
        self, pooled: PooledObservations, doubt: Float[Tensor, "batch head cell"], rasters: EvidenceRasters
    ) -> Float[Tensor, "3 batch head y x"]:
        """Levels about those of the formula and of distance alone, and SINR about its map, by `EVEN_UNITS`.

        All have errors of each cell, of each site and of all.
        """
        common = [self.log_site, self.log_common]
        log_scales = torch.stack([
            torch.stack([self.log_formula, *common]), torch.stack([self.log_isotropic, *common]), self.log_sinr
        ])  # fmt: skip
        centre, scale = doubt.new_tensor(EVEN_UNITS).T
        own, *variances = (torch.exp(2 * log_scales) / scale[:, None] ** 2).unbind(1)
        level = torch.exp(-2 * doubt) * pooled.heard
        value = (torch.stack([pooled.level, pooled.level, pooled.quality], 3) - centre) / scale
        precision = torch.stack([level, level, pooled.quality_known], 3) / own
        values, precisions = (
            rasters.of_slots(each).unflatten(3, (-1, len(own))).movedim(4, 0) for each in (value, precision)
        )
        return even_gaussian_evidence(
            values, precisions, rasters.even_moments, rasters.raster_of_site, *variances
        )
