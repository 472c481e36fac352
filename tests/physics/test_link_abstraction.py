"""Link abstraction against the tables of 38.214 and the curves and functions of Sionna SYS."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from raylocus.propagation.link_abstraction.link_quality import (
    DEFAULT_CQI_TABLE,
    TransportBlock,
    curves,
    eesm_beta,
    effective_sinr,
    link_quality,
)
from raylocus.propagation.link_abstraction.modulation_tables import CQI_TABLES

#: TS 38.214 Table 5.2.2.1-2, spectral efficiency of CQI 1 to 15.
EFFICIENCY = (0.1523, 0.2344, 0.3770, 0.6016, 0.8770, 1.1758, 1.4766, 1.9141, 2.4063, 2.7305, 3.3223, 3.9023,
              4.5234, 5.1152, 5.5547)  # fmt: skip
#: Row of TS 38.214 Table 5.1.3.1-1 with the same modulation and rate as CQI 4 to 15.
MCS = (4, 6, 8, 11, 13, 15, 18, 20, 22, 24, 26, 28)


CQI_TABLE = CQI_TABLES[DEFAULT_CQI_TABLE]


def sionna_folder() -> Path:
    found = find_spec("sionna")
    for folder in found.submodule_search_locations or () if found else ():
        if (Path(folder) / "sys" / "bler_tables").is_dir():
            return Path(folder) / "sys"
    pytest.skip("the package sionna, whose curves are compared, is not installed; run: pip install sionna")


def block(index: int, resource_blocks: int = 106) -> TransportBlock:
    return TransportBlock(CQI_TABLE, index - CQI_TABLE.first, resource_blocks)


@pytest.mark.parametrize("index", range(1, 16))
def test_cqi_table_is_38_214(index: int) -> None:
    assert CQI_TABLE.efficiency[index - 1] == pytest.approx(EFFICIENCY[index - 1], abs=1e-4)


def test_thresholds_rise_and_stay_above_capacity() -> None:
    level = np.array([block(index).required_sinr_db for index in range(1, 16)])
    assert np.all(np.diff(level) > 1.0)
    capacity = 10 * np.log10(2 ** np.array(EFFICIENCY) - 1)
    assert np.all(level > capacity + 0.3)
    assert np.all(level < capacity + 4.0)


@pytest.mark.parametrize("index", range(1, 16))
def test_cqi_changes_at_its_threshold(index: int) -> None:
    level = block(index).required_sinr_db
    linear = 10 ** ((level + np.array([[-0.02], [0.02]])) / 10)
    below, above = link_quality(linear, 106, 1).cqi
    assert (below, above) == (index - 1, index)
    assert block(index).error_rate(np.array([level]))[0] == pytest.approx(0.1)


def test_curves_pass_through_sionnas_points() -> None:
    stored = json.loads((sionna_folder() / "bler_tables" / "PDSCH_table1.json").read_text())
    table = stored["category"]["1"]["index"]["1"]["MCS"]
    for row, mcs in enumerate(MCS, start=3):
        curve = table[str(mcs)]
        for size in (24, 100, 500, 1000, 2000):
            middle, width = curves(CQI_TABLE, size)
            ours = ndtr((middle[row] - np.array(curve["SNR_db"])) / width[row])
            np.testing.assert_allclose(ours, curve["CBS"][str(size)]["BLER"], atol=0.04)


def test_betas_are_sionnas() -> None:
    stored = json.loads((sionna_folder() / "esm_params" / "eesm_beta_table.json").read_text())
    expected = [stored["index"]["1"][mcs] for mcs in MCS]
    np.testing.assert_allclose(eesm_beta(CQI_TABLE)[3:], expected, atol=0.005)


def test_code_blocks_are_those_of_38_212() -> None:
    # 106 blocks of CQI 15: 77 721 bits and CRC need ten code blocks of base graph 1.
    assert block(15).code_blocks == 10
    # CQI 1 has a rate below 0.25: base graph 2, at most 3840 bits.
    assert block(1).code_blocks == 1
    assert block(1, 273).code_blocks == 2


@given(level=st.floats(-5, 25), beta=st.floats(1, 30))
def test_effective_sinr_of_a_flat_channel_is_itself(level: float, beta: float) -> None:
    linear = np.full((1, 27), 10 ** (level / 10))
    assert effective_sinr(linear, beta)[0] == pytest.approx(linear[0, 0])


@given(spread=st.floats(0.1, 15), beta=st.floats(1, 30))
def test_effective_sinr_lies_between_least_and_mean(spread: float, beta: float) -> None:
    linear = 10 ** (np.random.default_rng(0).normal(10, spread, (4, 27)) / 10)
    effective = effective_sinr(linear, beta)
    assert np.all(effective <= linear.mean(axis=1) * (1 + 1e-9))
    assert np.all(effective >= linear.min(axis=1) * (1 - 1e-9))


def test_a_fading_carrier_never_carries_more_than_a_flat_one() -> None:
    generator = np.random.default_rng(1)
    fading = generator.exponential(size=(200, 27))
    level = 10 ** (generator.uniform(-5, 25, (200, 1)) / 10)
    faded = link_quality(level * fading / fading.mean(axis=1, keepdims=True), 106, 1)
    flat = link_quality(np.broadcast_to(level, fading.shape), 106, 1)
    assert np.all(faded.cqi <= flat.cqi)
    assert faded.cqi.mean() < flat.cqi.mean() - 0.5
