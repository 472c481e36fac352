"""Places to the formats of other tools: G as GeoTIFF, buildings and sites as GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from raylocus.errors import PlaceError
from raylocus.geo import GeoFrame, compass_from_azimuth
from raylocus.scenes.building_records import read_building_records
from raylocus.scenes.place import Place
from raylocus.storage import written_whole


def export_geotiff(place: Place, path: Path) -> None:
    """Writes every layer of G as a band of one GeoTIFF, north up, in the place's UTM zone.

    Raises:
        PlaceError: the place is not georeferenced.
        StorageFullError: the disk filled up.
    """
    import rasterio
    from rasterio.transform import Affine

    _require_georeference(place)
    step, half = place.tile.resolution, place.tile.size / 2
    easting, northing = place.frame.origin_projected
    layers = place.geometry_maps
    profile = {
        "driver": "GTiff",
        "width": place.tile.count,
        "height": place.tile.count,
        "count": len(layers.data_vars),
        "dtype": "float32",
        "crs": f"EPSG:{place.frame.crs.to_epsg()}",
        "transform": Affine(step, 0, easting - half, 0, -step, northing + half),
        "nodata": float("nan"),
        "compress": "deflate",
    }
    with written_whole(path) as aside, rasterio.open(aside, "w", **profile) as file:
        for band, name in enumerate(layers.data_vars, 1):
            # Rasters count rows from the north, raylocus from the south.
            file.write(np.asarray(layers[name].values, np.float32)[::-1], band)
            file.set_band_description(band, str(name))
            file.update_tags(band, units=str(layers[name].attrs.get("units", "")))
        file.update_tags(attribution=place.attribution)


def export_geojson(place: Place, path: Path) -> None:
    """Writes buildings and sites as GeoJSON in longitude and latitude (RFC 7946).

    Raises:
        PlaceError: the place is not georeferenced.
        StorageFullError: the disk filled up.
    """
    _require_georeference(place)
    to_degrees = _degrees(place.frame)
    collection = {
        "type": "FeatureCollection",
        "attribution": place.attribution,
        "features": [*_building_features(place, to_degrees), *_site_features(place, to_degrees)],
    }
    with written_whole(path) as aside:
        aside.write_text(json.dumps(collection))


def _building_features(place: Place, to_degrees: Callable[..., Any]) -> list[dict[str, Any]]:
    records = read_building_records(place.folder)
    shapes = shapely.from_wkt([record["footprint"] for record in records])
    return [
        _feature(
            shapely.transform(shape, to_degrees),
            {"kind": "building"}
            | {key: value for key, value in record.items() if key not in ("footprint", "triangles")},
        )
        for record, shape in zip(records, shapes, strict=True)
    ]


def _site_features(place: Place, to_degrees: Callable[..., Any]) -> list[dict[str, Any]]:
    features = []
    for index, site in enumerate(place.deployment.sites):
        cells = [cell for cell in place.deployment.cells if cell.site == index]
        properties = {
            "kind": "site",
            "name": site.name,
            "z": site.position[2],
            "pci": [cell.pci for cell in cells],
            "azimuth": [round(compass_from_azimuth(cell.azimuth), 2) for cell in cells],
        }
        features.append(_feature(shapely.transform(shapely.Point(site.position[:2]), to_degrees), properties))
    return features


def _feature(shape: BaseGeometry, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": shapely.geometry.mapping(shape), "properties": properties}


def _degrees(frame: GeoFrame) -> Callable[..., Any]:
    def to_degrees(xy: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "point 2"]:
        latitude, longitude = frame.to_wgs84(xy)
        return np.column_stack([longitude, latitude])

    return to_degrees


def _require_georeference(place: Place) -> None:
    if not place.frame.georeferenced:
        raise PlaceError(
            f"{place.folder} has a local frame only and cannot be exported; build it from a map instead"
        )
