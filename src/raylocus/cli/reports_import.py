"""`raylocus reports import`: reports out of a phone's or a drive test's log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import verb_parser

if TYPE_CHECKING:
    from raylocus.network.formats.import_log import ImportedLog
    from raylocus.network.formats.log_format import LogFile, LogFormat

#: How cells were found in the place, in the order in which it is printed.
FOUND = (
    ("IDENTITY", "by identity"),
    ("CHANNEL", "by channel and PCI"),
    ("PCI", "by PCI alone"),
    ("UNKNOWN", "unknown to the place, kept"),
)


def run_reports_import(arguments: Sequence[str]) -> int:
    """Writes a reports file of a log, and says what became of every row."""
    parser = verb_parser(
        "reports import", "Make a reports file of a log; docs/logs.md describes the formats."
    )
    parser.add_argument("file", type=Path, help="log of G-NetTrack, Network Survey, Tower Collector …")
    parser.add_argument(
        "--place", type=Path, required=True, help="place or area folder that the log was made in"
    )
    parser.add_argument("--out", type=Path, required=True, help="reports file, such as reports.zarr")
    parser.add_argument(
        "--format", type=str | None, default=None, help="format; found by content if left out"
    )
    parser.add_argument("--columns", type=Path | None, default=None,
                        help="column map in YAML, for a CSV or Parquet table of any other tool")  # fmt: skip
    parser.add_argument("--device", type=str | None, default=None, help="only devices whose name begins so")
    parser.add_argument("--gap", type=float, default=60.0,
                        help="longest time between two reports of one sequence [s]")  # fmt: skip
    given = parser.parse(arguments)
    from raylocus.network.formats.import_log import import_log
    from raylocus.network.formats.log_format import LogFile
    from raylocus.network.reports.report_files import save_reports
    from raylocus.provenance import Provenance, hash_file
    from raylocus.scenes.area import open_network

    place, file = open_network(given.place), LogFile(given.file)
    _require_gap(given.gap)
    form = _format(file, given.format, given.columns)
    log = import_log(file, form, place, given.gap, given.device)
    settings = {
        "log": given.file.name,
        "format": form.name,
        "place": place.name,
        "gap": given.gap,
        "device": given.device,
    }
    save_reports(
        log.reports, given.out, Provenance.collect(settings, None, {given.file.name: hash_file(given.file)})
    )
    print("\n".join([f"{given.file}: {form.writer}", *account(log), f"{given.out} written"]))
    return 0


def _require_gap(gap: float) -> None:
    from raylocus.errors import InputError

    if not gap > 0:
        raise InputError(f"--gap takes seconds above 0, not {gap:g}")


def _format(file: LogFile, name: str | None, columns: Path | None) -> LogFormat:
    from raylocus.errors import InputError
    from raylocus.network.formats.column_map import MappedTable, load_column_map
    from raylocus.network.formats.import_log import format_of

    if columns is None:
        return format_of(file, name)
    if name is not None:
        raise InputError("--columns reads a table of any tool and --format a known one; give one of them")
    table = MappedTable(load_column_map(columns))
    if not table.recognises(file):
        raise InputError(
            f"{file.path} is no CSV or Parquet table, which a column map needs; export it as one"
        )
    return table


def account(log: ImportedLog) -> list[str]:
    """What became of a log's rows, in lines."""
    from raylocus.network.formats.import_log import Known

    lines = [f"rows read: {log.rows}", f"rows used: {log.used}"]
    lines += [f"rows not used, {reason}: {count}" for reason, count in (+log.refused).most_common()]
    found = ", ".join(f"{words} {log.known[Known[name]]}" for name, words in FOUND)
    lines.append(f"rows by how their cell was found: {found}")
    lines += [f"cells of the place that were heard: {log.cells}"]
    lines += [f"note: {what}: {count}" for what, count in log.notes.most_common()]
    lines.append(f"{len(log.reports)} sequences, {len(log.reports.time)} reports, {_span(log)}")
    return lines


def _span(log: ImportedLog) -> str:
    if log.last == 0:
        return "no times in the log, so that each scan is a sequence"
    first, last = (
        datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S") for time in (log.first, log.last)
    )
    return f"from {first} to {last} by the log's clock"
