"""`raylocus scene show`, `validate`, `export` and `perturb`: what is done with a place that has been built."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse.typing import PositiveInt

from raylocus.cli.console import save_picture, verb_parser
from raylocus.errors import InputError

if TYPE_CHECKING:
    from raylocus.propagation.maps.traced_place import TracedPlace


def run_scene_show(arguments: Sequence[str]) -> int:
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
    from raylocus.viz.maps import layer_figure

    save_picture(layer_figure(place.geometry_maps["height"], place, title), path)


def _draw_perturbed(place: TracedPlace, perturbed: list[TracedPlace], path: Path) -> None:
    from raylocus.errors import PlaceError
    from raylocus.viz.maps import perturbed_places_figure

    for each in perturbed:
        if each.map_error.get("of", {}).get("digest") != place.provenance.digest:
            raise PlaceError(
                f"{each.folder} was not drawn from {place.folder}; draw one with: raylocus scene perturb"
            )
    title = f"{place.name} as mapped, and as it may truly stand"
    save_picture(perturbed_places_figure(place, perturbed, title), path)


def run_scene_validate(arguments: Sequence[str]) -> int:
    """Prints one line a finding; exit code 2 if any is wrong."""
    parser = verb_parser(
        "scene validate", "Check a place: rays against rasters, R against G, sites, frame, closed walls."
    )
    parser.add_argument("place", type=Path, help="place folder made by: raylocus scene build")
    parser.add_argument(
        "--points", type=PositiveInt, default=1000, help="random points that a ray is shot down at"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the points")
    given = parser.parse(arguments)
    import numpy as np

    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.propagation.scene_validation import validate_place

    place = open_place(given.place)
    findings = validate_place(place, np.random.default_rng(given.seed), given.points)
    for finding in findings:
        print(finding.line)
    for note in place.notes:
        print(f"note: {note}")
    return 0 if all(finding.sound for finding in findings) else 2


def run_scene_export(arguments: Sequence[str]) -> int:
    """Writes G as GeoTIFF and buildings and sites as GeoJSON."""
    parser = verb_parser("scene export", "Write a georeferenced place for other tools such as QGIS.")
    parser.add_argument("place", type=Path, help="place folder made by: raylocus scene build")
    parser.add_argument("--geotiff", type=Path, help="G, one band a layer, such as place.tif")
    parser.add_argument("--geojson", type=Path, help="buildings and sites, such as place.geojson")
    given = parser.parse(arguments)
    if given.geotiff is None and given.geojson is None:
        raise InputError("nothing to write; give --geotiff FILE or --geojson FILE")
    from raylocus.scenes.export import export_geojson, export_geotiff
    from raylocus.scenes.place import load_place

    place = load_place(given.place)
    for path, export in ((given.geotiff, export_geotiff), (given.geojson, export_geojson)):
        if path is not None:
            export(place, path)
            print(f"{path} written")
    if place.attribution:
        print(f"keep this notice with them: {place.attribution}")
    return 0


def run_scene_perturb(arguments: Sequence[str]) -> int:
    """Writes the perturbed place and says what was drawn."""
    from raylocus.scenes.map_errors.law import MapErrorLaw

    parser = verb_parser(
        "scene perturb",
        "Draw a place as it may truly stand: other buildings, ground, clutter and site positions than mapped.",
    )
    parser.add_argument("place", type=Path, help="place folder made by: raylocus scene build")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the perturbed place, such as places/munich-true"
    )
    parser.add_argument(
        "--severity", type=float, default=1.0, help="0: as mapped, 1: as wrong as the field, to 2"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of all draws")
    parser.add_class_arguments(MapErrorLaw, "law", skip={"severity"})
    given = parser.parse(arguments)
    import dataclasses

    from raylocus.scenes.map_errors.perturb import perturb_place
    from raylocus.scenes.place import load_place

    law = dataclasses.replace(parser.instantiate(given).law, severity=given.severity)
    true_place = perturb_place(load_place(given.place), given.out, law, given.seed)
    drawn = true_place.map_error
    print(
        f"{true_place.folder}: severity {law.severity:g}, {len(drawn['buildings']['missing'])} buildings gone, "
        f"{len(drawn['buildings']['added'])} new, {len(drawn['cars'])} cars, {len(drawn['trees'])} trees"
    )
    print(f"every draw is in {true_place.folder}/place.json under 'map_error'")
    print(f"next: raylocus maps trace {true_place.folder}")
    return 0
