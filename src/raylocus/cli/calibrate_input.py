"""What `calibrate` commands take, a place or an area and reports of it, and what they do with an area."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import VerbParser

if TYPE_CHECKING:
    from jsonargparse import Namespace

    from raylocus.calibration.area_fit import AreaFit
    from raylocus.calibration.labelled_calibration import CalibrationLaw
    from raylocus.network.reports.reports import Reports
    from raylocus.propagation.maps.traced_place import TracedPlace
    from raylocus.scenes.area import Area
    from raylocus.scenes.place import Place


def add_input(parser: VerbParser) -> None:
    """Arguments that both verbs have."""
    parser.add_argument(
        "reports",
        type=Path | None,
        nargs="?",
        default=None,
        help="reports file such as reports.zarr, or a Parquet table",
    )
    parser.add_argument(
        "--place",
        type=Path,
        required=True,
        help="folder of the traced place, or of the area, the reports were made in",
    )
    parser.add_argument(
        "--gpx", type=Path | None, default=None, help="GPX track, in the place of a reports file"
    )
    parser.add_argument(
        "--links",
        type=Path | None,
        default=None,
        help="folder of one CSV of power a link, named PCI.csv, with --gpx",
    )
    parser.add_argument(
        "--severity",
        type=float,
        default=1.0,
        help="of the law that priors are taken from; 1: as wrong as the field",
    )
    parser.add_argument(
        "--positions",
        type=bool,
        default=True,
        help="whether the positions of the reports are used where there are any",
    )
    parser.add_argument(
        "--silence", type=bool, default=True, help="whether cells that are not reported say anything"
    )


def read_input(given: Namespace) -> tuple[Reports, TracedPlace, CalibrationLaw, list[str]]:
    """Reports, place, law and notes."""
    from raylocus.calibration.labelled_calibration import CalibrationLaw
    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.scenes.world import WorldLaw

    law = CalibrationLaw(world=WorldLaw(severity=given.severity), silence=given.silence and given.gpx is None)
    place = open_place(given.place)
    reports, notes = read_reports_of(given, place)
    return reports, place, law, notes


def read_reports_of(given: Namespace, place: Place | Area) -> tuple[Reports, list[str]]:
    """Reports of a file, or of a track and its links, with their positions unless unwanted; and notes."""
    reports, notes = _reports(given, place)
    return reports if given.positions else without_positions(reports), notes


def _reports(given: Namespace, place: Place | Area) -> tuple[Reports, list[str]]:
    from raylocus.errors import InputError
    from raylocus.network.formats.gpx_links import reports_of_links
    from raylocus.network.reports.report_checks import check_reports
    from raylocus.network.reports.report_files import checked_reports

    if (given.reports is None) == (given.gpx is None) or (given.gpx is None) != (given.links is None):
        raise InputError("give either a reports file, or a track with --gpx and its links with --links")
    if given.gpx is not None:
        files = {each.stem: each for each in sorted(given.links.glob("*.csv"))}
        named = {int(name): file for name, file in files.items() if name.isdecimal()}
        if not named:
            raise InputError(f"{given.links} holds no CSV file named by a PCI, such as 101.csv")
        left = (
            [f"files not named by a PCI, passed over: {len(files) - len(named)}"]
            if len(files) > len(named)
            else []
        )
        reports = reports_of_links(given.gpx, named, place)
        check_reports(reports, given.gpx)
        return reports, left
    read = checked_reports(given.reports)
    return read.reports, list(read.notes)


def without_positions(reports: Reports) -> Reports:
    """Reports whose positions are not known."""
    import numpy as np

    return dataclasses.replace(reports, position=np.full_like(reports.position, np.nan))


def check_area(given: Namespace) -> int:
    """Prints what tagged reports say of an area's cells and sites."""
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from raylocus.calibration.level_units import FORMULA_DEVIATION, unit_notes

    area, found, notes = _fitted(given)
    table = Table(title=f"{area.name}: reports of known position against one law of distance")
    for heading in ("PCI or identity", "site", "reports", "level / dB", "site off, east / m", "north / m"):
        table.add_column(heading, justify="right")
    moved, unsure = (each.reshape(2, -1) for each in (found.moved.value, found.moved.deviation))
    for index in np.flatnonzero(found.levels).tolist():
        cell = area.deployment.cells[index]
        level = f"{found.cell.value[index]:+.1f} ± {found.cell.deviation[index]:.1f}"
        off = [f"{moved[axis, cell.site]:+.0f} ± {unsure[axis, cell.site]:.0f}" for axis in (0, 1)]
        site = area.deployment.sites[cell.site].name
        # A planned PCI is nobody's name for a cell.
        named = cell.identity if "pci" in cell.assumed else cell.pci
        table.add_row(str(named), site, str(found.levels[index]), level, *off)
    Console().print(table)
    notes += [
        f"cells without a report of known position: {int((found.levels == 0).sum())}",
        *unit_notes(found.over_formula, FORMULA_DEVIATION, area.deployment.carriers[0]),
    ]
    print("\n".join([*_lines(found), *(f"note: {note}" for note in notes)]))
    return 0


def fit_area_into(given: Namespace) -> int:
    """Writes the calibrated area; where there is too little to go by, nothing."""
    from raylocus.calibration.calibrated_area import save_calibrated_area

    area, found, notes = _fitted(given)
    save_calibrated_area(area, found, (given.reports or given.gpx).name, given.out)
    print("\n".join([*(f"note: {note}" for note in notes), *_lines(found)]))
    print(
        f"{given.out} written: an area with these levels and sites; every estimate is in its calibration.json"
    )
    return 0


def _fitted(given: Namespace) -> tuple[Area, AreaFit, list[str]]:
    from raylocus.calibration.area_fit import fit_area
    from raylocus.scenes.area import open_area

    area = open_area(given.place)
    reports, notes = read_reports_of(given, area)
    return area, fit_area(reports, area.deployment), notes


def _lines(found: AreaFit) -> list[str]:
    """What all cells share."""
    said = [
        f"{found.reports} reports name {int(found.levels.sum())} levels of {int((found.levels > 0).sum())} cells",
        f"exponent of distance: {found.slope.value[0]:.2f} ± {found.slope.deviation[0]:.2f}",
        f"errors of levels: Student t of {found.level_scale:.1f} dB; levels of cells spread by "
        f"{found.cell.value[found.levels > 0].std():.1f} dB",
    ]
    if found.clock is not None:
        said.append(f"errors of arrivals about one clock a site: Student t of {found.arrival_scale:.0f} m")
    return said
