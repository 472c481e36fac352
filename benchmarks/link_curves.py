"""The error curves of `propagation.link_abstraction` compared with Sionna SYS, whose points they were fitted to.

Needs `pip install sionna`. For CQI 4 to 15: the largest difference of a fitted curve from Sionna's points at any
code block size, and the SINR at which the transport block that fills the carrier fails once in ten, by these
curves and by Sionna's `PHYAbstraction`, which joins the points by straight lines. CQI 1 to 3 have no curve there.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from raylocus.propagation.link_abstraction.link_quality import DEFAULT_CQI_TABLE, TransportBlock, curves
from raylocus.propagation.link_abstraction.modulation_tables import CQI_TABLES

if TYPE_CHECKING:
    from sionna.sys import PHYAbstraction

#: Row of TS 38.214 Table 5.1.3.1-1 with the same modulation and rate as CQI 4 to 15.
MCS = (4, 6, 8, 11, 13, 15, 18, 20, 22, 24, 26, 28)
RESOURCE_BLOCKS = 106
CQI_TABLE = CQI_TABLES[DEFAULT_CQI_TABLE]


def sionna_curves() -> dict[str, dict]:
    found = find_spec("sionna")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("this benchmark compares with Sionna SYS; run: pip install sionna")
    for folder in found.submodule_search_locations:
        table = Path(folder) / "sys" / "bler_tables" / "PDSCH_table1.json"
        if table.is_file():
            return json.loads(table.read_text())["category"]["1"]["index"]["1"]["MCS"]
    raise SystemExit("only sionna-rt is installed; run: pip install sionna")


def largest_error(curve: dict, row: int) -> float:
    """Largest difference of the error rate from Sionna's points."""
    level = np.array(curve["SNR_db"])
    errors = []
    for size, points in curve["CBS"].items():
        middle, width = curves(CQI_TABLE, int(size))
        errors.append(np.abs(ndtr((middle[row] - level) / width[row]) - np.array(points["BLER"])).max())
    return float(np.max(errors))


def sionna_threshold(abstraction: PHYAbstraction, mcs: int, block: TransportBlock) -> float:
    """SINR [dB] at which Sionna's interpolated curve gives the target error rate of the whole block."""
    import torch

    level = np.arange(-5, 30, 0.1)
    size = round(block.size / block.code_blocks)
    linear = torch.tensor(10 ** (level / 10), dtype=torch.float32)
    rate = abstraction.get_bler(mcs, 1, 1, size, linear).numpy()
    failing = 1 - (1 - rate) ** block.code_blocks
    return float(level[np.argmax(failing <= CQI_TABLE.bler_target)])


def main() -> None:
    stored = sionna_curves()
    from sionna.sys import PHYAbstraction

    abstraction = PHYAbstraction()
    print("CQI  largest error   10 % at [dB]: raylocus  Sionna")
    for row, mcs in enumerate(MCS, start=3):
        block = TransportBlock(CQI_TABLE, row, RESOURCE_BLOCKS)
        theirs = sionna_threshold(abstraction, mcs, block)
        error = largest_error(stored[str(mcs)], row)
        print(f"{CQI_TABLE.first + row:3d}  {error:13.3f}  {block.required_sinr_db:22.1f}  {theirs:6.1f}")


if __name__ == "__main__":
    main()
