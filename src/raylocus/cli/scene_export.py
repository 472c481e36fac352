"""`raylocus scene export`: a place for other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.console import verb_parser
from raylocus.errors import InputError


def run(arguments: Sequence[str]) -> int:
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
