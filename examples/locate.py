"""Locates the phones of a reports file in a traced place, and says how sure each answer is.

After `make demo`:  python examples/locate.py
"""

from __future__ import annotations

from pathlib import Path

import raylocus


def main() -> None:
    """Prints one line a phone."""
    place = raylocus.open_place("places/etoile")
    reports = raylocus.load_reports(Path("runs/demo/reports.zarr"))
    locator = raylocus.Locator.load("runs/demo/locator.ckpt")
    for number, fix in enumerate(locator.fixes(reports, place)):
        x, y = fix.position
        print(
            f"phone {number}: ({x:.0f}, {y:.0f}) m, 90 % within {fix.radius(0.9):.0f} m, trusted: {fix.trusted}"
        )


if __name__ == "__main__":
    main()
