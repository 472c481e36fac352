"""`raylocus calibrate` for an area without maps: levels by formula, positions of sites, clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raylocus.cli.calibrate_input import read_reports_of

if TYPE_CHECKING:
    from jsonargparse import Namespace

    from raylocus.calibration.area_fit import AreaFit
    from raylocus.scenes.area import Area


def check_area(given: Namespace) -> int:
    """Prints what tagged reports say of an area's cells and sites."""
    from rich.console import Console
    from rich.table import Table

    area, found, notes = _fitted(given)
    table = Table(title=f"{area.name}: reports of known position against one law of distance")
    for heading in ("PCI", "site", "reports", "level / dB", "site off, east / m", "north / m"):
        table.add_column(heading, justify="right")
    moved, unsure = (each.reshape(2, -1) for each in (found.moved.value, found.moved.deviation))
    for index, cell in enumerate(area.deployment.cells):
        level = f"{found.cell.value[index]:+.1f} ± {found.cell.deviation[index]:.1f}"
        off = [f"{moved[axis, cell.site]:+.0f} ± {unsure[axis, cell.site]:.0f}" for axis in (0, 1)]
        site = area.deployment.sites[cell.site].name
        table.add_row(str(cell.pci), site, str(found.levels[index]), level, *off)
    Console().print(table)
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
