"""`raylocus calibrate check`, `fit` and `materials`: what reports say of a place, printed or written into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raylocus.cli.calibrate_input import add_input, check_area, fit_area_into, read_input
from raylocus.cli.console import verb_parser

if TYPE_CHECKING:
    from raylocus.calibration.calibrate import Calibration
    from raylocus.calibration.labelled_calibration import CalibrationLaw, LabelledCalibration
    from raylocus.calibration.unlabelled_fit import UnlabelledCalibration
    from raylocus.network.reports.reports import Reports
    from raylocus.propagation.maps.traced_place import TracedPlace


def run_calibrate_check(arguments: Sequence[str]) -> int:
    """Prints what reports say of each carrier, and writes a page with figures where positions are known."""
    parser = verb_parser(
        "calibrate check",
        "Say how wrong the map of a place, or the list of an area, is, by reports of its network.",
    )
    add_input(parser)
    parser.add_argument("--out", type=Path | None, default=None, help="page with figures, such as check.html")
    given = parser.parse(arguments)
    from raylocus.scenes.area import is_area

    if is_area(given.place):
        return check_area(given)
    from raylocus.calibration.calibrate import calibrate

    reports, place, law, notes = read_input(given)
    for layer in place.layers():
        found = calibrate(reports, layer, law)
        said = [*notes, *found.notes]
        print(f"{layer.name}, {layer.deployment.carrier.name}")
        if found.labelled is not None:
            path = _page_of(given.out, layer.deployment.carrier.name, len(place.layers()))
            _labelled(found.labelled, layer, law, said, path)
        if found.unlabelled is not None:
            _unlabelled(found, found.unlabelled, layer, law)
        for note in [*said, *_verdict(reports, found.unlabelled, layer, law)]:
            print(f"note: {note}")
    return 0


def _verdict(
    reports: Reports, found: UnlabelledCalibration | None, place: TracedPlace, law: CalibrationLaw
) -> list[str]:
    """Whether the map or who is heard is to be trusted; nothing where reports are too few to say."""
    from raylocus.calibration.law_check import check_law
    from raylocus.calibration.unlabelled_fit import calibrate_unlabelled
    from raylocus.calibration.unlabelled_reports import FEWEST_REPORTS, unlabelled_reports

    if len(reports) < FEWEST_REPORTS:
        return []
    compared = unlabelled_reports(reports, place, law.network)
    if found is None or found.reports != len(compared.level):
        found = calibrate_unlabelled(compared, place, law)
    return [check_law(compared, reports.position[compared.report, :2], found, place, law).verdict]


def _labelled(
    found: LabelledCalibration, place: TracedPlace, law: CalibrationLaw, notes: list[str], page: Path | None
) -> None:
    """The table of cells, what is said of the whole network, and the page."""
    from rich.console import Console
    from rich.table import Table

    from raylocus.calibration.check import check_map
    from raylocus.calibration.severity import labelled_severity
    from raylocus.storage import written_whole
    from raylocus.viz.calibration import CELL_HEADINGS, calibration_page, cell_row, severity_terms

    check, severity = check_map(found, place.deployment), labelled_severity(found, law)
    table = Table(title="reports of known position against the map as it is listed")
    for heading in CELL_HEADINGS:
        table.add_column(heading, justify="right")
    for cell in check.cells:
        table.add_row(*cell_row(cell))
    Console().print(table)
    for term, text in severity_terms(severity, found):
        print(f"{term}: {text}")
    for note in check.notes:
        print(f"note: {note}")
    if page is not None:
        with written_whole(page) as aside:
            aside.write_text(calibration_page(found, check, severity, place, notes))
        print(f"{page} written")


def _unlabelled(
    whole: Calibration, found: UnlabelledCalibration, place: TracedPlace, law: CalibrationLaw
) -> None:
    """What reports without positions say of the network and of each cell's level."""
    from raylocus.calibration.level_units import unit_notes
    from raylocus.calibration.severity import unlabelled_severity

    severity, layout = unlabelled_severity(found, law), whole.prior.layout
    print(f"{found.reports} reports without positions, their positions summed out over the ground:")
    print(f"  severity: {severity.value:.2f}, 90 % between {severity.low:.2f} and {severity.high:.2f}")
    print(
        f"  scale of the errors' Student t: {found.law.scale:.1f} dB; unreported though found: {found.dropout:.0%}"
    )
    index = layout.index("common").start
    level, sure = float(found.values[index]), float(found.deviation[index])
    print(f"  level of all cells: {level:+.1f} ± {sure:.1f} dB")
    for note in unit_notes(level, sure, place.deployment.carrier):
        print(f"note: {note}")
    lobes = found.values[layout.index("floor")]
    print(
        f"  floors of the patterns against the listed ones: median {sorted(lobes)[len(lobes) // 2]:+.1f} dB"
    )
    own = found.values[layout.index("level")] + found.values[layout.index("common")]
    levels = (f"{cell.pci} {level:+.1f}" for cell, level in zip(place.deployment.cells, own, strict=True))
    print(f"  level by PCI / dB: {', '.join(levels)}")


def _page_of(path: Path | None, carrier: str, carriers: int) -> Path | None:
    """The page of a carrier: the one asked for where there is only one."""
    if path is None or carriers == 1:
        return path
    return path.with_stem(f"{path.stem}-{carrier.replace(' ', '-')}")


def run_calibrate_fit(arguments: Sequence[str]) -> int:
    """Writes the calibrated place; where there is too little to go by, nothing."""
    parser = verb_parser(
        "calibrate fit",
        "Fit antennas, levels and errors of a place or an area to reports of its network; nothing is traced.",
    )
    add_input(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder of the calibrated place or area")
    given = parser.parse(arguments)
    from raylocus.scenes.area import is_area

    if is_area(given.place):
        return fit_area_into(given)
    from raylocus.calibration.calibrate import calibrate
    from raylocus.calibration.calibrated_area import site_records
    from raylocus.calibration.calibrated_place import (
        calibration_record,
        check_target,
        save_calibrated_place,
    )
    from raylocus.calibration.site_timing import fit_site_timing

    reports, place, law, notes = read_input(given)
    check_target(place, given.out)
    found = []
    records = []
    for layer in place.layers():
        calibration = calibrate(reports, layer, law)
        notes += calibration.notes
        found.append((calibration, layer.cells or tuple(range(len(layer.deployment.cells)))))
        records.append(calibration_record(calibration, layer.deployment))
    record = {
        "reports": (given.reports or given.gpx).name,
        "place": place.name,
        "severity": given.severity,
        "points": sum(each["points"] for each in records),
        "unlabelled": sum(each["unlabelled"] for each in records),
        "carriers": records,
    }
    timing = fit_site_timing(reports, place)
    if timing is not None:
        record["sites"] = site_records(timing.moved, timing.clock, place.deployment)
        record["student_t_scale_of_arrivals_m"] = round(timing.scale, 1)
    save_calibrated_place(place, found, record, given.out)
    print("\n".join([*(f"note: {note}" for note in notes), *map(_line, records)]))
    print(f"{given.out} written: a place with its own R; every estimate is in {given.out}/calibration.json")
    return 0


def _line(record: dict[str, Any]) -> str:
    """What was done at one carrier."""
    errors = record["errors"]
    return (
        f"{record['carrier']}: {record['points']} points with {record['levels']} levels, "
        f"{record['unlabelled']} reports without positions; kept: {', '.join(record['kept'])}; "
        f"errors left: Student t of {errors['student_t_scale_db']} dB"
    )


#: Half width of a 90 % interval in standard deviations.
NINETY = 1.645


def run_calibrate_materials(arguments: Sequence[str]) -> int:
    """Prints every material that paths to the points touch, with 90 % intervals."""
    parser = verb_parser(
        "calibrate materials",
        "Estimate materials of a place from reports of known position; nothing is traced.",
    )
    add_input(parser)
    given = parser.parse(arguments)
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from raylocus.calibration.calibrate import calibrate
    from raylocus.calibration.materials_fit import fit_materials
    from raylocus.errors import InputError

    reports, place, law, notes = read_input(given)
    for layer in place.layers():
        found = calibrate(reports, layer, law)
        if found.labelled is None:
            raise InputError("materials need reports of known position; give some with positions")
        made = fit_materials(found.labelled, layer, law)
        table = Table(title=f"{layer.name}, {layer.deployment.carrier.name}: 90 % intervals")
        for heading in ("material", "εr listed", "εr", "σ listed / S/m", "σ / S/m"):
            table.add_column(heading, justify="right")
        for row, name in enumerate(made.names):
            cells = [name]
            for nominal, factor, deviation in (
                (made.nominal_permittivity[row], made.permittivity[row], made.permittivity_deviation[row]),
                (made.nominal_conductivity[row], made.conductivity[row], made.conductivity_deviation[row]),
            ):
                low, high = nominal * np.exp(factor + NINETY * deviation * np.array([-1, 1]))
                cells += [f"{nominal:.3g}", f"{nominal * np.exp(factor):.3g} ({low:.3g} to {high:.3g})"]
            table.add_row(*cells)
        Console().print(table)
        for note in (*notes, *found.notes):
            print(f"note: {note}")
    return 0
