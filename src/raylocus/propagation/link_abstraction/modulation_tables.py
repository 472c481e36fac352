"""Modulation and coding: the CQI tables and PDSCH MCS tables of TS 38.214, as data.

A row is (modulation order Q_m in bits per symbol, target code rate × 1024).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import InputError


@dataclass(frozen=True)
class ModulationTable:
    """One table; row i is index i + `first`."""

    clause: str
    first: int
    """Index of the first row: 1 for CQI (0 is "out of range"), 0 for MCS."""
    rows: tuple[tuple[int, float], ...]
    bler_target: float
    """Block error rate that a CQI of this table promises (TS 38.214 §5.2.2.1)."""

    @cached_property
    def order(self) -> Int[np.ndarray, " row"]:
        """Modulation order [bit per symbol]."""
        return np.array([order for order, _ in self.rows])

    @cached_property
    def rate(self) -> Float[np.ndarray, " row"]:
        """Target code rate."""
        return np.array([rate for _, rate in self.rows]) / 1024

    @cached_property
    def efficiency(self) -> Float[np.ndarray, " row"]:
        """Information bits per resource element and layer: Q_m·R."""
        return self.order * self.rate


def _rows(**rates: str) -> tuple[tuple[int, float], ...]:
    order = {"qpsk": 2, "qam16": 4, "qam64": 6, "qam256": 8, "qam1024": 10}
    return tuple((order[name], float(rate)) for name, text in rates.items() for rate in text.split())


#: CQI tables 1 to 4 (TS 38.214 tables 5.2.2.1-2 to 5.2.2.1-5).
CQI_TABLES = {
    1: ModulationTable(
        "TS 38.214 T 5.2.2.1-2",
        1,
        _rows(qpsk="78 120 193 308 449 602", qam16="378 490 616", qam64="466 567 666 772 873 948"),
        0.1,
    ),
    2: ModulationTable(
        "TS 38.214 T 5.2.2.1-3",
        1,
        _rows(qpsk="78 193 449", qam16="378 490 616", qam64="466 567 666 772 873", qam256="711 797 885 948"),
        0.1,
    ),
    3: ModulationTable(
        "TS 38.214 T 5.2.2.1-4",
        1,
        _rows(qpsk="30 50 78 120 193 308 449 602", qam16="378 490 616", qam64="466 567 666 772"),
        1e-5,
    ),
    4: ModulationTable(
        "TS 38.214 T 5.2.2.1-5",
        1,
        _rows(
            qpsk="78 193 449",
            qam16="378 616",
            qam64="567 666 772 873",
            qam256="711 797 885 948",
            qam1024="853 948",
        ),
        0.1,
    ),
}

#: PDSCH MCS tables 1 to 3 (TS 38.214 tables 5.1.3.1-1 to 5.1.3.1-3); reserved indices are left out.
MCS_TABLES = {
    1: ModulationTable(
        "TS 38.214 T 5.1.3.1-1",
        0,
        _rows(
            qpsk="120 157 193 251 308 379 449 526 602 679",
            qam16="340 378 434 490 553 616 658",
            qam64="438 466 517 567 616 666 719 772 822 873 910 948",
        ),
        0.1,
    ),
    2: ModulationTable(
        "TS 38.214 T 5.1.3.1-2",
        0,
        _rows(
            qpsk="120 193 308 449 602",
            qam16="378 434 490 553 616 658",
            qam64="466 517 567 616 666 719 772 822 873",
            qam256="682.5 711 754 797 841 885 916.5 948",
        ),
        0.1,
    ),
    3: ModulationTable(
        "TS 38.214 T 5.1.3.1-3",
        0,
        _rows(
            qpsk="30 40 50 64 78 99 120 157 193 251 308 379 449 526 602",
            qam16="340 378 434 490 553 616",
            qam64="438 466 517 567 616 666 719 772",
        ),
        1e-5,
    ),
}


def table_of(tables: dict[int, ModulationTable], number: int) -> ModulationTable:
    """One of `CQI_TABLES` or `MCS_TABLES`.

    Raises:
        InputError: there is no table of this number.
    """
    if number not in tables:
        raise InputError(f"there is no table {number}; choose one of {', '.join(map(str, sorted(tables)))}")
    return tables[number]
