"""Locates the phones of a reports file in a traced place, and says how sure each answer is.

After `make demo`:  python examples/locate.py
With other files:   python examples/locate.py places/NAME reports.zarr locator.ckpt
"""

from __future__ import annotations

import sys
from pathlib import Path

import raylocus

DEMO = ["places/etoile", "runs/demo/reports.zarr", "runs/demo/locator.ckpt"]


def main(place: str, reports: str, model: str) -> None:
    """Prints one line a phone."""
    fixes = raylocus.Locator.load(model).fixes(
        raylocus.load_reports(Path(reports)), raylocus.open_place(place)
    )
    for number, fix in enumerate(fixes):
        x, y = fix.position
        print(
            f"phone {number}: ({x:.0f}, {y:.0f}) m, 90 % within {fix.radius(0.9):.0f} m, trusted: {fix.trusted}"
        )


if __name__ == "__main__":
    main(*(sys.argv[1:] or DEMO))
