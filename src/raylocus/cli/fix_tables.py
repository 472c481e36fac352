"""Tables of fixes, and of what they rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from raylocus.inference.explanation import CellResidual


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:.{decimals}f}"


def fix_table(records: Sequence[dict[str, Any]], confidence: float) -> Table:
    """A row a fix, of its record.

    Args:
        records: see `locate.fix_record`.
        confidence: of their radii.
    """
    from rich.table import Table

    table = Table(title="fixes")
    columns = ("sequence", "x / m", "y / m", f"{confidence:.0%} radius / m", "ellipse / m", "fit", "trusted")
    for column in columns:
        table.add_column(column, justify="right")
    for record in records:
        ellipse = " × ".join(_number(record[f"ellipse_{axis}_m"], 0) for axis in ("major", "minor"))
        position = (_number(record["x_m"], 1), _number(record["y_m"], 1), _number(record["radius_m"], 0))
        trusted = "yes" if record["trusted"] else "no"
        table.add_row(str(record["sequence"]), *position, ellipse, _number(record["fit"], 2), trusted)
    return table


def residual_table(residuals: Sequence[CellResidual]) -> Table:
    """A row a feature of a cell, or of a beam."""
    from rich.table import Table

    table = Table(title="measured and expected at the fixes")
    for column in ("sequence", "PCI", "beam", "feature", "measured", "expected", "deviations"):
        table.add_column(column, justify="right")
    for each in residuals:
        beam = "–" if each.beam is None else str(each.beam)
        compared = (f"{each.expected:.2f} {each.unit}", f"{each.deviations:+.1f}")
        if math.isnan(each.expected):
            compared = ("no path", "–")
        table.add_row(
            str(each.sequence), str(each.pci), beam, each.feature, f"{each.measured:.2f}", *compared
        )
    return table
