"""`raylocus locate`: fixes of the phones of a reports file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raylocus.cli.parsing import verb_parser

if TYPE_CHECKING:
    from rich.table import Table

    from raylocus.inference.fix import Fix

#: Confidence of the radius that is printed.
CONFIDENCE = 0.9


def run(arguments: Sequence[str]) -> int:
    """Prints a table of fixes; writes them as JSON where asked."""
    parser = verb_parser(
        "locate", "Locate the phones of a reports file: one fix for each sequence's last report."
    )
    parser.add_argument("reports", type=Path, help="reports file, such as runs/demo/reports.zarr")
    parser.add_argument(
        "--place", type=Path, required=True, help="traced place folder the reports were made in"
    )
    parser.add_argument(
        "--model", type=Path, required=True, help="checkpoint, such as runs/demo/locator.ckpt"
    )
    parser.add_argument("--out", type=Path, help="JSON file for the fixes")
    given = parser.parse(arguments)
    from rich.console import Console

    from raylocus.inference.locator import Locator
    from raylocus.network.report_store import load_reports
    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.storage import written_whole

    locator = Locator.load(given.model)
    fixes = locator.fixes(load_reports(given.reports), open_place(given.place))
    records = [fix_record(sequence, fix) for sequence, fix in enumerate(fixes)]
    Console().print(_table(records))
    if given.out:
        with written_whole(given.out) as aside:
            aside.write_text(json.dumps(records, indent=1) + "\n")
        print(f"{given.out} written")
    return 0


def fix_record(sequence: int, fix: Fix) -> dict[str, Any]:
    """A fix as JSON: metres in the place's frame, compass degrees, latitude and longitude where known."""
    from raylocus.geo import compass_from_azimuth

    latitude, longitude = fix.latlon or (None, None)
    ellipse = fix.ellipse
    return {
        "sequence": sequence,
        "x_m": round(float(fix.mean[0]), 2),
        "y_m": round(float(fix.mean[1]), 2),
        "latitude": latitude,
        "longitude": longitude,
        "radius_m": round(fix.radius(CONFIDENCE), 2),
        "confidence": CONFIDENCE,
        "ellipse_major_m": round(ellipse.major, 2),
        "ellipse_minor_m": round(ellipse.minor, 2),
        # An axis has two ends; the one in [0°, 180°) is named.
        "ellipse_compass_degrees": round(compass_from_azimuth(ellipse.azimuth) % 180, 1),
        "trusted": bool(fix.trusted),
    }


def _table(records: list[dict[str, Any]]) -> Table:
    from rich.table import Table

    table = Table(title="fixes")
    columns = ("sequence", "x / m", "y / m", f"{CONFIDENCE:.0%} radius / m", "ellipse / m", "trusted")
    for column in columns:
        table.add_column(column, justify="right")
    for record in records:
        ellipse = f"{record['ellipse_major_m']:.0f} × {record['ellipse_minor_m']:.0f}"
        position = (f"{record['x_m']:.1f}", f"{record['y_m']:.1f}", f"{record['radius_m']:.0f}")
        table.add_row(str(record["sequence"]), *position, ellipse, "yes" if record["trusted"] else "no")
    return table
