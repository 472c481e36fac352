"""Elevation files: planes come out as planes, voids are filled, bad files are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from map_fixtures import FRAME
from raylocus.errors import InputError
from raylocus.scenes.ground.terrain import FLAT, cut_terrain, flat_terrain, read_terrain, terrain_height


def elevation(path: Path, crs: str | None = "EPSG:32633", void: bool = False, step: float = 10.0) -> Path:
    """A plane that rises 0.1 m a metre eastwards and 0.05 m a metre northwards, about the frame's origin."""
    easting, northing = FRAME.origin_projected
    half = 1000.0
    x = np.arange(-half + step / 2, half, step)
    values = (100 + 0.1 * x[None, :] - 0.05 * x[:, None]).astype(np.float32)
    if void:
        values[90:110, 90:110] = -32768
    transform = Affine(step, 0, easting - half, 0, -step, northing + half)
    shape = {"width": len(x), "height": len(x), "count": 1, "dtype": "float32", "nodata": -32768}
    with rasterio.open(path, "w", driver="GTiff", transform=transform, crs=crs, **shape) as file:
        file.write(values, 1)
    return path


POINTS = np.array([[0.0, 0.0], [200.0, 0.0], [0.0, 200.0], [-311.0, 97.0]])
PLANE = 100 + POINTS @ np.array([0.1, 0.05])


def test_a_plane_is_read_exactly(tmp_path: Path) -> None:
    terrain = read_terrain(elevation(tmp_path / "dtm.tif"), FRAME, 1000.0)
    np.testing.assert_allclose(terrain_height(terrain, POINTS), PLANE, atol=1e-3)
    assert terrain.source == "terrain model"


def test_a_plane_survives_smoothing(tmp_path: Path) -> None:
    """The low side of a surface model lies below the plane by the same everywhere."""
    terrain = read_terrain(elevation(tmp_path / "srtm_plane.tif"), FRAME, 1000.0)
    offset = terrain_height(terrain, POINTS) - PLANE
    assert terrain.source == "surface model, smoothed"
    assert np.ptp(offset) < 0.3
    assert -10 < offset.mean() < 0


def test_a_tile_cut_out_has_the_same_ground(tmp_path: Path) -> None:
    terrain = read_terrain(elevation(tmp_path / "dtm.tif"), FRAME, 1000.0)
    cut = cut_terrain(terrain, (150.0, -70.0), 400.0)
    np.testing.assert_allclose(terrain_height(cut, POINTS[:2]), PLANE[:2] + 15.0 - 3.5, atol=1e-3)


def test_voids_are_filled(tmp_path: Path) -> None:
    terrain = read_terrain(elevation(tmp_path / "dtm.tif", void=True), FRAME, 1000.0)
    assert np.isfinite(terrain.height).all()
    assert np.abs(terrain_height(terrain, POINTS) - PLANE).max() < 20


def test_unknown_ground_is_flat_and_says_so() -> None:
    terrain = flat_terrain(512.0)
    assert terrain.source == FLAT == cut_terrain(terrain, (9.0, 9.0), 100.0).source
    assert (terrain_height(terrain, POINTS) == 0).all()


def test_files_that_will_not_do(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(InputError, match="not a readable elevation file"):
        read_terrain(tmp_path / "text.tif", FRAME, 1000.0)
    with pytest.raises(InputError, match="no coordinate reference system"):
        read_terrain(elevation(tmp_path / "nowhere.tif", crs=None), FRAME, 1000.0)
    with pytest.raises(InputError, match="covers only 25%|covers only 2"):
        read_terrain(elevation(tmp_path / "small.tif"), FRAME, 4000.0)
    with pytest.raises(InputError, match="there is no terrain file"):
        read_terrain(tmp_path / "absent.tif", FRAME, 1000.0)
