"""`raylocus calibrate materials`: permittivity and conductivity of a place's materials, by reports of its network."""

from __future__ import annotations

from collections.abc import Sequence

from raylocus.cli.calibrate_input import add_input, read_input
from raylocus.cli.console import verb_parser

#: Half width of a 90 % interval in standard deviations.
NINETY = 1.645


def run(arguments: Sequence[str]) -> int:
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
