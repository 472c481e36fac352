"""`raylocus maps export`: layers of R for other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.console import verb_parser
from raylocus.errors import InputError


def run(arguments: Sequence[str]) -> int:
    """Writes layers of R as GeoTIFF, one file a layer (R itself is zarr already: PLACE/radio.zarr)."""
    parser = verb_parser("maps export", "Write radio maps for other tools, one file a layer.")
    parser.add_argument("place", type=Path, help="traced place folder")
    parser.add_argument("--geotiff", action="store_true", help="as GeoTIFF, for QGIS and the like")
    parser.add_argument("--feature", action="append", default=[], help="a layer of R; all where left out")
    parser.add_argument("--out", type=Path | None, default=None, help="folder; PLACE/geotiff where left out")
    given = parser.parse(arguments)
    if not given.geotiff:
        raise InputError(
            "say which format to export to: --geotiff (R itself is zarr already: PLACE/radio.zarr)"
        )
    from raylocus.propagation.maps.export import export_geotiff
    from raylocus.propagation.maps.traced_place import open_place

    place = open_place(given.place)
    folder = given.out or given.place / "geotiff"
    files = export_geotiff(place, folder, given.feature)
    where = "in UTM" if place.frame.georeferenced else "in local metres, for this place is not georeferenced"
    print(f"{folder}: {len(files)} GeoTIFF files written, {where}")
    return 0
