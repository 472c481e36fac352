"""Places to the formats of other tools: G as GeoTIFF, buildings and sites as GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas
import pandas
import shapely
from shapely.geometry.base import BaseGeometry

from raylocus.errors import PlaceError
from raylocus.geo import compass_from_azimuth
from raylocus.scenes.building_records import read_building_records
from raylocus.scenes.geotiff import Band, write_geotiff
from raylocus.scenes.place import Place
from raylocus.storage import written_whole


def export_geotiff(place: Place, path: Path) -> None:
    """Writes every layer of G as a band of one GeoTIFF, north up, in the place's UTM zone.

    Raises:
        PlaceError: the place is not georeferenced.
        StorageFullError: the disk filled up.
    """
    _require_georeference(place)
    layers = place.geometry_maps
    bands = [
        Band(str(name), str(layer.attrs.get("units", "")), layer.values)
        for name, layer in layers.data_vars.items()
    ]
    write_geotiff(bands, place.frame, place.tile.size, {"attribution": place.attribution}, path)


def export_geojson(place: Place, path: Path) -> None:
    """Writes buildings and sites as GeoJSON in longitude and latitude (RFC 7946).

    Raises:
        PlaceError: the place is not georeferenced.
        StorageFullError: the disk filled up.
    """
    _require_georeference(place)
    parts = [frame for frame in (_buildings(place), _sites(place)) if len(frame)]
    features = [each for part in parts for each in part.to_geo_dict(na="drop", drop_id=True)["features"]]
    collection = {"type": "FeatureCollection", "attribution": place.attribution, "features": features}
    with written_whole(path) as aside:
        aside.write_text(json.dumps(collection))


def _buildings(place: Place) -> geopandas.GeoDataFrame:
    records = read_building_records(place.folder)
    properties = [
        {"kind": "building"}
        | {key: value for key, value in record.items() if key not in ("footprint", "triangles")}
        for record in records
    ]
    shapes = shapely.from_wkt([record["footprint"] for record in records])
    return _in_degrees(properties, list(shapes), place)


def _sites(place: Place) -> geopandas.GeoDataFrame:
    properties = []
    for index, site in enumerate(place.deployment.sites):
        cells = [cell for cell in place.deployment.cells if cell.site == index]
        properties.append({
            "kind": "site",
            "name": site.name,
            "z": site.position[2],
            "pci": [cell.pci for cell in cells],
            "azimuth": [round(compass_from_azimuth(cell.azimuth), 2) for cell in cells],
        })  # fmt: skip
    positions = [shapely.Point(site.position[:2]) for site in place.deployment.sites]
    return _in_degrees(properties, positions, place)


def _in_degrees(
    properties: list[dict[str, Any]], shapes: Sequence[BaseGeometry], place: Place
) -> geopandas.GeoDataFrame:
    """Rows of properties with shapes of the place's frame, in longitude and latitude."""
    projected = geopandas.GeoSeries(list(shapes)).translate(*place.frame.origin_projected)
    # As objects, so that a whole number stays one where another row lacks it.
    table = pandas.DataFrame(properties, dtype=object)
    return geopandas.GeoDataFrame(table, geometry=projected, crs=place.frame.crs).to_crs(4326)


def _require_georeference(place: Place) -> None:
    if not place.frame.georeferenced:
        raise PlaceError(
            f"{place.folder} has a local frame only and cannot be exported; build it from a map instead"
        )
