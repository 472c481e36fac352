"""`raylocus scene show`: buildings and sites of a place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.parsing import verb_parser


def run(arguments: Sequence[str]) -> int:
    """Draws the heights above ground with the sites on top."""
    parser = verb_parser("scene show", "Draw a place's buildings and sites.")
    parser.add_argument("place", type=Path, help="place folder made by: raylocus scene build")
    parser.add_argument("--out", type=Path, required=True, help="picture, such as place.png")
    given = parser.parse(arguments)
    from raylocus.cli.pictures import save_picture
    from raylocus.propagation.traced_place import open_place
    from raylocus.viz.maps import layer_figure

    place = open_place(given.place)
    sites, cells = len(place.deployment.sites), len(place.deployment.cells)
    title = f"{place.name}: height above ground, {sites} sites, {cells} cells"
    save_picture(layer_figure(place.geometry_maps["height"], place, title), given.out)
    return 0
