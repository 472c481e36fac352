"""`raylocus scene show`: buildings and sites of a place, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import verb_parser

if TYPE_CHECKING:
    from raylocus.propagation.maps.traced_place import TracedPlace


def run(arguments: Sequence[str]) -> int:
    """Draws the heights above ground with the sites on top."""
    parser = verb_parser("scene show", "Draw a place's buildings and sites.")
    parser.add_argument("place", type=Path, help="place folder made by: raylocus scene build")
    parser.add_argument(
        "--out", type=Path, required=True, help="map such as place.png; in 3-D: raylocus view"
    )
    parser.add_argument(
        "--perturbed",
        type=list[Path],
        help="places that scene perturb drew from it, such as [places/p0,places/p1], to be compared with it",
    )
    given = parser.parse(arguments)
    from raylocus.propagation.maps.traced_place import open_place

    place = open_place(given.place)
    if given.perturbed:
        _draw_perturbed(place, [open_place(folder) for folder in given.perturbed], given.out)
        return 0
    sites, cells = len(place.deployment.sites), len(place.deployment.cells)
    _draw_map(place, f"{place.name}: height above ground, {sites} sites, {cells} cells", given.out)
    return 0


def _draw_map(place: TracedPlace, title: str, path: Path) -> None:
    from raylocus.cli.console import save_picture
    from raylocus.viz.maps import layer_figure

    save_picture(layer_figure(place.geometry_maps["height"], place, title), path)


def _draw_perturbed(place: TracedPlace, perturbed: list[TracedPlace], path: Path) -> None:
    from raylocus.cli.console import save_picture
    from raylocus.errors import PlaceError
    from raylocus.viz.maps import perturbed_places_figure

    for each in perturbed:
        if each.map_error.get("of", {}).get("digest") != place.provenance.digest:
            raise PlaceError(
                f"{each.folder} was not drawn from {place.folder}; draw one with: raylocus scene perturb"
            )
    title = f"{place.name} as mapped, and as it may truly stand"
    save_picture(perturbed_places_figure(place, perturbed, title), path)
