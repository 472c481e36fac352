"""The peer of `osm_against_osmnx.py`: an extract to meshes, scene.xml and rasters by osmnx, trimesh and GDAL.

Written as these libraries' own examples are: features as one table, heights row by row, spatial joins for
parts and overlaps, one extruded prism a building, `rasterize` for the maps. It does what raylocus does,
but for clipped outlines, roof shapes, height priors by surroundings and sites, which it is spared.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import osmnx
import rasterio
import rasterio.features
import shapely
import trimesh
from rasterio.transform import from_origin
from scipy.ndimage import distance_transform_edt

from raylocus.scenes.buildings.from_features import roof_material, wall_material
from raylocus.scenes.buildings.heights import building_type
from raylocus.scenes.ground.from_features import DEFAULT_WIDTH, road_class_of
from raylocus.scenes.tagged import parse_count, parse_length

TAGS: dict[str, bool | str | list[str]] = {
    "building": True, "building:part": True, "highway": True, "natural": ["water", "wood", "bay"],
    "landuse": ["forest", "orchard", "reservoir", "basin"], "area:highway": True,
}  # fmt: skip


def build_by_osmnx(path: Path, folder: Path, size: float, resolution: float) -> int:
    """Writes the scene and maps of a square of the side `size` [m] around an extract; returns its solids."""
    table = osmnx.projection.project_gdf(osmnx.features_from_xml(path, tags=TAGS))
    for column in ("building", "building:part", "highway", "natural", "landuse", "area:highway", "layer"):
        if column not in table:
            table[column] = None
    buildings = heights_and_materials(without_overlaps(parts_for_outlines(table)))
    write_scene(buildings, folder, size)
    write_maps(buildings, table, folder, size, resolution)
    buildings.reset_index(drop=True).to_file(folder / "buildings.geojson", driver="GeoJSON")
    return len(buildings)


def parts_for_outlines(table: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Single polygons above ground; outlines give way to the parts that lie in them."""
    polygons = table[table.geometry.type.isin(["Polygon", "MultiPolygon"])].copy()
    polygons["geometry"] = polygons.geometry.make_valid()
    polygons = polygons[~polygons["layer"].astype(str).str.startswith("-")].explode(index_parts=False)
    polygons = polygons[(polygons.geometry.type == "Polygon") & (polygons.area >= 1)]
    outlines = polygons[polygons["building"].notna() & (polygons["building"] != "no")]
    parts = polygons[polygons["building:part"].notna() & polygons["building"].isna()]
    if parts.empty:
        return outlines.reset_index(drop=True)
    outlines, parts = outlines.reset_index(drop=True), parts.reset_index(drop=True)
    points = geopandas.GeoDataFrame(geometry=parts.representative_point(), crs=parts.crs)
    joined = geopandas.sjoin(points, outlines[["geometry"]], predicate="within")
    kept = []
    for index, outline in outlines.iterrows():
        inside = parts.geometry[joined.index[joined["index_right"] == index]]
        rest = outline.geometry.difference(inside.union_all()) if len(inside) else outline.geometry
        if rest.area >= 0.1 * outline.geometry.area:
            outline["geometry"] = rest
            kept.append(outline)
    rests = geopandas.GeoDataFrame(kept, crs=outlines.crs).explode(index_parts=False)
    return geopandas.pd.concat([rests[rests.geometry.type == "Polygon"], parts], ignore_index=True)


def without_overlaps(buildings: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Lower buildings cut back where higher ones stand; buildings drawn twice kept once."""
    buildings["top"] = [height_of(row) for _, row in buildings.iterrows()]
    shapes = buildings[["geometry"]]
    pairs = geopandas.sjoin(shapes, shapes, predicate="intersects")
    geometry, gone = list(buildings.geometry), set()
    for one, other in pairs["index_right"].items():
        if one >= other or one in gone or other in gone:
            continue
        common = geometry[one].intersection(geometry[other]).area
        if common > 0.8 * geometry[one].union(geometry[other]).area:
            gone.add(other)
        elif common > 0.5 and "building:part" in buildings and buildings["building:part"].isna()[one]:
            low, high = sorted((one, other), key=lambda index: buildings["top"][index])
            geometry[low] = geometry[low].difference(geometry[high])
    buildings["geometry"] = geometry
    return buildings.drop(index=list(gone)).explode(index_parts=False)


def heights_and_materials(buildings: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Columns that the meshes and maps need."""
    buildings = buildings[buildings.geometry.type == "Polygon"].reset_index(drop=True)
    generator = np.random.default_rng(0)
    tags = [{k: v for k, v in row.items() if isinstance(v, str)} for row in buildings.to_dict("records")]
    kinds = [building_type(each) for each in tags]
    buildings["wall"] = [
        wall_material(each, kind, top, "europe", generator.uniform())
        for each, kind, top in zip(tags, kinds, buildings["top"], strict=True)
    ]
    buildings["roof"] = [roof_material(each, False, kind) for each, kind in zip(tags, kinds, strict=True)]
    return buildings[["top", "wall", "roof", "geometry"]]


def height_of(row: Any) -> float:
    for key, factor in (("height", 1.0), ("building:levels", 3.0)):
        value = parse_length(str(row.get(key, "")))
        if value:
            return factor * value
    return 10.0


def write_scene(buildings: geopandas.GeoDataFrame, folder: Path, size: float) -> None:
    """One PLY a material, and scene.xml."""
    middle = np.array([*np.reshape(buildings.total_bounds, (2, 2)).mean(axis=0), 0.0])
    meshes = defaultdict(list)
    for row in buildings.itertuples():
        solid = prism(row.geometry, row.top)
        solid.apply_translation(-middle)
        upward = solid.face_normals[:, 2] > 0.5
        meshes[row.roof].append(solid.submesh([np.flatnonzero(upward)], append=True))
        meshes[row.wall].append(solid.submesh([np.flatnonzero(~upward)], append=True))
    meshes["ground"] = [trimesh.Trimesh(np.array([[x, y, 0] for x in (-size, size) for y in (-size, size)]) / 2,
                                        [[0, 2, 3], [0, 3, 1]])]  # fmt: skip
    lines = ['<scene version="2.1.0">']
    for name, parts in meshes.items():
        trimesh.util.concatenate(parts).export(folder / f"{name}.ply")
        lines.append(f'<bsdf type="itu-radio-material" id="{name}"/><shape type="ply" id="mesh-{name}"/>')
    (folder / "scene.xml").write_text("\n".join([*lines, "</scene>"]))
    (folder / "origin.json").write_text(json.dumps(middle.tolist()))


def prism(polygon: Any, height: float) -> trimesh.Trimesh:
    triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(polygon))
    corners = shapely.get_coordinates(shapely.orient_polygons(triangles)).reshape(-1, 4, 2)[:, :3]
    vertices, faces = np.unique(corners.reshape(-1, 2), axis=0, return_inverse=True)
    return trimesh.creation.extrude_triangulation(vertices, faces.reshape(-1, 3), height)


def write_maps(
    buildings: geopandas.GeoDataFrame, table: geopandas.GeoDataFrame, folder: Path, size: float, step: float
) -> None:
    """The layers of raylocus's G as one GeoTIFF, on flat ground."""
    x, y = np.reshape(buildings.total_bounds, (2, 2)).mean(axis=0)
    count = round(size / step)
    transform = from_origin(x - size / 2, y + size / 2, step, step)

    def burnt(shapes: Any, values: Any) -> np.ndarray:
        pairs = [pair for pair in zip(shapes, values, strict=True) if not pair[0].is_empty]
        if not pairs:
            return np.zeros((count, count), np.float32)
        return rasterio.features.rasterize(
            pairs, out_shape=(count, count), transform=transform, dtype="float32"
        )

    low_first = buildings.sort_values("top")
    codes, _ = geopandas.pd.factorize(low_first["roof"])
    height = burnt(low_first.geometry, low_first["top"])
    lines = table[table.geometry.type.isin(["LineString", "MultiLineString"])].copy()
    lines["class"] = [road_class_of({"highway": str(value)}) for value in lines["highway"]]
    lines = lines[lines["class"].notna()]
    lines["width"] = [width_of(row) for _, row in lines.iterrows()]
    roads = np.zeros((count, count), np.float32)
    for index, name in enumerate(DEFAULT_WIDTH):
        chosen = lines[lines["class"] == name]
        shapes = chosen.geometry.buffer(
            np.maximum(chosen["width"].to_numpy(float), step) / 2, cap_style="flat"
        )
        mask = burnt(shapes, [1.0] * len(shapes)) > 0
        roads[mask & (roads == 0)] = index + 1
    areas = table[table.geometry.type.isin(["Polygon", "MultiPolygon"])]
    water = areas[areas["natural"].isin(["water", "bay"]) | areas["landuse"].isin(["reservoir", "basin"])]
    green = areas[areas["natural"].isin(["wood"]) | areas["landuse"].isin(["forest", "orchard"])]
    layers = {
        "terrain": np.zeros_like(height),
        "surface": height,
        "height": height,
        "footprint": (height > 0).astype(np.float32),
        "indoor": (height > 0).astype(np.float32),
        "height_deviation": burnt(low_first.geometry, 0.5 + 0.03 * low_first["top"]),
        "material": burnt(low_first.geometry, codes + 1.0),
        "road": (roads > 0).astype(np.float32),
        "road_class": roads,
        "road_distance": (distance_transform_edt(roads == 0) * step).astype(np.float32),
        "water": burnt(water.geometry, [1.0] * len(water)),
        "vegetation": burnt(green.geometry, [1.0] * len(green)),
    }
    profile = {"driver": "GTiff", "width": count, "height": count, "count": len(layers), "dtype": "float32"}
    with rasterio.open(
        folder / "maps.tif", "w", **profile, crs=table.crs, transform=transform, compress="deflate"
    ) as file:
        for band, (name, values) in enumerate(layers.items(), 1):
            file.write(values, band)
            file.set_band_description(band, name)


def width_of(row: Any) -> float:
    width = parse_length(str(row.get("width", "")))
    lanes = parse_count(str(row.get("lanes", "")))
    return width or (3.25 * lanes if lanes else DEFAULT_WIDTH[row["class"]])
