"""`raylocus scene show`: buildings and sites of a place, as a picture or as a page to walk around in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import verb_parser

if TYPE_CHECKING:
    from raylocus.propagation.maps.traced_place import TracedPlace


def run(arguments: Sequence[str]) -> int:
    """Draws the heights above ground with the sites on top, or writes the 3-D page."""
    parser = verb_parser("scene show", "Draw a place's buildings and sites.")
    parser.add_argument("place", type=Path, help="place folder made by: raylocus scene build")
    parser.add_argument(
        "--out", type=Path, required=True, help="map such as place.png, or 3-D page such as place.html"
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
    draw = _draw_page if given.out.suffix == ".html" else _draw_map
    draw(place, f"{place.name}: height above ground, {sites} sites, {cells} cells", given.out)
    return 0


def _draw_map(place: TracedPlace, title: str, path: Path) -> None:
    from raylocus.cli.console import save_picture
    from raylocus.viz.maps import layer_figure

    save_picture(layer_figure(place.geometry_maps["height"], place, title), path)


def _draw_perturbed(place: TracedPlace, perturbed: list[TracedPlace], path: Path) -> None:
    from raylocus.cli.console import save_picture
    from raylocus.errors import PlaceError
    from raylocus.viz.perturbed_places import perturbed_places_figure

    for each in perturbed:
        if each.map_error.get("of", {}).get("digest") != place.provenance.digest:
            raise PlaceError(
                f"{each.folder} was not drawn from {place.folder}; draw one with: raylocus scene perturb"
            )
    title = f"{place.name} as mapped, and as it may truly stand"
    save_picture(perturbed_places_figure(place, perturbed, title), path)


def _draw_page(place: TracedPlace, title: str, path: Path) -> None:
    from raylocus.scenes.triangles import read_place_scene
    from raylocus.storage import written_whole
    from raylocus.viz.scene_page import scene_page

    page = scene_page(read_place_scene(place.scene_file), place.deployment, place.tile.size, title)
    with written_whole(path) as aside:
        aside.write_text(page)
    print(f"{path} written")
