"""What times of arrival say over the native ground: pseudo-ranges whose errors are late, and of unknown width.

A receiver that misses a weak first path takes a later one, so errors of a site are Gaussian or late by an exponential
excess, the usual model of ranges without line of sight. How wide the Gaussian is depends on bandwidth and receiver,
which reports do not say: the likelihood is averaged over `SPREADS`, so that ranges of a phone that agree are believed
to a metre and those that do not are not.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from raylocus.models.evidence.positioning import Observation, pseudo_ranges
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors

#: Standard deviations [m] that one range may have, equally likely: wide bands in line of sight to narrow ones.
SPREADS = (1.0, 2.0, 4.0, 8.0, 16.0)
#: What averaging does not lessen [m]: group delays and the map's own grid.
LASTING = 1.5
#: Earlier reports count as far as a phone has not moved on, at this speed [m/s], up to this age [s].
SPEED, OLDEST = 8.0, 4.0
#: Share of the sites that are late in line of sight and without.
LATE = (0.1, 0.5)
#: Their mean excess [m], and the share of these that are anything within `SPAN` [m].
EXCESS, ASTRAY, SPAN = 80.0, 0.25, 1000.0
#: Standard deviation of the difference of two sites' clocks [m]: 50 ns each (TR 38.855), and the path's own share.
CLOCKS = 20.0
#: Sites that take turns in naming what all errors have in common; more of them hardly differ.
REFERENCES = 3


def ranging_likelihood(sequences: SequenceTensors, maps: PlaceMaps) -> Float[Tensor, "batch fine_y fine_x"]:
    """Log-likelihood of the newest reports' ranges on the native ground, up to a constant; 0 where there are none.

    Of round trips, in which clocks cancel, arrivals at the sites, and differences of arrivals at the UE, a sequence's
    first that it has counts: the next ones say little more.
    """
    times = sequences.age.shape[1]
    each_report = torch.eye(times).expand(len(sequences), -1, -1)
    seen = pseudo_ranges(sequences, each_report)
    found = [_of_sequence(seen, sequences.age[sample], sample, maps) for sample in range(len(sequences))]
    nothing = torch.zeros_like(maps.fine_outdoor)
    return torch.stack([nothing if each is None else each for each in found])


def _of_sequence(
    seen: dict[str, Observation], age: Float[Tensor, " report"], sample: int, maps: PlaceMaps
) -> Float[Tensor, "fine_y fine_x"] | None:
    recent = (age <= OLDEST).nonzero().flatten()
    for name in ("round_trip", "ul_rtoa", "rstd"):
        if name not in seen:
            continue
        value, known = seen[name].value[sample, recent], seen[name].known[sample, recent] > 0
        if name == "round_trip" and known.any():
            return _round_trips(value, known, age[recent], maps)
        shared = known.sum(1) > 1
        if name != "round_trip" and shared.any():
            newest = int(shared.nonzero()[-1])
            found = _common_offset_out(value[newest], known[newest], maps)
            if found is not None:
                return found
    return None


def _round_trips(
    value: Float[Tensor, "report cell"],
    known: Bool[Tensor, "report cell"],
    age: Float[Tensor, " report"],
    maps: PlaceMaps,
) -> Float[Tensor, "fine_y fine_x"]:
    """Each site's ranges count as one, at their mean by precision: what makes one late makes all of them late."""
    spread = torch.tensor(SPREADS)[:, None]
    precision = 1 / (spread**2 + (SPEED * age) ** 2)
    total, late = torch.zeros(len(SPREADS), *maps.fine_outdoor.shape), _late(maps)
    for site in maps.site_of_cell[known.any(0)].unique().tolist():
        own = known & (maps.site_of_cell == site)
        weight = precision @ own.float()
        mean = (precision @ torch.where(own, value, 0.0)).sum(1) / weight.sum(1)
        deviation = (1 / weight.sum(1) + LASTING**2).sqrt()
        error = mean[:, None, None] - maps.fine_distance[site]
        total += _log_density(error, deviation[:, None, None], late[site])
    return total.logsumexp(0)


def _common_offset_out(
    value: Float[Tensor, " cell"], known: Bool[Tensor, " cell"], maps: PlaceMaps
) -> Float[Tensor, "fine_y fine_x"] | None:
    """The common error is, in turn, the one that a site has; where that one is late the others do not agree with it."""
    sites = maps.site_of_cell[known].unique()
    if len(sites) < 2:
        return None
    means = torch.stack([value[known & (maps.site_of_cell == site)].mean() for site in sites])
    errors, late = means[:, None, None] - maps.fine_distance[sites], _late(maps)[sites]
    deviation = torch.tensor(SPREADS).square().add(CLOCKS**2).sqrt()[:, None, None, None]
    of_references = [
        _log_density(errors[others] - errors[index], deviation, late[others]).sum(1)
        for index in range(min(REFERENCES, len(sites)))
        for others in [[each for each in range(len(sites)) if each != index]]
    ]
    return torch.cat(of_references).logsumexp(0)


def _late(maps: PlaceMaps) -> Float[Tensor, "site fine_y fine_x"]:
    """Probability that a site's first path is missed: it is weak where there is no line of sight."""
    clear, blocked = LATE
    size = tuple(maps.fine_outdoor.shape)
    seen = functional.interpolate(maps.line_of_sight[None], size=size, mode="nearest")[0]
    return clear * seen + blocked * (1 - seen)


def _log_density(
    error: Float[Tensor, "*#shape"], deviation: Float[Tensor, "*#shape"], late: Float[Tensor, "*#shape"]
) -> Float[Tensor, "*shape"]:
    """Of errors [m] that are Gaussian or late [1/m]."""
    gaussian = torch.exp(-0.5 * (error / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
    excess = torch.where(error > 0, torch.exp(-error / EXCESS) / EXCESS, 0.0)
    return torch.log((1 - late) * gaussian + late * ((1 - ASTRAY) * excess + ASTRAY / SPAN))
