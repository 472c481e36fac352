"""`raylocus scene build`: place folders from a source, or an area."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raylocus.cli.console import VerbParser, tile_centre, verb_parser

if TYPE_CHECKING:
    from raylocus.scenes.area import Area
    from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
    from raylocus.scenes.place import Place

SOURCE_HELP = (
    "munich | florence | etoile | san_francisco, a .osm/.osm.gz/.osm.pbf file, a building file (shapefile, GeoJSON, "
    "GeoPackage), LAT,LON, W,S,E,N, procedural:STYLE, or a place name; sites | open:W,S,E,N: an area without a map"
)


def run_scene_build(arguments: Sequence[str]) -> int:
    """Builds the place, or the area, and says where it is."""
    parser = _parser()
    given = parser.parse([_protected(word) for word in arguments])
    made = parser.instantiate(given)
    from raylocus.propagation.maps.path_loss import heard_cells
    from raylocus.scenes.build import build_source

    settings = _configuration(given, made.scene), _area(given, made.area)
    built = build_source(given.source.strip(), given.out, settings, heard_cells, _report)
    print(_summary(built))
    for note in built.notes:
        print(f"note: {note}")
    if built.attribution:
        print(f"data: {built.attribution}")
    print(_next(built))
    return 0


def _summary(built: Place | Area) -> str:
    """What was built, in one line."""
    from raylocus.scenes.area import Area

    sites, cells = len(built.deployment.sites), len(built.deployment.cells)
    if not isinstance(built, Area):
        return f"{built.folder}: {built.tile.size:.0f} m tile, {sites} sites, {cells} cells"
    width, depth = (side / 1000 for side in built.extent.size)
    tiles = f"{len(built.tiles)} tiles" if built.tiles else "no map"
    return f"{built.folder}: {width:.1f} × {depth:.1f} km, {sites} sites, {cells} cells, {tiles}"


def _next(built: Place | Area) -> str:
    from raylocus.scenes.area import Area

    if isinstance(built, Area) and not built.tiles:
        return f"next: raylocus locate reports.zarr --place {built.folder}"
    return f"next: raylocus maps trace {built.folder}"


def _parser() -> VerbParser:
    from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration

    parser = verb_parser(
        "scene build", "Build a place: Mitsuba scene, geometry maps and sites, one folder a tile; or an area."
    )
    parser.add_argument("source", type=str, help=SOURCE_HELP)
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the place, such as places/munich, or of the area"
    )
    parser.add_argument("--margin", type=float, help="ground around an area's outermost sites [m]")
    parser.add_argument(
        "--tile", type=str, help="centre X,Y [m] of the one tile wanted, in the source's frame"
    )
    parser.add_argument("--seed", type=int, help="seed of the deployment and of what no map states")
    parser.add_argument("--radius", type=float, help="half the side of the square around LAT,LON [m]")
    parser.add_argument(
        "--height-field", type=str, help="column of a building file that holds the height [m], or NAME[ft]"
    )
    for name in ("roads", "vegetation"):
        parser.add_argument(f"--{name}", type=Path, help=f"file of {name} that goes with the map")
    parser.add_argument(
        "--terrain", type=Path, help="elevation file, or auto: Copernicus GLO-30, fetched once and kept"
    )
    parser.add_argument(
        "--layout", choices=("macro", "micro", "mixed", "low"), help="kind of network to draw"
    )
    parser.add_argument(
        "--sites", type=Path, help="CSV file with the real sites: a planner's list, or OpenCelliD's"
    )
    parser.add_argument("--network", type=str, help="which network of that file, such as 'EARFCN 6300'")
    parser.add_argument(
        "--site-columns",
        type=str,
        help="its columns, such as azimuth=RICHTUNG,height=Altitude[ft],power=none (none: not in the file)",
    )
    parser.add_argument("--patterns", type=Path, help="folder with MSI files (.msi, .pln) of its antennas")
    parser.add_class_arguments(SceneConfiguration, "scene")
    parser.add_class_arguments(AreaConfiguration, "area")
    return parser


def _area(given: Any, area: AreaConfiguration) -> AreaConfiguration:
    """The area's configuration with the option that has a short name."""
    return area if given.margin is None else dataclasses.replace(area, margin=given.margin)


def _configuration(given: Any, scene: SceneConfiguration) -> SceneConfiguration:
    """The scene configuration with the options that have a short name."""
    names = ("radius", "height_field", "roads", "vegetation", "terrain")
    options = {name: given[name] for name in names if given[name] is not None}
    chosen: dict[str, Any] = {"options": dataclasses.replace(scene.options, **options)}
    if given.tile is not None:
        chosen["centre"] = tile_centre(given.tile)
    if given.seed is not None:
        chosen["seed"] = given.seed
    return dataclasses.replace(scene, **chosen, **_network(given, scene))


def _network(given: Any, scene: SceneConfiguration) -> dict[str, Any]:
    """What the options say of the network: a layout to draw, or a file to import."""
    from raylocus.scenes.deployment import LAYOUTS
    from raylocus.scenes.site_files import SiteFile
    from raylocus.scenes.site_import.columns import SiteColumns

    if given.sites is not None:
        columns = SiteColumns.parse(given.site_columns or "")
        return {"sites": SiteFile(given.sites, given.network, columns, given.patterns)}
    if given.layout is None:
        return {}
    asked = scene.deployment
    layout = dataclasses.replace(LAYOUTS[given.layout], carriers=asked.carriers, reach=asked.reach)
    return {"deployment": layout}


def _protected(word: str) -> str:
    """A list of numbers that starts with a minus, made safe from being read as an option."""
    return f" {word}" if re.fullmatch(r"-[\d.]+(,\s*-?[\d.]+)+", word) else word


def _report(place: Place) -> None:
    """Says that a tile is whole, among others."""
    print(f"{place.folder} is whole, {len(place.deployment.cells)} cells", flush=True)
