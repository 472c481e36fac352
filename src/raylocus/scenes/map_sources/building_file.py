"""Buildings from any file that geopandas reads (shapefile, GeoJSON, GeoPackage …), in any CRS."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from raylocus.errors import InputError
from raylocus.scenes.map_sources.options import SourceOptions
from raylocus.scenes.tagged.features import Feature, TaggedMap

#: Ends of file names that are taken for building files.
SUFFIXES = (".shp", ".geojson", ".json", ".gpkg", ".gml", ".kml", ".fgb", ".parquet", ".zip")
#: Columns that hold a storey count or a height under names of their own in common exports.
SYNONYMS = {"levels": "building:levels", "building_l": "building:levels", "building_levels": "building:levels",
            "building_h": "height", "roof_shape": "roof:shape", "fclass": "highway", "type": "building"}  # fmt: skip


def read_building_file(path: Path, options: SourceOptions) -> TaggedMap:
    """Reads buildings, and roads and vegetation where files for them are given.

    Columns named as OSM's tags are used as such; `options.height_field` names the one with the height [m].

    Raises:
        InputError: a file is unreadable or has no CRS, the height field is missing, or there is no building.
    """
    tally: Counter[str] = Counter()
    table = _table(path)
    if options.height_field is not None and options.height_field not in table.columns:
        columns = ", ".join(str(name) for name in table.columns if name != "geometry")
        raise InputError(
            f"{path} has no column {options.height_field!r} for --height-field; it has {columns}"
        )
    buildings = [
        Feature(name, _building_tags(tags, options.height_field), shape)
        for name, tags, shape in _rows(table, ("Polygon", "MultiPolygon"), "building", tally)
    ]
    if not buildings:
        raise InputError(f"{path} holds no polygons, so no buildings; give a file of building footprints")
    roads = _lines(options.roads, tally) if options.roads else []
    trees = _vegetation(options.vegetation, tally) if options.vegetation else []
    west, south, east, north = shapely.total_bounds([feature.geometry for feature in buildings])
    bounds = (float(west), float(south), float(east), float(north))
    return TaggedMap(tuple(buildings + trees), tuple(roads), bounds, tally)


def _lines(path: Path, tally: Counter[str]) -> list[Feature]:
    found = []
    for name, tags, shape in _rows(_table(path), ("LineString", "MultiLineString"), "road", tally):
        for number, line in enumerate(shapely.get_parts(shape)):
            found.append(Feature(f"{name}#{number}", {"highway": "residential", **tags}, line))
    return found


def _vegetation(path: Path, tally: Counter[str]) -> list[Feature]:
    rows = _rows(_table(path), ("Polygon", "MultiPolygon"), "vegetation", tally)
    return [Feature(name, {"natural": "wood"}, shape) for name, _, shape in rows]


def _table(path: Path) -> Any:
    import geopandas

    if not path.exists():
        raise InputError(f"there is no file {path}; give a shapefile, GeoJSON or GeoPackage")
    try:
        table = geopandas.read_parquet(path) if path.suffix == ".parquet" else geopandas.read_file(path)
    except Exception as error:  # GDAL's drivers raise many kinds
        raise InputError(
            f"{path} is not a file that geopandas reads ({error}); export it as GeoPackage"
        ) from error
    if not hasattr(table, "crs"):
        raise InputError(f"{path} holds a table without shapes; give a file of building footprints")
    if table.crs is None:
        raise InputError(
            f"{path} has no coordinate reference system; add its .prj file or save it as GeoPackage"
        )
    return table.to_crs("EPSG:4326")


def _rows(
    table: Any, kinds: tuple[str, ...], role: str, tally: Counter[str]
) -> list[tuple[str, dict[str, str], Any]]:
    """Identifier, tags and plan shape of each row of the wanted kinds; others are counted."""
    shapes = shapely.force_2d(np.asarray(table.geometry.values, dtype=object))
    columns = [name for name in table.columns if name != table.geometry.name]
    rows = []
    for number, (shape, *values) in enumerate(zip(shapes, *(table[name] for name in columns), strict=True)):
        if shape is None or shape.geom_type not in kinds or shape.is_empty:
            tally[f"row of the {role} file left out: its shape is missing or of another kind"] += 1
            continue
        tags = {SYNONYMS.get(str(name), str(name)): text for name, value in zip(columns, values, strict=True)
                if (text := _text(value))}  # fmt: skip
        rows.append((f"{role}/{number}", tags, shape))
    return rows


def _text(value: Any) -> str:
    """A cell as a tag's value; empty where it is missing."""
    if value is None or value != value or str(value) in ("", "nan", "None", "<NA>"):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _building_tags(tags: dict[str, str], height_field: str | None) -> dict[str, str]:
    chosen = {"building": "yes", **tags}
    if height_field is not None:
        chosen.pop("height", None)
        if height_field in tags:
            chosen["height"] = tags[height_field]
    if chosen["building"] == "no":
        chosen["building"] = "yes"
    return chosen
