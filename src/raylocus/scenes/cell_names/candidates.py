"""Which cells of a deployment a reported one may be: by its global identity, or by technology, channel and PCI.

Where report and deployment both know the identity, it alone decides. Else a cell qualifies by its PCI on a carrier
of the report's technology that holds the report's channel; what a report does not say excludes nothing. A PCI
is used again every few kilometres, so a token may be of several cells of an area.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import PlaceError
from raylocus.ragged import Rows
from raylocus.scenes.cell_names.channels import LTE, NB_IOT, TECHNOLOGIES, UNKNOWN, channel_frequency

#: A number that no cell has.
_NONE = -2


@runtime_checkable
class CellNames(Protocol):
    """How tokens name their cells; −1 where they do not, and 0 for an unknown technology."""

    @property
    def pci(self) -> Int[np.ndarray, " token"]:
        """Physical cell identity."""

    @property
    def technology(self) -> Int[np.ndarray, " token"]:
        """Code of `cell_names.technologies.TECHNOLOGIES`."""

    @property
    def channel(self) -> Int[np.ndarray, " token"]:
        """EARFCN or NR-ARFCN."""

    @property
    def identity(self) -> Int[np.ndarray, " token"]:
        """Global cell identity."""


@dataclass(frozen=True)
class TokenNames:
    """`CellNames` by themselves."""

    pci: Int[np.ndarray, " token"]
    technology: Int[np.ndarray, " token"]
    channel: Int[np.ndarray, " token"]
    identity: Int[np.ndarray, " token"]


@dataclass(frozen=True)
class CellTable:
    """The names of a deployment's cells, and of their carriers; −1 where unknown."""

    pci: Int[np.ndarray, " cell"]
    identity: Int[np.ndarray, " cell"]
    planned: Bool[np.ndarray, " cell"]
    """Whether the PCI is a planned one, for want of the network's own: no log can name the cell by it."""
    carrier: Int[np.ndarray, " cell"]
    technology: Int[np.ndarray, " carrier"]
    channel: Int[np.ndarray, " carrier"]
    frequency: Float[np.ndarray, " carrier"]
    """Centre of each carrier [Hz]."""
    half_width: Float[np.ndarray, " carrier"]
    """Half of each carrier's bandwidth [Hz]."""


@dataclass(frozen=True)
class Candidates:
    """The cells that tokens may be of."""

    rows: Rows
    """The candidates of each token."""
    cells: Int[np.ndarray, " candidate"]
    """Cell index of each, ascending in a token."""

    @property
    def known(self) -> Bool[np.ndarray, " token"]:
        """Whether a token may be of any cell."""
        return self.rows.lengths > 0


def check_distinct(table: CellTable, site: Int[np.ndarray, " cell"]) -> None:
    """Refuses cells that no report could distinguish.

    Raises:
        PlaceError: one PCI stands twice at a site and carrier, or one identity twice on a carrier.
    """
    named = table.identity >= 0
    _, index, count = np.unique(
        np.stack([table.carrier, site, table.pci]), axis=1, return_inverse=True, return_counts=True
    )
    if (count[index.reshape(-1)] > 1)[~named].any():
        raise PlaceError("two cells of one site and carrier share a PCI; give each its own, or its identity")
    known = np.stack([table.carrier[named], table.identity[named]])
    if len(np.unique(known, axis=1).T) < known.shape[1]:
        raise PlaceError("two cells of one carrier share a global identity; correct one")


def candidate_cells(names: CellNames, table: CellTable) -> Candidates:
    """The candidates of each token."""
    group, qualifies = _carriers(names, table)
    token, cell = _pairs(np.where(names.identity < 0, _NONE, names.identity), table.identity)
    # LTE's identities and NR's are different numbers.
    codes = _of_technology(np.arange(len(TECHNOLOGIES)), table)
    same = codes[names.technology[token], table.carrier[cell]]
    token, cell = token[same], cell[same]
    identified = np.zeros(len(names.pci), bool)
    identified[token] = True
    by_pci, other = _pairs(names.pci, table.pci)
    unlike = (names.identity[by_pci] >= 0) & (table.identity[other] >= 0)
    kept = ~identified[by_pci] & ~unlike & qualifies[group[by_pci], table.carrier[other]]
    token, cell = np.concatenate([token, by_pci[kept]]), np.concatenate([cell, other[kept]])
    order = np.lexsort((cell, token))
    return Candidates(Rows.of(np.bincount(token, minlength=len(names.pci))), cell[order])


def _pairs(
    wanted: Int[np.ndarray, " token"], given: Int[np.ndarray, " cell"]
) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
    """Token and cell of every pair of one number."""
    order = np.argsort(given, kind="stable")
    first = np.searchsorted(given[order], wanted, side="left")
    rows = Rows.of(np.searchsorted(given[order], wanted, side="right") - first)
    return rows.row, order[first[rows.row] + rows.rank]


def _carriers(
    names: CellNames, table: CellTable
) -> tuple[Int[np.ndarray, " token"], Bool[np.ndarray, "group carrier"]]:
    """Group of each token by technology and channel, and the carriers that each group may be on."""
    key = (names.channel.astype(np.int64) + 1) * len(TECHNOLOGIES) + names.technology
    unique, group = np.unique(key, return_inverse=True)
    qualifies = _of_technology(unique % len(TECHNOLOGIES), table)
    for index, channel in enumerate((unique // len(TECHNOLOGIES) - 1).tolist()):
        if channel >= 0:
            qualifies[index] &= _holds(channel, qualifies[index], table)
    return group.reshape(-1), qualifies


def _of_technology(codes: Int[np.ndarray, " group"], table: CellTable) -> Bool[np.ndarray, "group carrier"]:
    """Whether carriers are of a technology; NB-IoT is in LTE carriers where it has none of its own."""
    same = codes[:, None] == table.technology
    if NB_IOT not in table.technology:
        same |= (codes[:, None] == NB_IOT) & (table.technology == LTE)
    return same | (codes == UNKNOWN)[:, None] | (table.technology == UNKNOWN)


def _holds(
    channel: int, among: Bool[np.ndarray, " carrier"], table: CellTable
) -> Bool[np.ndarray, " carrier"]:
    """Carriers of a channel number, or else those that its frequency lies in; all where it is no channel."""
    exact = among & (table.channel == channel)
    if exact.any():
        return exact
    frequency = np.array([channel_frequency(channel, int(code)) for code in table.technology])
    return np.isnan(frequency) | (np.abs(frequency - table.frequency) <= table.half_width)
