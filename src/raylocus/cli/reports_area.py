"""`raylocus reports area`: an area of the cells that the files of a measurement list themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.console import verb_parser


def run(arguments: Sequence[str]) -> int:
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
