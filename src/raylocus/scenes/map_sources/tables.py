"""Tables with shapes: every format of GDAL's, zip archives and GeoParquet, in longitude and latitude."""

from __future__ import annotations

import re
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from raylocus.errors import InputError
from raylocus.json_text import parse_json
from raylocus.scenes.foreign_files import archive
from raylocus.scenes.map_sources.building_columns import text_of

#: Ends of file names that are taken for building files.
SUFFIXES = (
    ".shp", ".geojson", ".json", ".geojsonl", ".geojsonseq", ".ndjson", ".jsonl", ".gpkg", ".gml", ".kml", ".fgb",
    ".parquet", ".geoparquet", ".zip",
)  # fmt: skip
#: Ends of files in zip archives that GDAL reads as layers, and of maps that it does not.
_LAYERS, _MAPS = (
    (".shp", ".gpkg", ".geojson", ".json", ".gml", ".kml", ".fgb"),
    (".osm", ".pbf", ".osm.gz", ".osm.bz2", ".o5m"),
)


def read_table(path: Path) -> Any:
    """The one layer of a file that may hold buildings, as a GeoDataFrame in EPSG:4326.

    Raises:
        InputError: the file is unreadable, has no CRS, or holds several layers that may be meant.
    """
    if not path.exists():
        raise InputError(f"there is no file {path}; give a shapefile, GeoJSON or GeoPackage")
    inside = _in_archive(path) if path.suffix.lower() == ".zip" else path
    try:
        table = _parquet(path) if path.suffix.lower() in (".parquet", ".geoparquet") else _layer(inside)
    except InputError:
        raise
    except Exception as error:  # GDAL's drivers raise many kinds
        raise InputError(_unreadable(path, error)) from error
    if not hasattr(table, "crs"):
        raise InputError(f"{path} holds a table without shapes; give a file of building footprints")
    if table.crs is None:
        raise InputError(
            f"{path} has no coordinate reference system; add its .prj file or save it as GeoPackage"
        )
    try:
        return _in_degrees(path, table.to_crs("EPSG:4326"))
    except RuntimeError as error:  # pyproj's
        raise InputError(
            f"{path} has a coordinate reference system that cannot be used ({table.crs.name}); save it in EPSG:4326"
        ) from error


def _unreadable(path: Path, error: Exception) -> str:
    """What a file is that no driver reads, and what to do about it."""
    if (packed := archive(path)) is not None and path.suffix.lower() != ".zip":
        return packed
    with path.open("rb") as file:
        start = file.read(4096)
    if b"CityModel" in start or b'"CityJSON"' in start:
        return (
            f"{path} is a city model of solids; export the buildings' footprints, with their measuredHeight, as "
            "GeoPackage"
        )
    why = " ".join(str(error).partition("; It might help")[0].split())
    return f"{path} is not a file that geopandas reads ({why}); export it as GeoPackage"


def _in_degrees(path: Path, table: Any) -> Any:
    """The table, where its shapes lie on Earth: GeoJSON in metres often lacks the system that says so."""
    west, south, east, north = table.total_bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise InputError(
            f"{path} has coordinates as large as {max(map(abs, (west, south, east, north))):.0f}, "
            "which are no degrees; save it with its coordinate reference system, as GeoPackage"
        )
    return table


def cells_of(table: Any) -> dict[str, list[Any]]:
    """The cells of a table by column, without its shapes; tags that one column holds together are columns of their own.

    osmtogeojson and others leave OSM's tags together in `tags`, GDAL in `other_tags`; columns of their own come first.
    """
    cells: dict[str, list[Any]] = {}
    for index, name in enumerate(table.columns):  # a broken file may have two columns of one name
        if name != table.geometry.name:
            cells.setdefault(str(name), table.iloc[:, index].to_list())
    for folded in ("tags", "other_tags"):
        tables = [_unfolded(cell) for cell in cells.get(folded, ())]
        names = dict.fromkeys(name for each in tables for name in each)
        if names:
            del cells[folded]
        for name in names:
            found = [each.get(name) for each in tables]
            known = cells.get(name, [None] * len(found))
            cells[name] = [old if text_of(old) else new for old, new in zip(known, found, strict=True)]
    return cells


def _unfolded(cell: Any) -> dict[str, Any]:
    """The tags in one cell: a table, JSON, or the hstore text of PostgreSQL and GDAL."""
    if isinstance(cell, dict):
        return {str(key): value for key, value in cell.items() if value is not None}
    if not isinstance(cell, str):
        return {}
    if cell.startswith("{"):
        with suppress(ValueError):
            return _unfolded(parse_json(cell))
    return dict(re.findall(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"', cell))


def _in_archive(path: Path) -> Path | str:
    """What GDAL opens of a zip archive: all of it, or the one layer that lies in a folder in it.

    Raises:
        InputError: it is none, or holds no layer or several of different folders.
    """
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is not a whole zip archive; download it again, or give what was in it")
    with zipfile.ZipFile(path) as packed:
        names = [name for name in packed.namelist() if not name.endswith("/")]
    # macOS adds a folder of its own, with a part of each file.
    names = [name for name in names if not name.startswith("__MACOSX/")]
    maps = [name for name in names if name.lower().endswith(_MAPS)]
    if maps:
        raise InputError(f"{path} is a zip archive; unpack it and give {maps[0]}")
    layers = [name for name in names if name.lower().endswith(_LAYERS)]
    if not layers:
        raise InputError(
            f"{path} is a zip archive without a map that is read ({', '.join(names[:5]) or 'it is empty'}); "
            "unpack it and give the file of building footprints"
        )
    for name in (name for name in layers if name.lower().endswith(".shp")):
        if not {name[:-4].lower() + end for end in (".shx", ".dbf")} <= {each.lower() for each in names}:
            raise InputError(
                f"{path} holds {name} without its .shx and .dbf; pack all files of the shapefile"
            )
    if all("/" not in name for name in layers):
        return path
    if len(layers) > 1:
        raise InputError(
            f"{path} is a zip archive of {', '.join(layers[:5])}; unpack it and give one of them"
        )
    return f"/vsizip/{path.absolute()}/{layers[0]}"


def _parquet(path: Path) -> Any:
    import geopandas
    import shapely

    try:
        return geopandas.read_parquet(path)
    except ImportError as error:
        raise InputError(f"{path} needs pyarrow to be read; pip install 'raylocus[parquet]'") from error
    except ValueError as error:
        # Written by pandas or DuckDB, without GeoParquet's description: well-known bytes, degrees by custom.
        if "geo metadata" not in str(error):
            raise
    from pyarrow import parquet

    table = parquet.read_table(path).to_pandas()
    if "geometry" not in table.columns:
        raise InputError(f"{path} holds a table without shapes; give a file of building footprints")
    return geopandas.GeoDataFrame(table, geometry=shapely.from_wkb(table["geometry"]), crs="OGC:CRS84")


def _layer(path: Path | str) -> Any:
    import geopandas

    layers = geopandas.list_layers(path)
    shaped = layers[layers["geometry_type"].notna()]
    chosen = _chosen([str(name) for name in shaped["name"]], [str(kind) for kind in shaped["geometry_type"]])
    if len(shaped) > 1 and chosen is None:
        raise InputError(
            f"{path} holds {len(shaped)} layers ({', '.join(shaped['name'])}); "
            "save the one with the buildings as a file of its own"
        )
    return geopandas.read_file(path, layer=chosen) if chosen is not None else geopandas.read_file(path)


def _chosen(names: list[str], kinds: list[str]) -> str | None:
    """The layer of buildings by its name, else the only one of polygons, else None."""
    named = [name for name in names if "building" in name.lower()]
    areas = [name for name, kind in zip(names, kinds, strict=True) if "Polygon" in kind]
    return next((found[0] for found in (named, areas) if len(found) == 1), None)
