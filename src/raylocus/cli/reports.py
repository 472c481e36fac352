"""`raylocus reports inspect`, `area`, `evaluate` and `network explain`: what is done with reports that are there."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import save_picture, verb_parser

if TYPE_CHECKING:
    import numpy as np

    from raylocus.evaluation.area_scores import AreaScores
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


#: Reports of a sequence from which it is worth asking along it.
MANY = 5


def run_reports_evaluate(arguments: Sequence[str]) -> int:
    """Prints percentiles of the error, how often regions hold the truth, and groups."""
    parser = verb_parser(
        "reports evaluate",
        "Locate reports whose true positions are known, next to serving site, strongest cell and RSRP centroid. "
        "Positions are used to score, never to locate.",
    )
    parser.add_argument(
        "reports", nargs="+", type=Path, help="reports files; each is one stream with clocks of its own"
    )
    parser.add_argument("--place", type=Path, required=True, help="area or place folder they were made in")
    parser.add_argument(
        "--model",
        type=Path | None,
        default=None,
        help="checkpoint as in raylocus locate; left out, those that ship: on maps where the place "
        "or area is traced, else by sites, levels and timing",
    )
    parser.add_argument("--without", nargs="+", default=[],
                        help="features to leave out, such as time_of_arrival timing_advance")  # fmt: skip
    parser.add_argument("--every", type=float | None, default=None,
                        help="ask about phones every so many seconds, by reports so far; else by the last")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="seed of the intervals' draws")
    parser.add_argument("--out", type=Path | None, default=None, help="JSON file for the scores")
    given = parser.parse(arguments)
    import numpy as np

    from raylocus.evaluation.area_scores import AreaScores, score_in_area
    from raylocus.inference.answering import answering_by
    from raylocus.network.reports.questions import asked_every
    from raylocus.network.reports.report_files import checked_reports
    from raylocus.network.reports.reports import without_features

    answering = answering_by(given.place, given.model)
    streams = [
        without_features(checked_reports(path).reports, tuple(given.without)) for path in given.reports
    ]
    moments = sum(len(each.time) for each in streams)
    if given.every is not None:
        streams = [asked_every(each, given.every) for each in streams]
    scores = AreaScores.concatenate(
        [score_in_area(answering.method, each, answering.deployment) for each in streams]
    )
    _print(scores, np.random.default_rng(given.seed), sum(map(len, streams)))
    if given.every is None and moments > MANY * sum(map(len, streams)):
        print(
            f"note: {moments} reports are asked about at the end of their sequences only; --every 10 asks along them"
        )
    if given.out is not None:
        _write(scores, given.out)
    return 0


def _print(scores: AreaScores, generator: np.random.Generator, sequences: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from raylocus.evaluation.area_scores import group_rows, honesty_lines, percentile_rows
    from raylocus.evaluation.evaluation import PERCENTILES

    errors = Table(title="error / m (90 % intervals, ground in blocks)")
    groups = Table(title=f"{next(iter(scores.errors))} by heard cells")
    for column in ("method", *(f"p{each}" for each in PERCENTILES)):
        errors.add_column(column, justify="right")
    for column in ("heard", "number", "p50", "p90", "best of the others: p50, p90", "90 % region holds"):
        groups.add_column(column, justify="right")
    for row in percentile_rows(scores, generator):
        errors.add_row(*row)
    for row in group_rows(scores):
        groups.add_row(*row)
    console = Console(width=130)
    console.print(errors, groups)
    for line in honesty_lines(scores, generator):
        print(line)
    print(f"{len(scores.heard)} of {sequences} sequences have a known cell and a true position")


def _write(scores: AreaScores, path: Path) -> None:
    from raylocus.storage import written_whole

    record = {
        "errors": {name: each.round(2).tolist() for name, each in scores.errors.items()},
        "log_density": scores.log_density.round(4).tolist(),
        "denser": scores.denser.round(5).tolist(),
        "tied": scores.tied.round(5).tolist(),
        "heard": scores.heard.astype(int).tolist(),
    }
    with written_whole(path) as aside:
        aside.write_text(json.dumps(record) + "\n")
    print(f"{path} written")


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
