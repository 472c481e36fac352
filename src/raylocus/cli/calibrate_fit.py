"""`raylocus calibrate fit`: a place with antennas, levels and patterns as reports of its network say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raylocus.cli.calibrate_area import fit_area_into
from raylocus.cli.calibrate_input import add_input, read_input
from raylocus.cli.console import verb_parser


def run(arguments: Sequence[str]) -> int:
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
