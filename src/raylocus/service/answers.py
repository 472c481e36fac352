"""What is answered: a fix with what it rests on, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from raylocus.inference.fix import Fix
from raylocus.network.formats.cell_resolution import Known
from raylocus.service.questions import MeasuredCell


@dataclass(frozen=True)
class HeardCell:
    """A cell of the last report as the area knows it."""

    measured: MeasuredCell
    known: Known
    """How it was found in the area."""
    site: tuple[float, float] | None = None
    """Position (x, y) [m] of its site in the area's frame; None where the cell is unknown."""
    mapped: float | None = None
    """RSRP of the radio map at the estimate [dBm]; None where the map has no path or the cell is unknown."""

    @property
    def residual(self) -> float | None:
        """Measured over mapped RSRP [dB]."""
        return None if self.mapped is None else self.measured.rsrp - self.mapped


@dataclass(frozen=True)
class Answer:
    """Where a phone is, and what that rests on."""

    fix: Fix
    """Its frame has latitude and longitude."""
    area: str
    """Name of the area, never its folder."""
    cells: tuple[HeardCell, ...]
    """Cells of the last report, the unknown ones included."""
    notes: tuple[str, ...] = ()
    fallback: str | None = None
    """What located instead of the map, where that could not."""
    doubtful: bool = False
    """Whether the cells may well be of another place, by what names them."""

    @cached_property
    def trusted(self) -> bool:
        """Whether the fix is to be trusted, and the cells are surely the area's."""
        return self.fix.trusted and not self.doubtful

    @property
    def known(self) -> tuple[HeardCell, ...]:
        """The cells that the area has."""
        return tuple(cell for cell in self.cells if cell.known > Known.UNKNOWN)

    @property
    def unknown(self) -> tuple[HeardCell, ...]:
        """The cells that it does not have."""
        return tuple(cell for cell in self.cells if cell.known == Known.UNKNOWN)

    @property
    def serving(self) -> HeardCell | None:
        """The serving cell, where the area knows it."""
        return next((cell for cell in self.known if cell.measured.serving), None)


class Why(StrEnum):
    """Why there is no answer."""

    NO_CELLS = "no cell with a level and with an identity or PCI was given"
    UNKNOWN_CELLS = "no area of this service has the cells"
    PCI_ALONE = (
        "too few of the cells are known, and those by their PCI alone, which is used in many places; "
        "give channels or identities"
    )
    SEVERAL_AREAS = "the cells are found equally well in several areas; give channels or identities"
    UNUSABLE = "the measurements cannot be used"


@dataclass(frozen=True)
class Refusal:
    """There is no answer, and why."""

    why: Why
    cells: tuple[MeasuredCell, ...] = ()
    """Cells of the last report."""
