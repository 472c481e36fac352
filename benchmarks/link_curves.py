"""Fits the error curves of `propagation.link_abstraction` anew and compares the result with Sionna SYS.

Needs the package `sionna` (pip install sionna). Prints the table's numbers, the largest error of each fit
at Sionna's simulated points, and the SINR at which each CQI's transport block fails one time in ten on
106 resource blocks, by raylocus and by Sionna's PHYAbstraction with its linear interpolation.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares
from scipy.special import ndtr

from raylocus.propagation.link_abstraction import (
    CODE_BLOCK_SIZES,
    CQI_TABLE,
    TARGET_ERROR_RATE,
    TransportBlock,
    required_sinr_db,
)

#: Row of TS 38.214 Table 5.1.3.1-1 with the same modulation and rate as CQI 4 to 15.
MCS = (4, 6, 8, 11, 13, 15, 18, 20, 22, 24, 26, 28)
RESOURCE_BLOCKS = 106


def sionna_curves() -> dict[str, dict]:
    found = find_spec("sionna")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("this benchmark compares with Sionna SYS; run: pip install sionna")
    for folder in found.submodule_search_locations:
        table = Path(folder) / "sys" / "bler_tables" / "PDSCH_table1.json"
        if table.is_file():
            return json.loads(table.read_text())["category"]["1"]["index"]["1"]["MCS"]
    raise SystemExit("only sionna-rt is installed; run: pip install sionna")


def fitted(curve: dict) -> tuple[np.ndarray, float]:
    """Width at 100 bits and midpoints [dB] by least squares, and the largest error."""
    level = np.array(curve["SNR_db"])
    rates = np.array([curve["CBS"][str(size)]["BLER"] for size in CODE_BLOCK_SIZES])
    shrink = np.sqrt(100 / np.array(CODE_BLOCK_SIZES))

    def error(values: np.ndarray) -> np.ndarray:
        return (ndtr((values[1:, None] - level) / (values[0] * shrink)[:, None]) - rates).ravel()

    middle = [np.interp(0.5, rate[::-1], level[::-1]) for rate in rates]
    fits = [least_squares(error, [0.8, *np.add(middle, shift)]) for shift in (-0.5, 0.0, 0.5)]
    best = min(fits, key=lambda fit: fit.cost)
    return best.x, float(np.abs(best.fun).max())


def sionna_threshold(abstraction: object, mcs: int, block: TransportBlock) -> float:
    """SINR [dB] at which Sionna's interpolated curve gives the target error rate of the whole block."""
    import torch

    level = np.arange(-5, 30, 0.1)
    size = round(block.size / block.code_blocks)
    rate = abstraction.get_bler(
        mcs, 1, 1, size, torch.tensor(10 ** (level / 10), dtype=torch.float32)
    ).numpy()
    failing = 1 - (1 - rate) ** block.code_blocks
    return float(level[np.argmax(failing <= TARGET_ERROR_RATE)])


def main() -> None:
    curves = sionna_curves()
    from sionna.sys import PHYAbstraction

    abstraction = PHYAbstraction()
    print(
        "CQI  width  midpoints [dB] at", CODE_BLOCK_SIZES, " largest error   10 % at [dB]: raylocus  Sionna"
    )
    for entry, mcs in zip(CQI_TABLE[3:], MCS, strict=True):
        values, error = fitted(curves[str(mcs)])
        theirs = sionna_threshold(abstraction, mcs, TransportBlock(entry, RESOURCE_BLOCKS))
        print(
            f"{entry.index:3d}  {values[0]:5.2f}  {np.round(values[1:], 2)}  {error:5.3f}"
            f"  {required_sinr_db(entry, RESOURCE_BLOCKS):6.2f}  {theirs:6.2f}"
        )


if __name__ == "__main__":
    main()
