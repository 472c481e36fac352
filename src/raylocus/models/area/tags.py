"""Reports of known position that an adapted network remembers: who reports alike stands near them.

A phone is at the place of a tag or elsewhere. Its density is ε p(x) + 1/n · Σ_i r_i K(x − x_i) (p(x)^a + δ): p is what
the network says, r_i how much likelier report and tag are at one place than at different ones (`models.area.tag_law`),
K a heavy-tailed kernel, the narrower the denser tags are. A report that is like none of them keeps its answer; where
one is surely like a tag, the network can hardly speak against it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree
from torch import Tensor

from raylocus.models.area.cells import CellMasses, cell_masses
from raylocus.models.area.field import Field
from raylocus.models.area.tag_law import PairLaw, level_table, pairs_of
from raylocus.models.area.tokens import AreaTokens
from raylocus.models.regions import Regions
from raylocus.network.field.heard import HeardNetwork, KnownCells
from raylocus.ragged import Rows

#: A report is like a tag where it is so much likelier near it than far away [nats].
ALIKE = 3.0
#: Tags of a report that are looked at.
NEAREST = 32
#: Power by which the network's density counts where a tag is: what the tag was heard with is better than any law.
DOUBTED = 0.7
#: Power of the ratios of likelihoods: several cells that agree are better proof than a law with heavy tails has it.
POWER = 1.25
#: A kernel is half as wide as the third nearest tag is away, within these bounds, in scales.
NEIGHBOUR, WIDTHS = 3, (0.03, 1.0)


@dataclass(frozen=True)
class Odds:
    """How a network's tags weigh against what it says by itself."""

    elsewhere: float = 0.03
    """Of a phone that stands where no tag is."""
    granted: float = 0.03
    """Density that the network grants any place where a tag is, per square of a scale."""


@dataclass(frozen=True)
class Tags:
    """Reports with their true positions."""

    heard: HeardNetwork
    position: Float[np.ndarray, "tag 2"]
    """In the frame of the network [m]."""
    law: PairLaw = PairLaw()
    odds: Odds = Odds()
    regions: Regions = Regions()
    """What regions truly hold of reports that are like one of the tags."""

    def __len__(self) -> int:
        return len(self.position)

    def select(self, some: np.ndarray) -> Tags:
        """Some of the tags, by mask or index."""
        return replace(
            self, heard=self.heard.select(np.arange(len(self))[some]), position=self.position[some]
        )

    def of_network(self, cells: KnownCells) -> bool:
        """Whether they are of a network of these cells."""
        return network_name(self.heard.cells) == network_name(cells)

    def streams(
        self, network: HeardNetwork, stream: Int[np.ndarray, " report"]
    ) -> tuple[HeardNetwork, Int[np.ndarray, " report_or_tag"]]:
        """The reports, then the tags once for each stream, with clocks of another day; and the stream of each."""
        tags = replace(self.heard, arrival=np.full_like(self.heard.arrival, np.nan))
        parts = [network, *[tags] * int(stream.max() + 1)]
        columns = {
            field.name: np.concatenate([getattr(each, field.name) for each in parts])
            for field in fields(tags)
            if field.name not in ("cells", "rows")
        }
        rows = Rows.joined([each.rows.offsets for each in parts])
        each_tag = np.repeat(np.arange(len(parts) - 1), len(tags))
        return HeardNetwork(network.cells, rows, **columns), np.concatenate([stream, each_tag])

    def joined(
        self, field: Field, heard: HeardNetwork, tokens: AreaTokens, temperature: float
    ) -> TaggedField:
        """The densities of reports with what the tags add.

        Args:
            field: what the network says.
            heard: the reports.
            tokens: their rows.
            temperature: by which the network's log densities are divided.
        """
        width = np.clip(self._spacing() / 2 / tokens.scale[:, None], *WIDTHS)
        pairs = pairs_of(level_table(heard), level_table(self.heard))
        ratio = POWER * self.law.likelihood_ratio(pairs, width)
        chosen = np.argsort(-ratio, axis=1, kind="stable")[:, :NEAREST]
        position = (self.position[chosen] - tokens.centre[:, None]) / tokens.scale[:, None, None]
        weight, width = (
            np.take_along_axis(each, chosen, axis=1) for each in (ratio - math.log(len(self)), width)
        )
        columns = (torch.from_numpy(each).float() for each in (position, weight, width))
        alike = torch.from_numpy(ratio.max(axis=1) > ALIKE)
        return TaggedField(alike, field, temperature, _normaliser(field, temperature), self.odds, *columns)

    def _spacing(self) -> Float[np.ndarray, " tag"]:
        if len(self) < 2:
            return np.full(len(self), np.inf)
        near = cKDTree(self.position).query(self.position, min(NEIGHBOUR, len(self) - 1) + 1)[0]
        return near[:, -1]


@dataclass(frozen=True)
class TaggedField:
    """Densities of a batch of reports with their tags, in each report's frame."""

    alike: Bool[Tensor, " report"]
    """Whether a report is like one of them."""
    field: Field
    temperature: float
    normaliser: Float[Tensor, " report"]
    """ln of the mass of the network's density."""
    odds: Odds
    position: Float[Tensor, "report tag 2"]
    weight: Float[Tensor, "report tag"]
    """ln of the ratio of likelihoods, shared among the tags."""
    width: Float[Tensor, "report tag"]

    def __len__(self) -> int:
        return len(self.field)

    def log_density(self, points: Float[Tensor, "report point 2"]) -> Float[Tensor, "report point"]:
        """Unnormalised log density at points."""
        return self.joined(self.alone(points), points)

    def alone(self, points: Float[Tensor, "report point 2"]) -> Float[Tensor, "report point"]:
        """Log density at points without the tags."""
        return self.field.log_density(points) / self.temperature - self.normaliser[:, None]

    def joined(
        self, alone: Float[Tensor, "report point"], points: Float[Tensor, "report point 2"]
    ) -> Float[Tensor, "report point"]:
        """Unnormalised log density at points, of what it is there without the tags."""
        variance = self.width.square()[:, None]
        square = (points[:, :, None] - self.position[:, None]).square().sum(-1) / variance
        kernel = self.weight[:, None] - 2 * torch.log1p(square / 2) - torch.log(2 * torch.pi * variance)
        granted = torch.logaddexp(DOUBTED * alone, torch.tensor(math.log(self.odds.granted)))
        elsewhere = alone + min(math.log(self.odds.elsewhere), 1e3)
        return torch.logaddexp(elsewhere, kernel.logsumexp(-1) + granted)

    def masses_by(self, odds: Sequence[Odds]) -> Iterator[CellMasses]:
        """The masses by each of several odds, on the same cells."""
        cells = cell_masses(self)
        alone = self.alone(cells.centre)
        for each in odds:
            log_density = replace(self, odds=each).joined(alone, cells.centre)
            yield replace(cells, mass=(log_density + 2 * torch.log(cells.side)).softmax(1))


def _normaliser(field: Field, temperature: float) -> Float[Tensor, " report"]:
    """ln of the mass of a density that is not normalised."""
    masses = cell_masses(field, temperature)
    fullest = masses.mass.argmax(dim=1, keepdim=True)
    centre = masses.centre.gather(1, fullest[..., None].expand(-1, -1, 2))
    density = masses.mass.gather(1, fullest) / masses.side.gather(1, fullest).square()
    return (field.log_density(centre) / temperature - torch.log(density))[:, 0]


def network_name(cells: KnownCells) -> str:
    """What a list of cells is known by: the digest of their sites, to the metre."""
    listed = np.column_stack([np.round(cells.position), cells.site]).astype(np.int64)
    return hashlib.sha256(listed.tobytes()).hexdigest()[:16]
