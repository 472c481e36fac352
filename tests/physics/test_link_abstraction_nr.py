"""CQI, BLER and throughput against the tables of TS 38.214 and the curves of Sionna SYS."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from raylocus.errors import InputError
from raylocus.network.mac.link_adaptation import (
    OuterLoop,
    Scheduler,
    adapt,
    frame_error_rate,
    resource_elements_per_second,
    retransmission_delay,
    scheduled_share,
    transmission_error_rates,
)
from raylocus.propagation.link_abstraction.link_quality import (
    TransportBlock,
    block_error_rate,
    effective_sinr,
    link_quality,
    lowest_sinr_db,
    thresholds_db,
)
from raylocus.propagation.link_abstraction.modulation_tables import (
    CQI_TABLES,
    MCS_TABLES,
    ModulationTable,
    table_of,
)

#: SINR [dB] at 10 % BLER of CQI 4 to 15 of table 1 as read off Sionna's curves by linear interpolation
#: between points 1.8 dB apart (code blocks of 500 bits).
LINEAR_THRESHOLDS = [-1.5, 0.6, 2.4, 4.2, 6.1, 8.0, 9.7, 11.7, 13.6, 15.6, 17.7, 19.5]
#: Rows of the specification: table, CQI, Q_m, rate × 1024, efficiency.
ROWS = [
    (1, 1, 2, 78, 0.1523),
    (1, 7, 4, 378, 1.4766),
    (1, 15, 6, 948, 5.5547),
    (2, 4, 4, 378, 1.4766),
    (2, 15, 8, 948, 7.4063),
    (3, 1, 2, 30, 0.0586),
    (3, 15, 6, 772, 4.5234),
    (4, 6, 6, 567, 3.3223),
    (4, 14, 10, 853, 8.3301),
    (4, 15, 10, 948, 9.2578),
]


@pytest.mark.parametrize(("number", "index", "order", "rate", "efficiency"), ROWS)
def test_rows_of_the_cqi_tables(number: int, index: int, order: int, rate: float, efficiency: float) -> None:
    table = CQI_TABLES[number]
    row = index - table.first
    assert (table.order[row], table.rate[row] * 1024) == (order, rate)
    assert table.efficiency[row] == pytest.approx(efficiency, abs=5e-5)


#: The column of spectral efficiencies as TS 38.214 prints it, whole: orders and rates are other columns.
CQI_EFFICIENCIES = {
    1: "0.1523 0.2344 0.3770 0.6016 0.8770 1.1758 1.4766 1.9141 2.4063 2.7305 3.3223 3.9023 4.5234 5.1152 5.5547",
    2: "0.1523 0.3770 0.8770 1.4766 1.9141 2.4063 2.7305 3.3223 3.9023 4.5234 5.1152 5.5547 6.2266 6.9141 7.4063",
    3: "0.0586 0.0977 0.1523 0.2344 0.3770 0.6016 0.8770 1.1758 1.4766 1.9141 2.4063 2.7305 3.3223 3.9023 4.5234",
    4: "0.1523 0.3770 0.8770 1.4766 2.4063 3.3223 3.9023 4.5234 5.1152 5.5547 6.2266 6.9141 7.4063 8.3301 9.2578",
}
MCS_EFFICIENCIES = {
    1: "0.2344 0.3066 0.3770 0.4902 0.6016 0.7402 0.8770 1.0273 1.1758 1.3262 1.3281 1.4766 1.6953 1.9141 2.1602 "
    "2.4063 2.5703 2.5664 2.7305 3.0293 3.3223 3.6094 3.9023 4.2129 4.5234 4.8164 5.1152 5.3320 5.5547",
    2: "0.2344 0.3770 0.6016 0.8770 1.1758 1.4766 1.6953 1.9141 2.1602 2.4063 2.5703 2.7305 3.0293 3.3223 3.6094 "
    "3.9023 4.2129 4.5234 4.8164 5.1152 5.3320 5.5547 5.8906 6.2266 6.5703 6.9141 7.1602 7.4063",
    3: "0.0586 0.0781 0.0977 0.1250 0.1523 0.1934 0.2344 0.3066 0.3770 0.4902 0.6016 0.7402 0.8770 1.0273 1.1758 "
    "1.3281 1.4766 1.6953 1.9141 2.1602 2.4063 2.5664 2.7305 3.0293 3.3223 3.6094 3.9023 4.2129 4.5234",
}


@pytest.mark.parametrize(
    ("tables", "printed"),
    [(CQI_TABLES, CQI_EFFICIENCIES), (MCS_TABLES, MCS_EFFICIENCIES)],
    ids=["CQI", "MCS"],
)
def test_every_row_has_the_efficiency_that_the_specification_prints(
    tables: dict[int, ModulationTable], printed: dict[int, str]
) -> None:
    assert tables.keys() == printed.keys()
    for number, column in printed.items():
        assert tables[number].efficiency == pytest.approx([*map(float, column.split())], abs=5.1e-5)


@pytest.mark.parametrize("number", CQI_TABLES)
def test_efficiency_and_threshold_rise_with_the_index(number: int) -> None:
    table = CQI_TABLES[number]
    assert len(table.rows) == 15
    assert (np.diff(table.efficiency) > 0).all()
    assert (np.diff(thresholds_db(table)) > 0).all()
    # No code beats Shannon.
    shannon = 10 * np.log10(2**table.efficiency - 1)
    assert (thresholds_db(table) > shannon).all()


def test_mcs_tables_have_the_specified_lengths() -> None:
    assert [len(MCS_TABLES[number].rows) for number in (1, 2, 3)] == [29, 28, 29]
    with pytest.raises(InputError, match="there is no table 5"):
        table_of(MCS_TABLES, 5)


def test_cqi_thresholds_are_those_of_sionnas_curves() -> None:
    assert thresholds_db(CQI_TABLES[1], code_block_bits=500)[3:] == pytest.approx(LINEAR_THRESHOLDS, abs=0.75)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("layers", [1, 4])
def test_cqi_at_both_sides_of_every_threshold(number: int, layers: int) -> None:
    table = CQI_TABLES[number]
    for row in range(len(table.rows)):
        threshold = TransportBlock(table, row, 106, layers).required_sinr_db
        flat = 10 ** (np.array([[threshold + 1e-6], [threshold - 1e-6]]) / 10)
        found = link_quality(flat, 106, 1, number, layers).cqi
        assert found[0] >= row + table.first and found[1] != row + table.first
    ends = np.array([[np.nan], [1e-5], [1e9]])
    assert link_quality(ends, 106, 1, number, layers).cqi.tolist() == [0, 0, 15]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("blocks", [6, 24, 106, 273])
def test_the_lowest_sinr_of_every_cqi_is_where_it_is_first_reported(number: int, blocks: int) -> None:
    lowest = lowest_sinr_db(blocks, number)
    assert len(lowest) == 15 and (np.diff(lowest) > 0).all()
    for side, expected in ((1e-6, range(1, 16)), (-1e-6, range(15))):
        flat = 10 ** ((lowest[:, None] + side) / 10)
        assert link_quality(flat, blocks, 1, number).cqi.tolist() == list(expected)


def test_fitted_curves_follow_sionnas_simulations() -> None:
    # Found without being imported, for that takes seconds.
    sionna = find_spec("sionna")
    folders = [Path(folder) for folder in sionna.submodule_search_locations or ()] if sionna else []
    found = [path for folder in folders if (path := folder / "sys/bler_tables/PDSCH_table1.json").exists()]
    if not found:
        pytest.skip("Sionna SYS is not installed")
    path = found[0]
    curves = json.loads(path.read_text())["category"]["1"]["index"]["1"]["MCS"]
    errors = []
    for mcs, curve in curves.items():
        for size in ("100", "500"):
            simulated = np.array(curve["CBS"][size]["BLER"])
            sinr = np.array(curve["SNR_db"])[: len(simulated)]
            errors.append(block_error_rate(sinr, MCS_TABLES[1], int(size))[:, int(mcs)] - simulated)
    worst = np.abs(np.concatenate(errors))
    assert np.quantile(worst, 0.99) < 0.06
    assert worst.mean() < 0.01


@given(st.floats(-20, 30), st.floats(1.5, 35))
def test_effective_sinr_of_a_flat_channel_is_its_sinr(level: float, beta: float) -> None:
    gamma = 10 ** (level / 10)
    assert effective_sinr(np.full((1, 24), gamma), beta)[0] == pytest.approx(gamma, rel=1e-6)


def test_effective_sinr_lies_between_the_worst_and_the_mean() -> None:
    sinr = np.array([[0.1, 1.0, 10.0, 100.0]])
    assert 0.1 < effective_sinr(sinr, 2.0)[0] < effective_sinr(sinr, 30.0)[0] < sinr.mean()
    # A selective channel gets a lower CQI than a flat one of the same mean.
    selective, flat = (link_quality(each, 106, 1).cqi for each in (sinr, np.full((1, 4), sinr.mean())))
    assert selective[0] < flat[0]


def adapted(sinr_db: list[float], offsets: list[int], loop: OuterLoop, seed: int = 0) -> xr.Dataset:
    level = np.array(sinr_db, float)
    return adapt(level, level, np.array(offsets), MCS_TABLES[1], loop, np.random.default_rng(seed))


def test_throughput_is_capped_by_the_table_and_missing_where_there_is_no_link() -> None:
    link = adapted([60.0, -30.0, np.nan], [0, 1, 2, 3], OuterLoop())
    assert link["mcs"][0] == 28 and link["bler"][0] < 1e-6 and link["harq_nack"][0] == 0
    assert link["mcs"][1] == -1 and np.isnan(link["bler"][1])
    assert np.isnan([link["mcs"][2], link["bler"][2], link["harq_nack"][2]]).all()
    # 106 blocks × 12 subcarriers × 11 symbols × 2000 slots.
    assert resource_elements_per_second(106, 1) == 106 * 12 * 11 * 2000


def test_the_outer_loop_finds_its_target_however_wrong_the_report_is() -> None:
    count, steps = 60, 80
    offsets = np.arange(0, count * steps + 1, steps)
    generator = np.random.default_rng(1)
    true = generator.uniform(0, 20, count).repeat(steps) + 0.8 * generator.standard_normal(count * steps)
    for bias in (-3.0, 0.0, 3.0):
        link = adapt(true + bias, true, offsets, MCS_TABLES[1], OuterLoop(), generator)
        settled = link["harq_nack"].values.reshape(count, steps)[:, 40:]
        assert settled.mean() == pytest.approx(0.1, abs=0.02), bias


def test_a_schedulers_share_is_uniform_and_slow() -> None:
    time, offsets = np.tile([0.0, 0.5, 60.0], 4000), np.arange(0, 12_001, 3)
    share = scheduled_share(time, offsets, Scheduler(0.1, 0.5, 5.0), np.random.default_rng(0)).reshape(-1, 3)
    assert share.min() >= 0.1 and share.max() <= 0.5 and share.mean() == pytest.approx(0.3, abs=0.01)
    assert np.corrcoef(share[:, 0], share[:, 1])[0, 1] == pytest.approx(np.exp(-0.1), abs=0.02)
    assert abs(np.corrcoef(share[:, 1], share[:, 2])[0, 1]) < 0.05
    with pytest.raises(InputError, match="between 0 and 1"):
        Scheduler(least=0.6, most=0.5)


def test_harq_halves_errors_by_chase_combining() -> None:
    threshold = thresholds_db(MCS_TABLES[1], bler_target=0.5)[10]
    rates = transmission_error_rates(np.array([threshold]), np.array([10]), MCS_TABLES[1])
    assert rates[0, 0] == pytest.approx(0.5)
    assert rates[0, 1] < 1e-6  # 3 dB more on a curve 0.2 dB wide
    assert frame_error_rate(np.array([0.1]), 3)[0] == pytest.approx(1 - 0.9**3)


def test_a_retransmission_costs_eight_slots() -> None:
    # 1.875 transmissions on the average, half a millisecond a slot at 30 kHz.
    assert retransmission_delay(np.full((1, 4), 0.5), 1)[0] == pytest.approx(0.875 * 8 * 0.5e-3)
