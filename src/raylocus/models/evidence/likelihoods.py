"""Likelihoods of the evidence stream by tables over knots: robust levels, timing advance, beams; and of angles."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.models.evidence.rasters import (
    BEAM_KNOTS,
    DISTANCE_KNOTS,
    LEVEL_KNOTS,
    EvidenceRasters,
    are_all,
    picked,
    seen_items,
)
from raylocus.models.time_heads import PooledObservations

#: Offsets [dB] about the Gaussian estimate over which the common offset is summed out.
OFFSET_STEPS = torch.tensor([-6.0, 0.0, 6.0])
#: Degrees of freedom of the Student t law of a cell's residual.
FREEDOM = 4.0


def student_log_density(residual: Tensor, scale: Tensor) -> Tensor:
    """Log-density of a Student t law with `FREEDOM`, up to a constant."""
    share = (residual * (FREEDOM**-0.5 / scale)).square()
    return torch.add(-torch.log(scale), torch.log1p(share), alpha=-(FREEDOM + 1) / 2)


def robust_evidence(
    pooled: PooledObservations,
    scale: Float[Tensor, "batch head cell kind"],
    offset: Float[Tensor, "batch head"],
    offset_scale: Float[Tensor, ""],
    margin: Float[Tensor, " batch"],
    unheard_weight: Float[Tensor, " batch"],
    rasters: EvidenceRasters,
) -> Float[Tensor, "batch head y x"]:
    """Log-likelihood of the reported levels and of the silence of all other cells.

    A reported level is Student t about the mapped one plus a common offset. A cell goes unreported
    where its level is below the weakest reported one less a margin, or at random. The offset is summed
    out over `OFFSET_STEPS` about a first estimate, with a Gaussian prior.

    Args:
        pooled: what was observed.
        scale: scale of the Student t law on each kind of ground [dB].
        offset: first estimate of the common offset [dB].
        offset_scale: standard deviation of the common offset [dB].
        margin: how far under the weakest reported level cells fall silent [dB].
        unheard_weight: exponent of the likelihood of silence.
        rasters: of the place.
    """
    offsets = offset[..., None] + OFFSET_STEPS.to(offset.device)
    expected = LEVEL_KNOTS.to(offset.device) + offsets[..., None]
    residual = pooled.level[:, :, None, :, None, None] - expected[:, :, :, None, None, :]
    heard = (
        student_log_density(residual, scale[:, :, None, :, :, None]) * pooled.heard[:, :, None, :, None, None]
    )
    silent = _log_silence(expected, pooled.weakest - margin[:, None]) * unheard_weight[:, None, None, None]
    # All cells are silent, but for what is taken back of those that are not.
    table = heard - (pooled.reported[:, :, None, :, None] * silent[:, :, :, None])[..., None, :]
    # Over all knots the rasters of a cell sum to 1, so that the prior of the offset goes in with the silence.
    prior = -0.5 * (offsets / offset_scale) ** 2
    silent = silent + prior[..., None] / len(rasters.raster_of_cell)
    start = torch.tensordot(silent, rasters.all_levels, dims=1)
    level, cells = rasters.level.flatten(1, 2), rasters.raster_of_cell
    return torch.logsumexp(_over_ground(table.flatten(4), level, cells, pooled.reported, start), 2)


def _over_ground(
    table: Float[Tensor, "*rows item knot"],
    rasters: Float[Tensor, "any_item any_knot y x"],
    index: Int[Tensor, " item"],
    seen: Float[Tensor, "batch head item"],
    start: Float[Tensor, "..."] | None = None,
) -> Float[Tensor, "*rows y x"]:
    """The sum over items and knots of the table's values, by which likelihoods are matrix products.

    Args:
        table: zero for items that nothing was seen of.
        rasters: what each knot's value counts for at every ground cell; there may be more knots, last.
        index: which of them each item has.
        seen: share of the reports that have each item.
        start: what the sum is added to, and may be written over.
    """
    rows, ground = table.flatten(0, -3), rasters.flatten(2)
    found = rows.new_zeros(len(rows), ground.shape[-1]) if start is None else start.reshape(len(rows), -1)
    items, knots = seen_items(seen), rows.shape[2]
    if len(items) == len(index) and knots == ground.shape[1] and are_all(index, ground):
        found = torch.addmm(found, rows.flatten(1), ground.flatten(0, 1))
    else:
        # Item by item, for to pick some of the rasters would be to copy them.
        for item, raster in zip(items, picked(ground, index[items]), strict=True):
            found.addmm_(rows[:, item], raster[:knots])
    return found.reshape(*table.shape[:-2], *rasters.shape[2:])


def _log_silence(
    expected: Float[Tensor, "batch head step knot"], threshold: Float[Tensor, "batch head"]
) -> Float[Tensor, "batch head step knot"]:
    # 0.15: what is left unreported at random; 6 dB: the residual spreads the threshold.
    below = torch.sigmoid((threshold[..., None, None] - expected) / 6.0)
    return torch.log(0.15 + 0.85 * below)


def timing_evidence(
    pooled: PooledObservations,
    site_of_cell: Int[Tensor, " cell"],
    scale: Float[Tensor, ""],
    long_scale: Float[Tensor, ""],
    rasters: EvidenceRasters,
) -> Float[Tensor, "batch head y x"]:
    """Log-likelihood of the timing advances.

    Args:
        pooled: what was observed.
        site_of_cell: site index of each cell; a delay belongs to a site.
        scale: scale of the Student t law where the observed path is the shorter one [m].
        long_scale: the same where it is the longer one: the first path may be missing in the world [m].
        rasters: of the place.
    """
    excess = pooled.timing[..., None] - DISTANCE_KNOTS.to(pooled.timing.device)
    table = student_log_density(excess, torch.where(excess > 0, long_scale, scale)) * pooled.timed[..., None]
    of_sites = (*pooled.timed.shape[:2], len(rasters.raster_of_site))
    by_site = table.new_zeros(*of_sites, table.shape[-1]).index_add(2, site_of_cell, table)
    timed = pooled.timed.new_zeros(of_sites).index_add(2, site_of_cell, pooled.timed)
    return _over_ground(by_site, rasters.distance, rasters.raster_of_site, timed)


def beam_evidence(
    pooled: PooledObservations, scale: Float[Tensor, ""], rasters: EvidenceRasters
) -> Float[Tensor, "batch head y x"]:
    """Log-likelihood of the reported beams, and of the others being weaker than the weakest of them.

    Args:
        pooled: what was observed; levels are relative to the strongest reported beam.
        scale: scale of the Student t law of a beam's relative level [dB].
        rasters: of the place; beams are relative to the cell's best mapped one.
    """
    knots = BEAM_KNOTS.to(pooled.beam.device)
    reported = student_log_density(pooled.beam[..., None] - knots, scale) * pooled.beam_known[..., None]
    below = torch.log(0.02 + 0.98 * torch.sigmoid((pooled.weakest_beam[..., None] - knots) / scale))
    unreported = (pooled.beams_known[..., None] - pooled.beam_known)[..., None] * below[..., None, :]
    table = (reported + unreported).flatten(3)
    return _over_ground(table, rasters.beam.flatten(1, 2), rasters.raster_of_cell, pooled.beams_known)


def angle_evidence(
    observed: Float[Tensor, "batch head cell"],
    known: Float[Tensor, "batch head cell"],
    scale: Float[Tensor, ""],
    site_of_cell: Int[Tensor, " cell"],
    departure: Float[Tensor, "site 2 y x"],
) -> Float[Tensor, "batch head y x"]:
    """Log-likelihood of azimuths that a site sees UEs at, or sends to them.

    Args:
        observed: azimuths [rad].
        known: share of the reports that have each.
        scale: scale of the Student t law about the mapped azimuth [rad].
        site_of_cell: site index of each cell.
        departure: `PlaceMaps.departure`.
    """
    batch, head, cell = known.nonzero(as_tuple=True)
    share, here = known[batch, head, cell, None], observed[batch, head, cell]
    # Of directions the squared chord, 2 − 2 cos, is about the squared angle where that matters, and the law is then
    # one logarithm of a matrix product.
    chord = 2 / (FREEDOM * scale**2)
    seen = here.new_zeros(len(here), len(departure), 2)
    seen[torch.arange(len(here)), site_of_cell[cell]] = chord * torch.stack([here.cos(), here.sin()], 1)
    stretched = (1.0001 + chord) - seen.flatten(1) @ departure.flatten(2).flatten(0, 1)
    likelihood = share * (-(FREEDOM + 1) / 2 * torch.log(stretched) - torch.log(scale))
    return sums_of_heads(likelihood, batch, head, known).unflatten(2, departure.shape[2:])


def sums_of_heads(
    likelihood: Float[Tensor, " observed *ground"],
    batch: Int[Tensor, " observed"],
    head: Int[Tensor, " observed"],
    known: Float[Tensor, "batch head cell"],
) -> Float[Tensor, "batch head *ground"]:
    """What the observations of each head of each sequence say together, given whose each is; 0 where it has none."""
    sequences, heads, _ = known.shape
    found = likelihood.new_zeros(sequences * heads, *likelihood.shape[1:])
    return found.index_add(0, batch * heads + head, likelihood).unflatten(0, (sequences, heads))
