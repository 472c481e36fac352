"""Reports of known position that an adapted network remembers: who reports alike stands near them.

The density over the ground is multiplied by ε + 1/n · Σ_i w_i K(x − x_i): the weight w_i says how alike report and tag
are, K is a heavy-tailed kernel as wide as tags are apart there. A report that is like none of them keeps its answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial import cKDTree
from torch import Tensor

from raylocus.models.area.field import Field
from raylocus.models.area.tokens import AreaTokens
from raylocus.network.field.heard import HeardNetwork, KnownCells
from raylocus.ragged import Rows

#: Deviation of levels between near points, of what they have in common, and what a cell heard once costs [dB].
SPREAD, COMMON, MISSED = 7.0, 6.0, 4.0
#: A cell heard once costs no more than this level over the other's weakest [dB].
MOST_OVER = 20.0
#: Deviation of the weight of a report's whole difference: levels of one report err together [dB].
LIKENESS = 7.0
#: Tags of a report that are looked at.
NEAREST = 32
#: Density of standing where no tag is, in scales.
ELSEWHERE = 0.001
#: A kernel is as wide as the third nearest tag is away, within these bounds, in scales.
NEIGHBOUR, WIDTHS = 3, (0.06, 1.0)


@dataclass(frozen=True)
class Tags:
    """Reports with their true positions."""

    heard: HeardNetwork
    position: Float[np.ndarray, "tag 2"]
    """In the frame of the network [m]."""

    def __len__(self) -> int:
        return len(self.position)

    def select(self, some: np.ndarray) -> Tags:
        """Some of the tags, by mask or index."""
        return Tags(self.heard.select(np.arange(len(self))[some]), self.position[some])

    def of_network(self, cells: KnownCells) -> bool:
        """Whether they are of a network of these cells."""
        return network_name(self.heard.cells) == network_name(cells)

    def stream(self, network: HeardNetwork) -> HeardNetwork:
        """The reports of a network and after them the tags, whose clocks may be of another day."""
        tags = replace(self.heard, arrival=np.full_like(self.heard.arrival, np.nan))
        columns = {
            field.name: np.concatenate([getattr(each, field.name) for each in (network, tags)])
            for field in fields(tags)
            if field.name not in ("cells", "rows")
        }
        rows = Rows.joined([network.rows.offsets, tags.rows.offsets])
        return HeardNetwork(network.cells, rows, **columns)

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
        weight = np.exp(-differences(level_table(heard), level_table(self.heard)) / (2 * LIKENESS**2))
        chosen = np.argsort(-weight, axis=1, kind="stable")[:, :NEAREST]
        width = np.clip(self._spacing()[chosen] / tokens.scale[:, None], *WIDTHS)
        position = (self.position[chosen] - tokens.centre[:, None]) / tokens.scale[:, None, None]
        share = np.take_along_axis(weight, chosen, axis=1) / len(self)
        return TaggedField(
            field, temperature, *(torch.from_numpy(each).float() for each in (position, share, width))
        )

    def _spacing(self) -> Float[np.ndarray, " tag"]:
        if len(self) < 2:
            return np.full(len(self), np.inf)
        near = cKDTree(self.position).query(self.position, min(NEIGHBOUR, len(self) - 1) + 1)[0]
        return near[:, -1]


@dataclass(frozen=True)
class TaggedField:
    """Densities of a batch of reports with their tags, in each report's frame."""

    field: Field
    temperature: float
    position: Float[Tensor, "report tag 2"]
    weight: Float[Tensor, "report tag"]
    width: Float[Tensor, "report tag"]

    def __len__(self) -> int:
        return len(self.field)

    def log_density(self, points: Float[Tensor, "report point 2"]) -> Float[Tensor, "report point"]:
        """Unnormalised log density at points."""
        variance = self.width.square()[:, None]
        square = (points[:, :, None] - self.position[:, None]).square().sum(-1) / variance
        kernel = (1 + square / 2) ** -2 / (2 * torch.pi * variance)
        factor = ELSEWHERE + (self.weight[:, None] * kernel).sum(-1)
        return self.field.log_density(points) / self.temperature + torch.log(factor)


def level_table(heard: HeardNetwork) -> Float[np.ndarray, "report cell"]:
    """Level of each cell in each report [dBm]; NaN where it is not heard."""
    table = np.full((len(heard), len(heard.cells.site)), np.nan)
    table[heard.report, heard.cell] = heard.level
    return table


def differences(
    reports: Float[np.ndarray, "report cell"], tags: Float[np.ndarray, "tag cell"]
) -> Float[np.ndarray, "report tag"]:
    """How unlike levels are [dB²]: squares summed over cells, the level that a report has in common integrated out.

    A cell that only one of both hears costs `MISSED`² and the square of what it is over the other's weakest level.
    """
    heard, weakest = np.isfinite(tags), np.nanmin(tags, axis=1)
    found = np.empty((len(reports), len(tags)))
    for row, levels in enumerate(reports):
        own = np.isfinite(levels)
        both = own & heard
        step = np.where(both, levels - tags, 0.0)
        squares = (step**2).sum(1) - step.sum(1) ** 2 / (both.sum(1) + (SPREAD / COMMON) ** 2)
        over = np.where(own, levels - weakest[:, None], tags - np.nanmin(levels))
        alone = np.clip(np.where(own ^ heard, over, 0.0), 0, MOST_OVER) ** 2 + MISSED**2 * (own ^ heard)
        found[row] = squares + alone.sum(1)
    return found


def network_name(cells: KnownCells) -> str:
    """What a list of cells is known by: the digest of their sites, to the metre."""
    listed = np.column_stack([np.round(cells.position), cells.site]).astype(np.int64)
    return hashlib.sha256(listed.tobytes()).hexdigest()[:16]
