"""Areas without a map: extents, grids over them, and what is written and read again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from raylocus.errors import InputError, PlaceError
from raylocus.geo import Extent, GeoFrame
from raylocus.scenes.area import Area, is_area, open_area
from raylocus.scenes.area_of_sites import build_area_of_sites
from raylocus.scenes.configuration import FINE_REACH, AreaConfiguration, SceneConfiguration, SourceOptions
from raylocus.scenes.site_files import SiteFile

OSLO = GeoFrame(59.91, 10.75)


def site_list(folder: Path, *xy: tuple[float, float]) -> SceneConfiguration:
    """A configuration with a list of one-cell sites at local points [m] around `OSLO`."""
    latitude, longitude = OSLO.to_wgs84(np.array(xy, float))
    lines = [f"s{n},{a:.7f},{b:.7f},{n}" for n, (a, b) in enumerate(zip(latitude, longitude, strict=True))]
    path = folder / "sites.csv"
    path.write_text("\n".join(["site,latitude,longitude,pci", *lines]))
    return SceneConfiguration(sites=SiteFile(path))


def box(half: float) -> str:
    """The source of a square without a map around `OSLO`."""
    latitude, longitude = OSLO.to_wgs84(np.array([[-half, -half], [half, half]], float))
    return f"open:{longitude[0]:.7f},{latitude[0]:.7f},{longitude[1]:.7f},{latitude[1]:.7f}"


def built(folder: Path, source: str, scene: SceneConfiguration, **settings: float) -> Area:
    return build_area_of_sites(source, folder / "area", scene, AreaConfiguration(**settings))


def test_an_area_of_sites_is_their_box_and_the_margin(tmp_path: Path) -> None:
    area = built(tmp_path, "sites", site_list(tmp_path, (0, 0), (4000, 0), (1000, -2000)), margin=700.0)
    np.testing.assert_allclose(
        area.extent.size, [4000 + 1400, 2000 + 1400], atol=20
    )  # latitude, not northing
    assert area.extent.widened(-699.9).contains(area.deployment.site_positions).all()
    assert not area.extent.widened(-701.0).contains(area.deployment.site_positions).all()
    there = area.frame.to_local(*OSLO.to_wgs84(np.array([4000.0, 0.0])))
    assert np.abs(area.deployment.site_positions[1, :2] - there).max() < 0.02
    assert not area.tiles and area.ground is None


def test_what_is_written_is_read(tmp_path: Path) -> None:
    area = built(tmp_path, "sites", site_list(tmp_path, (0, 0), (900, 300)))
    assert is_area(area.folder)
    assert open_area(area.folder) == area


def test_sites_beyond_a_box_are_kept_within_reach(tmp_path: Path) -> None:
    scene = site_list(tmp_path, (0, 0), (2500, 0), (0, 6000))
    near = built(tmp_path, box(1000.0), scene, reach=2000.0)
    np.testing.assert_allclose(near.extent.size, 2000, atol=110)  # degrees, not the grid's north
    assert [site.name for site in near.deployment.sites] == ["s0", "s1"]
    assert not near.extent.contains(near.deployment.site_positions[1])
    assert any("outside" in note and note.endswith(": 1") for note in near.notes)


def test_a_grid_over_an_area_covers_it_and_knows_what_is_outside(tmp_path: Path) -> None:
    area = built(tmp_path, "sites", site_list(tmp_path, (0, 0), (4000, 0)), margin=500.0)
    grid = area.grid(64.0)
    west, south, east, north = grid.bounds
    assert west <= area.extent.west and east >= area.extent.east
    assert south <= area.extent.south and north >= area.extent.north
    inside = area.inside(grid)
    width, depth = area.extent.size
    assert inside.sum() * 64.0**2 == pytest.approx(width * depth, rel=0.1)
    assert inside.ravel()[grid.index(np.array([area.extent.centre]))].all()


def slope(folder: Path) -> Path:
    """A terrain model around `OSLO` that rises by 5 m in 100 m to the east."""
    easting, northing = OSLO.origin_projected
    path, cells = folder / "dtm.tif", 300
    height = 100 + 0.05 * (np.arange(cells) * 50.0 - 7500 + 25)
    profile = {
        "driver": "GTiff", "width": cells, "height": cells, "count": 1, "dtype": "float32", "crs": OSLO.crs,
        "transform": from_origin(easting - 7500, northing + 7500, 50, 50),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(np.broadcast_to(height, (cells, cells)).astype(np.float32), 1)
    return path


def test_masts_stand_on_the_terrain_and_the_ground_is_kept(tmp_path: Path) -> None:
    scene = site_list(tmp_path, (0, 0), (2000, 0))
    hilly = dataclasses.replace(scene, options=SourceOptions(terrain=slope(tmp_path)))
    area = built(tmp_path, "sites", hilly, margin=500.0, reach=100.0)
    assert [site.position[2] for site in area.deployment.sites] == pytest.approx([125.0, 225.0], abs=2.0)
    ground = open_area(area.folder).ground
    assert ground is not None
    rise = np.diff(ground["terrain"].values, axis=1) / np.diff(ground["x"].values)
    np.testing.assert_allclose(rise, 0.05, atol=0.002)
    np.testing.assert_array_equal(ground["surface"].values, ground["terrain"].values)
    with pytest.raises(PlaceError, match="too wide for --terrain"):
        built(tmp_path, "sites", hilly, margin=40e3)


def test_the_same_list_gives_the_same_bytes(tmp_path: Path) -> None:
    scene = site_list(tmp_path, (0, 0), (900, 300))
    first = (built(tmp_path, "sites", scene).folder / "area.json").read_bytes()
    assert (built(tmp_path, "sites", scene).folder / "area.json").read_bytes() == first


def test_an_extent_is_not_empty() -> None:
    with pytest.raises(InputError, match="empty"):
        Extent(0.0, 0.0, 0.0, 1.0)
    extent = Extent(-1.0, 2.0, 5.0, 4.0)
    assert extent.size == (6, 2) and extent.centre == (2, 3)
    np.testing.assert_array_equal(extent.contains(np.array([[-1, 2], [5.1, 3], [2, 3]])), [True, False, True])


@pytest.mark.parametrize(
    ("source", "points", "words"),
    [
        ("open:20,59,20.1,59.1", [(0, 0)], "none of the 1 cells"),
        ("sites", [(0, 0), (900e3, 0)], "400 km is the most"),
        ("open:a,b", [(0, 0)], "no list of numbers"),
        ("open:10,60,9,61", [(0, 0)], "empty"),
    ],
)
def test_what_is_no_area_is_one_sentence(
    tmp_path: Path, source: str, points: list[tuple[float, float]], words: str
) -> None:
    with pytest.raises(PlaceError, match=words) as refused:
        built(tmp_path, source, site_list(tmp_path, *points))
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "area").exists()


def test_little_geometry_around_the_tiles_is_said() -> None:
    assert AreaConfiguration().notes == () and AreaConfiguration(near=FINE_REACH + 1).notes == ()
    (note,) = AreaConfiguration(near=64.0).notes
    assert note.startswith("with 64 m of geometry") and note.endswith("--area.near 200 avoids it")


def test_an_area_needs_a_list(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--sites FILE"):
        built(tmp_path, "sites", SceneConfiguration())
    with pytest.raises(PlaceError, match="absent"):
        built(tmp_path, "sites", SceneConfiguration(sites=SiteFile(tmp_path / "absent.csv")))
    with pytest.raises(InputError, match="positive"):
        AreaConfiguration(margin=0.0)


def test_a_broken_area_is_one_sentence(tmp_path: Path) -> None:
    area = built(tmp_path, "sites", site_list(tmp_path, (0, 0)))
    path = area.folder / "area.json"
    record = json.loads(path.read_text())
    for broken, words in (
        ("{", "not valid JSON"),
        ("[]", "schema None"),
        (json.dumps(record | {"schema": "raylocus.area.v0"}), "build it again"),
        (json.dumps(record | {"extent": dataclasses.asdict(area.extent) | {"west": "x"}}), "west"),
        (json.dumps({key: value for key, value in record.items() if key != "sites"}), "KeyError"),
        (json.dumps(record | {"extent": {"west": 1.0, "south": 0.0, "east": 0.0, "north": 1.0}}), "empty"),
    ):
        path.write_text(broken)
        with pytest.raises(InputError, match=words):
            open_area(area.folder)
    with pytest.raises(PlaceError, match="no area at"):
        open_area(tmp_path / "nowhere")
