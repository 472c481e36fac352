"""Effective SINR and error curves: from SINR on resource elements to block error rate.

EESM (effective SINR) and BLER curves are those of Sionna SYS 2.2: its PDSCH curves (AWGN, LDPC) are
fitted by BLER = Q((SNR − m) / w), see `link_curves.json`. Where it has no curve (the lowest rates, the
modulations above) m follows from the nearest one: at the same gap to Shannon's capacity, and below code
rate 1/5, the lowest of base graph 2 (TS 38.212 §5.3.2), by repetition, m falls with 10·log10 of the rate.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri

from raylocus.propagation.link_abstraction.modulation_tables import MCS_TABLES, ModulationTable, table_of

#: Code block size [bit] that CQI and MCS thresholds are quoted at unless said otherwise.
CODE_BLOCK_BITS = 2000
#: Lowest rate of the LDPC mother codes.
MOTHER_RATE = 0.2
#: β of EESM at modulation and coding of MCS table 1 (Sionna SYS 2.2, esm_params; provenance not documented there).
EESM_BETA = (
    *(1.60, 1.61, 1.63, 1.65, 1.67, 1.70, 1.73, 1.76, 1.79, 1.82),
    *(3.97, 4.27, 4.71, 5.16, 5.66, 6.16, 6.50),
    *(9.95, 10.97, 12.92, 14.96, 17.06, 19.33, 21.85, 24.51, 27.14, 29.94, 32.05, 34.28),
)
#: The same for the 256QAM rows of MCS table 2.
EESM_BETA_256QAM = (56.48, 65.0, 78.58, 92.48, 106.27, 118.74, 126.36, 132.54)


def effective_sinr(
    sinr: Float[np.ndarray, "*batch resource"], beta: float | Float[np.ndarray, "*batch"]
) -> Float[np.ndarray, "*batch"]:
    """EESM: γ_eff = −β·ln(mean exp(−γ/β)) of linear SINRs, computed about the least one for precision."""
    scale = np.asarray(beta)[..., None]
    least = sinr.min(axis=-1, keepdims=True)
    return least[..., 0] - scale[..., 0] * np.log(np.mean(np.exp(-(sinr - least) / scale), axis=-1))


def eesm_beta(table: ModulationTable) -> Float[np.ndarray, " row"]:
    """β of every row of a table, interpolated over Q_m·R: MCS table 1 up to 64QAM, table 2 above."""
    up_to_64qam = np.interp(table.efficiency, MCS_TABLES[1].efficiency, EESM_BETA)
    above = np.interp(table.efficiency, MCS_TABLES[2].efficiency[-8:], EESM_BETA_256QAM)
    return np.where(table.order <= 6, up_to_64qam, above)


@lru_cache
def curves(table: ModulationTable, code_block_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Midpoint and width [dB] of the BLER curve of every row of a table; rising with the efficiency."""
    rate, midpoint, width = _known_curves(code_block_bits)
    middle, spread = np.empty(len(table.rows)), np.empty(len(table.rows))
    for row, (order, scaled) in enumerate(table.rows):
        same = np.flatnonzero(rate[:, 0] == order)
        own = same[rate[same, 1].argsort(kind="stable")] if len(same) else np.arange(len(rate))
        nearest = own[np.abs(rate[own, 1] - scaled / 1024).argmin()]
        middle[row] = midpoint[nearest] + _shift(order * scaled / 1024, order, *rate[nearest])
        spread[row] = width[nearest]
    return np.maximum.accumulate(middle), spread


def block_error_rate(
    sinr_db: Float[np.ndarray, "*batch"], table: ModulationTable, code_block_bits: int = CODE_BLOCK_BITS
) -> Float[np.ndarray, "*batch row"]:
    """BLER of every row of a table at an effective SINR [dB]."""
    middle, spread = curves(table, code_block_bits)
    return ndtr((middle - np.asarray(sinr_db)[..., None]) / spread)


def thresholds_db(
    table: ModulationTable, bler_target: float | None = None, code_block_bits: int = CODE_BLOCK_BITS
) -> Float[np.ndarray, " row"]:
    """Least effective SINR [dB] at which each row of a table keeps the BLER target (the table's own by default)."""
    middle, spread = curves(table, code_block_bits)
    return np.maximum.accumulate(middle - spread * ndtri(bler_target or table.bler_target))


@lru_cache
def _known_curves(code_block_bits: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(Q_m, R), midpoint and width of every fitted curve at a code block size (log-interpolated, clamped)."""
    text = resources.files("raylocus.propagation.link_abstraction").joinpath("link_curves.json").read_text()
    document = json.loads(text)
    sizes = np.log(document["code_block_bits"])
    found: list[tuple[float, float, float, float]] = []
    for number in (1, 2, 3):
        table = table_of(MCS_TABLES, number)
        for index, curve in document["tables"][str(number)].items():
            middle, width = (
                float(np.interp(np.log(code_block_bits), sizes, curve[name]))
                for name in ("midpoint_db", "width_db")
            )
            found.append((float(table.order[int(index)]), float(table.rate[int(index)]), middle, width))
    rows = np.array(found)
    return rows[:, :2], rows[:, 2], rows[:, 3]


def _shift(efficiency: float, order: int, known_order: float, known_rate: float) -> float:
    """How much further up [dB] a rate is than a known curve, at an equal gap to capacity."""

    def capacity_db(bits: float) -> float:
        floor = MOTHER_RATE * order
        return 10 * np.log10(2 ** max(bits, floor) - 1) + 10 * np.log10(min(bits / floor, 1.0))

    return float(capacity_db(efficiency) - capacity_db(known_order * known_rate))
