"""`raylocus reports inspect`, `area` and `network explain`: what is done with reports that are there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import save_picture, verb_parser

if TYPE_CHECKING:
    import numpy as np

    from raylocus.network.reports.reports import Reports
    from raylocus.scenes.area import Area
    from raylocus.scenes.place import Place


def run_reports_inspect(arguments: Sequence[str]) -> int:
    """Prints a summary of reports, and draws them where asked."""
    parser = verb_parser("reports inspect", "Say what a reports file holds at a place, and draw it.")
    parser.add_argument("reports", type=Path, help="reports file such as reports.zarr, or a Parquet table")
    parser.add_argument(
        "--place", type=Path, required=True, help="place or area folder that the reports were made in"
    )
    parser.add_argument("--out", type=Path | None, default=None, help="folder for figures")
    given = parser.parse(arguments)
    from raylocus.network.reports.report_files import checked_reports
    from raylocus.scenes.area import open_network

    place, read = open_network(given.place), checked_reports(given.reports)
    print("\n".join(summary(read.reports, place)))
    for note in read.notes:
        print(f"note: {note}")
    if given.out is not None:
        _draw(read.reports, place, given.out)
    return 0


def summary(reports: Reports, place: Place | Area) -> list[str]:
    """Counts and medians of reports, in lines."""
    import numpy as np

    from raylocus.network.reports.token_cells import nearest_candidates
    from raylocus.viz.reports import gaps_of

    cells = nearest_candidates(place.deployment.candidates(reports), reports, place.deployment)
    known = cells >= 0
    heard, gaps = reports.heard_cells, gaps_of(reports)
    located = int(np.count_nonzero(~np.isnan(reports.position[:, 0])))
    lines = [
        f"{len(reports)} sequences, {len(reports.time)} reports, {len(reports.pci)} rows",
        f"reports with a true position: {located}",
        f"rows of cells of the place: {np.count_nonzero(known)}, of others: {np.count_nonzero(~known)}",
        f"cells of the place heard: {len(np.unique(cells[known]))} of {len(place.deployment.cells)}",
        f"cells in a report: {_quantiles(heard)}",
        f"time between reports / s: {_quantiles(gaps)}",
    ]
    levels = zip(reports.feature_names, reports.features.T, strict=True)
    return lines + [f"{name}: {np.count_nonzero(~np.isnan(v))} values, {_quantiles(v)}" for name, v in levels]


def _quantiles(values: np.ndarray) -> str:
    import numpy as np

    known = np.asarray(values, float)
    known = known[~np.isnan(known)]
    if not len(known):
        return "none"
    low, middle, high = np.quantile(known, (0.1, 0.5, 0.9))
    return f"10 % {low:g}, median {middle:g}, 90 % {high:g}"


def _draw(reports: Reports, place: Place | Area, folder: Path) -> None:
    """The figures; those of true positions where there are any."""
    import numpy as np

    from raylocus.viz.reports import distance_figure, gaps_figure, heard_figure, truth_figure

    if np.isfinite(reports.position[:, 0]).any():
        save_picture(truth_figure(reports, place), folder / "truth.png")
        save_picture(distance_figure(reports, place.deployment), folder / "distance.png")
    save_picture(heard_figure(reports, place.deployment), folder / "heard.png")
    save_picture(gaps_figure(reports), folder / "gaps.png")


def run_reports_area(arguments: Sequence[str]) -> int:
    """Writes an area without a map."""
    parser = verb_parser(
        "reports area", "Make an area of the sites that come with a measurement: formats oslo and powder."
    )
    parser.add_argument("file", type=Path, help="the measurement's file")
    parser.add_argument("--out", type=Path, required=True, help="folder of the area, such as areas/oslo")
    parser.add_argument(
        "--format", type=str | None, default=None, help="format; found by content if left out"
    )
    parser.add_argument("--margin", type=float, default=1500.0, help="ground around the outermost sites [m]")
    given = parser.parse(arguments)
    from raylocus.errors import InputError
    from raylocus.network.formats.import_log import FORMATS, format_of
    from raylocus.network.formats.listed_cells import CellLister, area_of_cells
    from raylocus.network.formats.log_format import LogFile

    if not given.margin > 0:
        raise InputError(f"--margin takes metres above 0, not {given.margin:g}")
    file = LogFile(given.file)
    form = format_of(file, given.format)
    if not isinstance(form, CellLister):
        able = ", ".join(each.name for each in FORMATS if isinstance(each, CellLister))
        raise InputError(
            f"files of the format {form.name} list no sites, those of {able} do; give a site list to raylocus scene "
            "build sites --sites FILE"
        )
    area = area_of_cells(form.cells(file), form.carrier, file.path, given.out, given.margin)
    width, depth = (side / 1000 for side in area.extent.size)
    sites, cells = len(area.deployment.sites), len(area.deployment.cells)
    print(f"{area.folder}: {width:.1f} × {depth:.1f} km, {sites} sites, {cells} cells, no map")
    return 0


def run_network_explain(arguments: Sequence[str]) -> int:
    """Prints one report of a reports file."""
    from rich.console import Console

    from raylocus.errors import InputError
    from raylocus.network.reports.explain import explain_trace
    from raylocus.network.reports.report_checks import check_reports
    from raylocus.network.reports.report_files import read_reports

    parser = verb_parser("network explain", "Print one report as an engineer reads a trace.")
    parser.add_argument("reports", type=Path, help="reports file: a zarr store or a .parquet table")
    parser.add_argument("--sequence", type=int, default=0, help="which UE")
    parser.add_argument("--report", type=int, default=-1, help="which of its reports; -1 is the last")
    given = parser.parse(arguments)
    reports = read_reports(given.reports).reports
    if not 0 <= given.sequence < len(reports):
        raise InputError(f"{given.reports} has no UE {given.sequence}; it has 0 to {len(reports) - 1}")
    first, end = (int(each) for each in reports.report_offsets[given.sequence : given.sequence + 2])
    count = end - first
    if not -count <= given.report < count:
        raise InputError(f"UE {given.sequence} has no report {given.report}; it has 0 to {count - 1}")
    Console().print(explain_trace(reports, first + given.report % count))
    try:
        check_reports(reports, given.reports)
    except InputError as error:
        # Whoever looks into a trace wants to see what is wrong with it.
        print(f"note: {error}", file=sys.stderr)
    return 0
