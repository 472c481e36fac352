"""What times of arrival say over the native ground: pseudo-ranges whose errors are late, and of unknown width.

A receiver that misses a weak first path takes a later one, so errors of a site are Gaussian or late by an exponential
excess, the usual model of ranges without line of sight. How wide the Gaussian is depends on bandwidth and receiver,
which reports do not say: the likelihood is averaged over `SPREADS`, so that ranges of a phone that agree are believed
to a metre and those that do not are not.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from raylocus.models.evidence.positioning import Observation, pseudo_ranges
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors

#: Standard deviations [m] that one range may have, equally likely: wide bands in line of sight to narrow ones.
SPREADS = (1.0, 3.0, 9.0, 27.0)
#: What averaging does not lessen [m]: group delays and the map's own grid.
LASTING = 1.5
#: Earlier reports count as far as a phone has not moved on, at this speed [m/s], up to this age [s].
SPEEDS, OLDEST = (1.0, 10.0), 10.0
#: Share of the sites that are late in line of sight and without.
LATE = (0.1, 0.5)
#: Their mean excess [m], and the share of these that are anything within `SPAN` [m].
EXCESS, ASTRAY, SPAN = 80.0, 0.25, 1000.0
#: Standard deviation of a site's clock [m]: 50 ns (TR 38.855).
CLOCK = 15.0
#: Standard deviation of what arrivals at sites have in common [m], for UEs send when they should (TS 38.133 §7.1).
SENDING = 36.0
#: Sites that take turns in naming what all errors have in common; more of them hardly differ.
REFERENCES = 2


def ranging_likelihood(sequences: SequenceTensors, maps: PlaceMaps) -> Float[Tensor, "batch fine_y fine_x"]:
    """Log-likelihood of the newest reports' ranges on the native ground, up to a constant; 0 where there are none.

    Round trips are taken where a sequence has them, for clocks cancel in them. They cancel as well in the mean of an
    arrival at the site and a difference of arrivals at the UE, up to what all sites have in common; of one of these
    alone the sites' clocks are part of the error.
    """
    each_report = torch.eye(sequences.age.shape[1]).expand(len(sequences), -1, -1)
    seen = pseudo_ranges(sequences, each_report)
    nothing = torch.zeros_like(maps.fine_outdoor)
    if not seen:
        return nothing.expand(len(sequences), -1, -1)
    ranges = {name: _by_site(observed, maps.site_of_cell) for name, observed in seen.items()}
    if "rstd" in ranges and "ul_rtoa" in ranges:
        ranges["mean"] = (ranges["rstd"] + ranges["ul_rtoa"]) / 2
    late = _late(maps)
    found = [
        _of_sequence({name: each[sample] for name, each in ranges.items()}, age, late, maps)
        for sample, age in enumerate(sequences.age)
    ]
    return torch.stack([nothing if each is None else each for each in found])


def _by_site(observed: Observation, site_of_cell: Int[Tensor, " cell"]) -> Float[Tensor, "batch report site"]:
    """Mean over the cells of a site, which see the same paths; NaN where it has none."""
    member = functional.one_hot(site_of_cell).float()
    known = (observed.known > 0).float()
    return (observed.value * known) @ member / (known @ member)


def _of_sequence(
    ranges: dict[str, Float[Tensor, "report site"]],
    age: Float[Tensor, " report"],
    late: Float[Tensor, "site fine_y fine_x"],
    maps: PlaceMaps,
) -> Float[Tensor, "fine_y fine_x"] | None:
    recent = age <= OLDEST
    for name, clock in (("round_trip", 0.0), ("mean", 0.0), ("ul_rtoa", CLOCK), ("rstd", CLOCK)):
        if name not in ranges or not bool((known := ~ranges[name][recent].isnan()).any()):
            continue
        sites = known.any(0).nonzero().flatten()
        if name in ("mean", "rstd") and len(sites) < 2:
            continue
        value, deviation = _pooled(ranges[name][recent][:, sites], age[recent], clock)
        error = value[..., None, None] - maps.fine_distance[sites]
        if name == "round_trip":
            return _log_density(error, deviation, late[sites]).sum(1).logsumexp(0)
        common = _common_errors(error)
        found = _log_density(error - common[:, :, None], deviation, late[sites]).sum(2)
        if name == "ul_rtoa":
            found = found - 0.5 * (common / SENDING) ** 2
        return found.flatten(0, 1).logsumexp(0)
    return None


def _pooled(
    values: Float[Tensor, "report site"], age: Float[Tensor, " report"], clock: float
) -> tuple[Float[Tensor, "case site"], Float[Tensor, "case site 1 1"]]:
    """Means by precision under each spread and speed, and their deviations: a site's values are late together."""
    spread, speed = torch.cartesian_prod(torch.tensor(SPREADS), torch.tensor(SPEEDS)).T[..., None]
    precision = 1 / (spread**2 + (speed * age) ** 2)
    total = precision @ (~values.isnan()).float()
    deviation = (1 / total + LASTING**2 + clock**2).sqrt()
    return precision @ values.nan_to_num() / total, deviation[..., None, None]


def _common_errors(
    error: Float[Tensor, "case site fine_y fine_x"],
) -> Float[Tensor, "option case fine_y fine_x"]:
    """What all errors may have in common: their mean, or all of one site's, for others may be late."""
    return torch.stack([error.mean(1), *error.unbind(1)[:REFERENCES]])


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
