"""`raylocus calibrate fit` and `calibrate materials`: antennas, levels and materials as reports say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raylocus.cli.calibrate_input import add_input, fit_area_into, read_input
from raylocus.cli.console import verb_parser


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
    found, records = [], []
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
