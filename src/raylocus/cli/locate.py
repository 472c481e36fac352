"""`raylocus locate`: fixes of the phones of a reports file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raylocus.cli.console import verb_parser

if TYPE_CHECKING:
    from rich.table import Table

    from raylocus.inference.answering import Answering
    from raylocus.inference.fix import Answers, Fix
    from raylocus.network.reports.reports import Reports

#: Confidence of the radius that is printed.
CONFIDENCE = 0.9


def run(arguments: Sequence[str]) -> int:
    """Prints a table of fixes; writes them as JSON and GeoJSON where asked."""
    parser = verb_parser(
        "locate", "Locate the phones of a reports file: one fix for each sequence's last report."
    )
    parser.add_argument(
        "reports", type=Path, help="reports file such as runs/demo/reports.zarr, or a Parquet table"
    )
    parser.add_argument(
        "--place", type=Path, required=True, help="area folder, or place folder the reports were made in"
    )
    parser.add_argument(
        "--model",
        type=Path | None,
        default=None,
        help="checkpoint: of a traced place such as runs/demo/locator.ckpt, or of raylocus train area for an area; "
        "left out, those that ship: on maps where the place or area is traced, else by sites, levels and timing",
    )
    parser.add_argument("--out", type=Path, help="JSON file for the fixes")
    parser.add_argument("--geojson", type=Path, help="GeoJSON file for the fixes and their circles")
    parser.add_argument(
        "--online",
        type=Path,
        help="file of what is learned of the levels of cells: corrects these reports by it, then learns from those of "
        "known position and from trusted fixes; made where there is none",
    )
    parser.add_argument(
        "--undo", type=int, default=0, help="so many reports of the file of --online are taken back first"
    )
    given = parser.parse(arguments)
    from rich.console import Console

    located = _located(given.reports, given.place, given.model, (given.online, given.undo))
    records = [
        fix_record(sequence, fix, hears)
        for sequence, (fix, hears) in enumerate(
            zip(located.answers.fixes, located.answers.hears, strict=True)
        )
    ]
    Console().print(_table(records))
    for note in located.notes:
        print(f"note: {note}")
    _write(given.out, records)
    if given.geojson:
        from raylocus.inference.geojson import fixes_geojson

        _write(given.geojson, fixes_geojson(located.answers.fixes, records, CONFIDENCE))
    return 0


@dataclass(frozen=True)
class _Located:
    answers: Answers
    notes: tuple[str, ...]


def _located(path: Path, folder: Path, model: Path | None, online: tuple[Path | None, int]) -> _Located:
    """The answers, and what is to be said of the reports."""
    from raylocus.errors import InputError
    from raylocus.inference.answering import answering_by
    from raylocus.network.reports.report_files import checked_reports
    from raylocus.network.reports.token_cells import known_reports
    from raylocus.scenes.networks import open_network

    state, undo = online
    if undo and state is None:
        raise InputError("--undo takes back what --online learned; name its file")
    answering = answering_by(folder, model)
    read = checked_reports(path)
    notes = known_reports(read.reports, open_network(folder).deployment).notes
    found = (
        _Located(answering.answers(read.reports), ())
        if state is None
        else _online(answering, read.reports, state, undo)
    )
    answers = found.answers
    return _Located(answers, read.notes + notes + found.notes + _deaf(answers.hears, answering.without_cells))


def _online(answering: Answering, reports: Reports, path: Path, undo: int) -> _Located:
    """The answers by levels that follow the stream; the file is written when all of it is answered."""
    from raylocus.inference.online import OnlineLocator
    from raylocus.inference.online_journal import save_journal

    locator = OnlineLocator(answering)
    found = locator.answers(reports, locator.journal(path).without_last(undo))
    save_journal(found.journal, path)
    return _Located(found.answers, (found.note, f"{path} written"))


def _deaf(hears: Sequence[bool], answer: str) -> tuple[str, ...]:
    deaf = [str(sequence) for sequence, each in enumerate(hears) if not each]
    if not deaf:
        return ()
    named = ", ".join(deaf[:20]) + (f" … ({len(deaf)})" if len(deaf) > 20 else "")
    return (f"sequences that name no cell of the place, {answer}: {named}",)


def _write(path: Path | None, content: Any) -> None:
    from raylocus.storage import written_whole

    if path is None:
        return
    with written_whole(path) as aside:
        aside.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    print(f"{path} written")


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
        "fit": round(fix.fit, 4),
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
    columns = ("sequence", "x / m", "y / m", f"{CONFIDENCE:.0%} radius / m", "ellipse / m", "fit", "trusted")
    for column in columns:
        table.add_column(column, justify="right")
    for record in records:
        ellipse = " × ".join(_number(record[f"ellipse_{axis}_m"], 0) for axis in ("major", "minor"))
        position = (_number(record["x_m"], 1), _number(record["y_m"], 1), _number(record["radius_m"], 0))
        trusted = "yes" if record["trusted"] else "no"
        table.add_row(str(record["sequence"]), *position, ellipse, _number(record["fit"], 2), trusted)
    return table
