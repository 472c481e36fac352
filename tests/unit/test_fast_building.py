"""What makes builds fast changes nothing: each shorter way ends where the plain one does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion, maximum_filter
from shapely import Polygon, affinity

from map_fixtures import OsmText, building, rectangle
from raylocus.errors import PlaceError
from raylocus.geo import GeoFrame, Grid
from raylocus.provenance import Provenance
from raylocus.scenes.buildings.from_features import buildings_of
from raylocus.scenes.buildings.parts import shared_ground
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.deployment import DeploymentConfiguration
from raylocus.scenes.ground.from_features import (
    is_ground_area,
    pavements_of,
    roads_of,
    vegetation_of,
    water_of,
)
from raylocus.scenes.ground.terrain import flat_terrain
from raylocus.scenes.map_geometry import mesh_and_maps
from raylocus.scenes.meshing.prisms import PRECISION, _on_grid
from raylocus.scenes.osm.reader import read_osm
from raylocus.scenes.osm.tags import BUILDING_KEYS, GROUND_KEYS, LINE_KEYS
from raylocus.scenes.siting.macro import MacroLayout, _overlooks
from raylocus.scenes.tagged import Feature, NamedRandom
from raylocus.scenes.vector_map import VectorMap
from raylocus.scenes.write_place import SceneContent, write_place


class Asked(dict[str, str]):
    """Tags that remember which keys they were asked for."""

    def __init__(self, tags: dict[str, str], keys: set[str]) -> None:
        super().__init__(tags)
        self._keys = keys

    def get(self, key: str, default: str | None = None) -> str | None:
        self._keys.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> str:
        self._keys.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._keys.add(str(key))
        return super().__contains__(key)


def test_every_tag_that_is_asked_for_is_read() -> None:
    asked: set[str] = set()
    square = Polygon(rectangle(0, 0, 10, 10))
    kinds: list[dict[str, str]] = [
        {"building": "yes"},
        {"building:part": "yes", "min_height": "2"},
        {"building": "yes", "building:levels": "0"},
        {"building": "yes", "amenity": "parking"},
        {"building": "yes", "height": "9", "roof:shape": "gabled"},
        {"building": "yes", "height": "9", "roof:shape": "hipped", "roof:levels": "1"},
    ]
    areas = [
        Feature(f"way/{i}", Asked(tags, asked), affinity.translate(square, 20.0 * i))
        for i, tags in enumerate(kinds)
    ]
    ways = [Feature("way/9", Asked({"highway": "service"}, asked), shapely.LineString([(0, 50), (90, 50)]))]
    buildings_of(areas, "europe", NamedRandom(1), Counter())
    for reads in (water_of, vegetation_of, pavements_of):
        reads(areas)
    assert [is_ground_area(area.tags) for area in areas] == [False] * len(areas)
    own = {"raylocus:outline", "raylocus:repaired"}
    assert asked - own <= {*BUILDING_KEYS, *GROUND_KEYS}
    asked.clear()
    roads_of(ways)
    assert asked <= set(LINE_KEYS)


@st.composite
def polygons(draw: st.DrawFn) -> Polygon:
    """Rings around a point, either way round, some with corners almost on a side, some with a courtyard."""
    count = draw(st.integers(3, 9))
    radius = np.array(draw(st.lists(st.floats(0.05, 30.0), min_size=count, max_size=count)))
    angle = np.sort(draw(st.lists(st.floats(0, 6.28), min_size=count, max_size=count, unique=True)))
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None] + draw(st.floats(-500, 500))
    shape = Polygon(ring if draw(st.booleans()) else ring[::-1])
    yard = Polygon(rectangle(*(shape.centroid.coords[0]), 0.2, 0.3))
    return Polygon(shape.exterior, [yard.exterior]) if draw(st.booleans()) else shape


@settings(max_examples=60, deadline=None)
@given(
    st.lists(polygons().filter(lambda shape: shape.is_valid and shape.area > 1e-3), min_size=1, max_size=6)
)
def test_corners_are_rounded_as_geos_rounds_them(shapes: list[Polygon]) -> None:
    array = np.empty(len(shapes), object)
    array[:] = shapes
    plain = shapely.set_precision(array, PRECISION)
    np.testing.assert_array_equal(shapely.to_wkb(_on_grid(array)), shapely.to_wkb(plain))


def test_shared_ground_is_that_of_all_pairs(generator: np.random.Generator) -> None:
    corner = generator.integers(0, 12, (60, 2)) * 5.0
    shapes = np.array([shapely.box(x, y, x + 10, y + 5) for x, y in corner], object)
    one, other, common = shared_ground(shapes, shapes)
    area = shapely.area(shapely.intersection(shapes[:, None], shapes[None]))
    expected = np.argwhere(np.triu(area, 1) > 0)
    assert {*zip(one.tolist(), other.tolist(), strict=True)} == {(i, j) for i, j in expected.tolist()}
    np.testing.assert_array_equal(common, area[one, other])
    assert len(one) > 20


def test_roofs_that_overlook_their_neighbours(generator: np.random.Generator) -> None:
    tile, layout = Grid(200.0, 2.0), MacroLayout()
    height = np.where(generator.random(tile.shape) < 0.02, generator.uniform(5, 60, tile.shape), 0.0)
    height[30:50, 60:90] = 20.0
    height[:20] = 0.0
    low, high = layout.roof_height
    around = maximum_filter(np.minimum(height, high), size=2 * round(layout.overlook_radius / 2.0) + 1)
    interior = binary_erosion(height >= low, iterations=round(layout.roof_edge / 2.0))
    expected = (height >= low) & (height <= high) & (height >= 0.9 * around) & ~interior
    np.testing.assert_array_equal(_overlooks(height, tile, layout), expected)
    assert expected.any()
    assert not _overlooks(np.zeros(tile.shape), tile, layout).any()


def small_content() -> SceneContent:
    house = building(Polygon(rectangle(-10, -10, 20, 20)), 12.0)
    vector_map = VectorMap(GeoFrame(), (house,), (), flat_terrain(400.0))
    mesh, maps = mesh_and_maps(vector_map, 300.0, Grid(200.0, 4.0))
    return SceneContent(mesh, maps, GeoFrame())


def test_nothing_is_left_of_a_place_whose_maps_cannot_be_stored(tmp_path: Path) -> None:
    content = small_content()
    content.maps["terrain"].attrs["source"] = object()
    with pytest.raises(TypeError, match="Invalid attribute"):
        write_place(tmp_path / "place", content, SceneConfiguration(200.0, 4.0), Provenance.collect({}))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_place_without_room_for_a_site(tmp_path: Path) -> None:
    nowhere = SceneConfiguration(200.0, 4.0, deployment=DeploymentConfiguration(edge_distance=150.0))
    with pytest.raises(PlaceError, match="no site fits"):
        write_place(tmp_path / "place", small_content(), nowhere, Provenance.collect({}))
    assert list(tmp_path.iterdir()) == []


def test_areas_that_nothing_asks_for_are_left_in_the_file(tmp_path: Path) -> None:
    text = OsmText().bounds(256)
    for number, tags in enumerate(
        ({"building": "yes", "name": "A"}, {"landuse": "grass"}, {"natural": "water"})
    ):
        text.way(rectangle(40.0 * number, 0, 20, 20), tags)
    areas = read_osm(text.write(tmp_path / "map.osm")).areas
    assert [area.tags for area in areas] == [{"building": "yes"}, {"natural": "water"}]
