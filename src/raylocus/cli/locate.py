"""`raylocus locate`: the phones of a reports file, their fixes as tables and files."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raylocus.cli.console import VerbParser, verb_parser

if TYPE_CHECKING:
    from jsonargparse import Namespace
    from rich.table import Table

    from raylocus.inference.answering import Answering
    from raylocus.inference.explanation import CellResidual
    from raylocus.inference.fix import Answers, Fix
    from raylocus.network.reports.reports import Reports


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:.{decimals}f}"


def fix_table(records: Sequence[dict[str, Any]], confidence: float) -> Table:
    """A row a fix, of its record.

    Args:
        records: see `locate.fix_record`.
        confidence: of their radii.
    """
    from rich.table import Table

    table = Table(title="fixes")
    columns = ("sequence", "x / m", "y / m", f"{confidence:.0%} radius / m", "ellipse / m", "fit", "trusted")
    for column in columns:
        table.add_column(column, justify="right")
    for record in records:
        ellipse = " × ".join(_number(record[f"ellipse_{axis}_m"], 0) for axis in ("major", "minor"))
        position = (_number(record["x_m"], 1), _number(record["y_m"], 1), _number(record["radius_m"], 0))
        trusted = "yes" if record["trusted"] else "no"
        table.add_row(str(record["sequence"]), *position, ellipse, _number(record["fit"], 2), trusted)
    return table


def residual_table(residuals: Sequence[CellResidual]) -> Table:
    """A row a feature of a cell, or of a beam."""
    from rich.table import Table

    table = Table(title="measured and expected at the fixes")
    for column in ("sequence", "PCI", "beam", "feature", "measured", "expected", "deviations"):
        table.add_column(column, justify="right")
    for each in residuals:
        beam = "–" if each.beam is None else str(each.beam)
        compared = (f"{each.expected:.2f} {each.unit}", f"{each.deviations:+.1f}")
        if math.isnan(each.expected):
            compared = ("no path", "–")
        table.add_row(
            str(each.sequence), str(each.pci), beam, each.feature, f"{each.measured:.2f}", *compared
        )
    return table


#: Confidence of the radius that is printed.
CONFIDENCE = 0.9
#: What is said where no fix has a fit.
UNMAPPED = "no map is traced here that reports could fit or not: located by sites, levels and timing"


def run_locate(arguments: Sequence[str]) -> int:
    """Prints a table of fixes; writes them as JSON and GeoJSON where asked."""
    given = _parser().parse(arguments)
    from rich.console import Console

    located = _located(given)
    records = [
        fix_record(sequence, fix, hears) | ({} if located.judges_maps else {"fit": None})
        for sequence, (fix, hears) in enumerate(
            zip(located.answers.fixes, located.answers.hears, strict=True)
        )
    ]
    Console().print(fix_table(records, CONFIDENCE))
    if given.explain:
        Console().print(residual_table(located.residuals))
    for note in located.notes:
        print(f"note: {note}")
    _write(given.out, records)
    if given.geojson:
        from raylocus.inference.fix import fixes_geojson

        _write(given.geojson, fixes_geojson(located.answers.fixes, records, CONFIDENCE))
    return 0


def _parser() -> VerbParser:
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
        "--refine",
        choices=["bilinear", "images", "path_solver"],
        help="move each estimate by gradient to where posterior and measurements agree best: by R, by the atlas's "
        "paths, or by rays traced at every step (seconds a fix); in a traced place",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="print what was measured of each cell and what the map has at the fix; in a traced place",
    )
    parser.add_argument(
        "--online",
        type=Path,
        help="file of what is learned of the levels of cells: corrects these reports by it, then learns from those of "
        "known position and from trusted fixes; made where there is none",
    )
    parser.add_argument(
        "--undo", type=int, default=0, help="so many reports of the file of --online are taken back first"
    )
    return parser


@dataclass(frozen=True)
class _Located:
    answers: Answers
    notes: tuple[str, ...]
    residuals: list[CellResidual]
    """What the fixes rest on, where that is asked for."""
    judges_maps: bool
    """Whether there is a map that reports may fit."""


def _located(given: Namespace) -> _Located:
    """The answers, and what is to be said of the reports."""
    from raylocus.errors import InputError
    from raylocus.inference.answering import answering_by, on_maps
    from raylocus.network.reports.report_files import checked_reports
    from raylocus.network.reports.token_cells import known_reports

    if given.undo and given.online is None:
        raise InputError("--undo takes back what --online learned; name its file")
    answering = answering_by(given.place, given.model)
    if given.refine:
        answering = on_maps(answering, "--refine").refined(given.refine)
    read = checked_reports(given.reports)
    notes = read.notes + known_reports(read.reports, answering.deployment).notes
    answers, learned = _answers(answering, read.reports, given.online, given.undo)
    residuals = (
        on_maps(answering, "--explain").residuals(read.reports, answers.fixes) if given.explain else []
    )
    notes += (
        learned
        + _deaf(answers.hears, answering.without_cells)
        + (() if answering.judges_maps else (UNMAPPED,))
    )
    return _Located(answers, notes, residuals, answering.judges_maps)


def _answers(
    answering: Answering, reports: Reports, online: Path | None, undo: int
) -> tuple[Answers, tuple[str, ...]]:
    """The answers, where asked for by levels that follow the stream: that file is written when all is answered."""
    if online is None:
        return answering.answers(reports), ()
    from raylocus.inference.online import OnlineLocator
    from raylocus.inference.online_journal import save_journal

    locator = OnlineLocator(answering)
    found = locator.answers(reports, locator.journal(online).without_last(undo))
    save_journal(found.journal, online)
    return found.answers, (found.note, f"{online} written")


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
