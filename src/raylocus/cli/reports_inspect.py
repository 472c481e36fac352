"""`raylocus reports inspect`: what a file of reports holds at a place, in numbers and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import verb_parser

if TYPE_CHECKING:
    import numpy as np

    from raylocus.network.reports.reports import Reports
    from raylocus.scenes.area import Area
    from raylocus.scenes.place import Place


def run(arguments: Sequence[str]) -> int:
    """Prints a summary of reports, and draws them where asked."""
    parser = verb_parser("reports inspect", "Say what a reports file holds at a place, and draw it.")
    parser.add_argument("reports", type=Path, help="reports file such as reports.zarr, or a Parquet table")
    parser.add_argument(
        "--place", type=Path, required=True, help="place or area folder that the reports were made in"
    )
    parser.add_argument("--out", type=Path | None, default=None, help="folder for figures")
    given = parser.parse(arguments)
    from raylocus.network.reports.report_files import checked_reports
    from raylocus.scenes.networks import open_network

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
    from raylocus.cli.console import save_picture
    from raylocus.viz.reports import distance_figure, gaps_figure, heard_figure, truth_figure

    save_picture(truth_figure(reports, place), folder / "truth.png")
    save_picture(distance_figure(reports, place.deployment), folder / "distance.png")
    save_picture(heard_figure(reports, place.deployment), folder / "heard.png")
    save_picture(gaps_figure(reports), folder / "gaps.png")
