"""`raylocus calibrate check`: how wrong the map of a place is, by reports of its network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.calibrate_input import add_input, read_input
from raylocus.cli.console import verb_parser


def run(arguments: Sequence[str]) -> int:
    """Prints a table of cells and writes a page with figures for each carrier."""
    parser = verb_parser("calibrate check", "Say how wrong the map of a place is, by reports of its network.")
    add_input(parser)
    parser.add_argument("--out", type=Path, help="page with figures, such as check.html")
    given = parser.parse(arguments)
    from rich.console import Console
    from rich.table import Table

    from raylocus.calibration.check import check_map
    from raylocus.calibration.labelled_calibration import calibrate_labelled
    from raylocus.calibration.measured import measured_at
    from raylocus.calibration.severity import labelled_severity
    from raylocus.storage import written_whole
    from raylocus.viz.calibration import CELL_HEADINGS, calibration_page, cell_row, severity_terms

    reports, place, law, notes = read_input(given)
    for layer in place.layers():
        measured = measured_at(reports, layer, law.network)
        found = calibrate_labelled(measured, layer, law)
        check, severity = check_map(found, layer.deployment), labelled_severity(found, law)
        table = Table(title=f"{layer.name}, {layer.deployment.carrier.name}")
        for heading in CELL_HEADINGS:
            table.add_column(heading, justify="right")
        for cell in check.cells:
            table.add_row(*cell_row(cell))
        Console().print(table)
        print("\n".join(f"{term}: {text}" for term, text in severity_terms(severity, found)))
        said = [*notes, *measured.notes]
        print("\n".join(f"note: {note}" for note in (*said, *check.notes)))
        if given.out is not None:
            path = _page_of(given.out, layer.deployment.carrier.name, len(place.layers()))
            with written_whole(path) as aside:
                aside.write_text(calibration_page(found, check, severity, layer, said))
            print(f"{path} written")
    return 0


def _page_of(path: Path, carrier: str, carriers: int) -> Path:
    """The page of a carrier: the one asked for where there is only one."""
    return path if carriers == 1 else path.with_stem(f"{path.stem}-{carrier.replace(' ', '-')}")
