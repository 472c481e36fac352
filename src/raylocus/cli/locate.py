"""`raylocus locate`: fixes of the phones of a reports file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raylocus.cli.console import verb_parser

if TYPE_CHECKING:
    from rich.table import Table

    from raylocus.inference.fix import Fix
    from raylocus.network.reports.known_cells import KnownReports
    from raylocus.scenes.sites import Deployment

#: Confidence of the radius that is printed.
CONFIDENCE = 0.9


def run(arguments: Sequence[str]) -> int:
    """Prints a table of fixes; writes them as JSON where asked."""
    parser = verb_parser(
        "locate", "Locate the phones of a reports file: one fix for each sequence's last report."
    )
    parser.add_argument(
        "reports", type=Path, help="reports file such as runs/demo/reports.zarr, or a Parquet table"
    )
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
    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.storage import written_whole

    locator, place = Locator.load(given.model), open_place(given.place)
    known, notes = reports_at(given.reports, place.deployment)
    fixes = locator.fixes(known.reports, place)
    records = [
        fix_record(sequence, fix, bool(hears))
        for sequence, (fix, hears) in enumerate(zip(fixes, known.hears, strict=True))
    ]
    Console().print(_table(records))
    for note in notes:
        print(f"note: {note}")
    if given.out:
        with written_whole(given.out) as aside:
            aside.write_text(json.dumps(records, indent=1, allow_nan=False) + "\n")
        print(f"{given.out} written")
    return 0


def reports_at(path: Path, deployment: Deployment) -> tuple[KnownReports, tuple[str, ...]]:
    """The reports of a file as the place knows them, and what is to be said of them."""
    from raylocus.network.reports.known_cells import known_reports
    from raylocus.network.reports.report_checks import check_reports, repaired_reports
    from raylocus.network.reports.report_files import read_reports

    table = read_reports(path)
    check_reports(table.reports, path)
    repaired = repaired_reports(table.reports)
    known = known_reports(repaired.reports, deployment)
    deaf = [str(sequence) for sequence, hears in enumerate(known.hears) if not hears]
    unheard = (f"sequences that name no cell of the place, fixed by the map alone: {', '.join(deaf)}",)
    return known, table.notes + repaired.notes + known.notes + (unheard if deaf else ())


def fix_record(sequence: int, fix: Fix, hears: bool = True) -> dict[str, Any]:
    """A fix as JSON: metres in the place's frame, compass degrees, latitude and longitude where known.

    Args:
        sequence: its number.
        fix: the fix; what is not finite becomes null.
        hears: whether the reports name a cell of the place; a fix without one is never trusted.
    """
    from raylocus.geo import compass_from_azimuth

    latitude, longitude = fix.latlon or (None, None)
    ellipse = fix.ellipse
    record = {
        "sequence": sequence,
        "x_m": round(float(fix.position[0]), 2),
        "y_m": round(float(fix.position[1]), 2),
        "latitude": latitude,
        "longitude": longitude,
        "radius_m": round(fix.radius(CONFIDENCE), 2),
        "confidence": CONFIDENCE,
        "ellipse_major_m": round(ellipse.major, 2),
        "ellipse_minor_m": round(ellipse.minor, 2),
        # An axis has two ends; the one in [0°, 180°) is named.
        "ellipse_compass_degrees": round(compass_from_azimuth(ellipse.azimuth) % 180, 1),
        "trusted": bool(fix.trusted) and hears,
    }
    return {name: value if _is_json(value) else None for name, value in record.items()}


def _is_json(value: int | float | None) -> bool:
    return value is None or math.isfinite(value)


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:.{decimals}f}"


def _table(records: list[dict[str, Any]]) -> Table:
    from rich.table import Table

    table = Table(title="fixes")
    columns = ("sequence", "x / m", "y / m", f"{CONFIDENCE:.0%} radius / m", "ellipse / m", "trusted")
    for column in columns:
        table.add_column(column, justify="right")
    for record in records:
        ellipse = " × ".join(_number(record[f"ellipse_{axis}_m"], 0) for axis in ("major", "minor"))
        position = (_number(record["x_m"], 1), _number(record["y_m"], 1), _number(record["radius_m"], 0))
        table.add_row(str(record["sequence"]), *position, ellipse, "yes" if record["trusted"] else "no")
    return table
