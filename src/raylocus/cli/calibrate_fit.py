"""`raylocus calibrate fit`: a place with antennas, levels and patterns as reports of its network say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.calibrate_input import add_input, read_input
from raylocus.cli.console import verb_parser


def run(arguments: Sequence[str]) -> int:
    """Writes the calibrated place; where there is too little to go by, nothing."""
    parser = verb_parser(
        "calibrate fit", "Fit antennas, levels and errors of a place to reports of its network; nothing is traced."
    )
    add_input(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder of the calibrated place")
    given = parser.parse(arguments)
    from raylocus.calibration.calibrated_place import (
        calibrated_deployment,
        calibration_record,
        save_calibrated_place,
    )
    from raylocus.calibration.labelled_calibration import calibrate_labelled
    from raylocus.calibration.measured import measured_at

    reports, place, law, notes = read_input(given)
    found, records = [], []
    for layer in place.layers():
        measured = measured_at(reports, layer, law.network)
        notes += measured.notes
        calibration = calibrate_labelled(measured, layer, law)
        found.append((calibration, layer.cells or tuple(range(len(layer.deployment.cells)))))
        records.append(calibration_record(calibration, layer.deployment))
    deployment = calibrated_deployment(place.deployment, found)
    record = {
        "reports": given.reports.name,
        "place": place.name,
        "severity": given.severity,
        "points": sum(each["points"] for each in records),
        "carriers": records,
    }
    save_calibrated_place(place, deployment, record, given.out)
    print("\n".join(f"note: {note}" for note in notes))
    for each in records:
        errors = each["errors"]
        print(
            f"{each['carrier']}: {each['points']} points, {each['levels']} levels; kept: {', '.join(each['kept'])}; "
            f"errors left: Student t of {errors['student_t_scale_db']} dB, {errors['distance_m']} m"
        )
    print(f"{given.out} written: a place with its own R; every estimate is in {given.out}/calibration.json")
    return 0
