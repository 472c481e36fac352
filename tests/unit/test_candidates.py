"""Which cells a token may be of, against the rule written down cell by cell."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raylocus.scenes.cell_names.candidates import CellTable, TokenNames, candidate_cells
from raylocus.scenes.cell_names.channels import LTE, NB_IOT, NR, UNKNOWN, channel_frequency

#: Carriers (technology, channel, frequency, half width): two of LTE, one of NR with its channel known and one without,
#: one of NB-IoT, and one of which nothing but the frequency is known.
CARRIERS = [
    (LTE, 6300, channel_frequency(6300, LTE), 5e6),
    (LTE, -1, channel_frequency(1300, LTE), 10e6),
    (NR, 636666, channel_frequency(636666, NR), 19e6),
    (NR, -1, 2.1e9, 10e6),
    (NB_IOT, -1, channel_frequency(6300, LTE), 1e5),
    (UNKNOWN, -1, 800e6, 5e6),
]
#: Channels of both technologies that lie in one of these carriers, next to all of them, or nowhere.
CHANNELS = [-1, 6300, 6301, 1300, 1320, 636666, 636000, 640000, 422000, 3_279_165]


@st.composite
def tables(draw: st.DrawFn) -> CellTable:
    carriers = draw(st.lists(st.sampled_from(CARRIERS), min_size=1, max_size=4, unique=True))
    count = draw(st.integers(1, 6))
    technology, channel, frequency, half = zip(*carriers, strict=True)

    def cells(values: list[int]) -> np.ndarray:
        return np.array(draw(st.lists(st.sampled_from(values), min_size=count, max_size=count)), np.int64)

    return CellTable(
        pci=cells([1, 2, 3]),
        identity=cells([-1, 70, 71]),
        planned=np.zeros(count, bool),
        carrier=cells([*range(len(carriers))]),
        technology=np.array(technology, np.int8),
        channel=np.array(channel, np.int64),
        frequency=np.array(frequency),
        half_width=np.array(half),
    )


TOKENS = st.tuples(
    st.sampled_from([1, 2, 9]),
    st.sampled_from([UNKNOWN, NR, LTE, NB_IOT]),
    st.sampled_from(CHANNELS),
    st.sampled_from([-1, 70, 99]),
)


def compatible(said: int, own: int, table: CellTable) -> bool:
    """An unknown technology excludes nothing; NB-IoT may be in LTE carriers where it has none of its own."""
    if UNKNOWN in (said, own) or said == own:
        return True
    return said == NB_IOT and own == LTE and NB_IOT not in table.technology


def expected(token: tuple[int, int, int, int], table: CellTable) -> list[int]:
    pci, technology, channel, identity = token
    carriers = [
        index for index, own in enumerate(table.technology.tolist()) if compatible(technology, own, table)
    ]
    cells = [index for index in range(len(table.pci)) if table.carrier[index] in carriers]
    named = [index for index in cells if identity >= 0 and table.identity[index] == identity]
    if named:
        return named
    if channel >= 0:
        exact = [index for index in carriers if table.channel[index] == channel]
        carriers = exact or [index for index in carriers if may_hold(index, channel, table)]
    return [
        index
        for index in cells
        if table.pci[index] == pci
        and table.carrier[index] in carriers
        and not (identity >= 0 and table.identity[index] >= 0)
    ]


def may_hold(carrier: int, channel: int, table: CellTable) -> bool:
    frequency = channel_frequency(channel, int(table.technology[carrier]))
    return math.isnan(frequency) or abs(frequency - table.frequency[carrier]) <= table.half_width[carrier]


@given(tables(), st.lists(TOKENS, min_size=1, max_size=6))
def test_candidates_are_those_of_the_rule(table: CellTable, tokens: list[tuple[int, int, int, int]]) -> None:
    columns = [np.array(column, np.int64) for column in zip(*tokens, strict=True)]
    found = candidate_cells(TokenNames(*columns), table)
    rows = [
        found.cells[start:end].tolist()
        for start, end in zip(found.rows.offsets, found.rows.offsets[1:], strict=False)
    ]
    assert rows == [expected(token, table) for token in tokens]
    assert found.known.tolist() == [bool(row) for row in rows]
