"""Elevation over the network: Copernicus GLO-30, one Cloud-Optimised GeoTIFF a degree, by rasterio.

Only the blocks that a place needs are read (HTTP range requests), and kept. Names, grid and the rule that a
missing tile is sea follow the bucket's own description, https://copernicus-dem-30m.s3.amazonaws.com/readme.html.
Heights are metres above the EGM2008 geoid, of a surface model: roofs and canopies included.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from raylocus.errors import PlaceError
from raylocus.geo import GeoFrame
from raylocus.scenes.configuration import AUTO
from raylocus.scenes.geotiff import Band, write_bands
from raylocus.scenes.map_sources.online import cache_folder
from raylocus.scenes.tagged import Bounds

#: Two names of the public bucket, asked in turn until one answers.
ELEVATION_SERVERS = (
    "https://copernicus-dem-30m.s3.eu-central-1.amazonaws.com",
    "https://copernicus-dem-30m.s3.amazonaws.com",
)
#: Environment variable with base addresses of other servers, separated by spaces, asked instead.
SERVERS_VARIABLE = "RAYLOCUS_TERRAIN_SERVERS"
#: What every server holds besides the tiles; one that lacks it is no server of tiles.
TILE_LIST = "tileList.txt"
#: The notice that the licence of GLO-30 asks for where its heights were changed.
GLO30_ATTRIBUTION = (
    "ground produced using Copernicus WorldDEM-30 © DLR e.V. 2010-2014 and © Airbus Defence and Space GmbH "
    "2014-2018 provided under COPERNICUS by the European Union and ESA; all rights reserved"
)
GLO30_NOTE = (
    "ground from Copernicus GLO-30, a surface model: its low side is taken and smoothed; heights are above "
    "the EGM2008 geoid"
)
#: Seconds that a server may take for a read, and to say that it is there.
TIMEOUT, GREETING = 120, 15
#: Boxes are widened to multiples of this, so that neighbours share what is kept [degrees].
BOX_STEP = 0.01
#: Ground read beyond the square: the terrain's outermost cells and the next pixel [m].
REACH = 100.0
#: A pixel from south to north, and from west to east up to 50° of latitude [degrees].
PIXEL = 1 / 3600
#: Tag of a kept file with the names of tiles that no server has.
_MISSING = "RAYLOCUS_MISSING_TILES"


@dataclass(frozen=True)
class Elevation:
    """A file of heights, and what is to be said of it."""

    path: Path
    """GeoTIFF or HGT."""
    notes: tuple[str, ...] = ()
    """Where the heights come from and what they lack, one sentence each."""
    attribution: str = ""
    """Licence notice to be kept with anything derived; empty for a user's own file."""


def elevation_for(given: Path, frame: GeoFrame, size: float) -> Elevation:
    """The given file, or for `auto` the heights around a frame's origin.

    Args:
        given: a file, or `AUTO`.
        frame: of the place.
        size: side of the square around the frame's origin that is wanted [m].

    Raises:
        PlaceError: heights are to be fetched, and no server can be reached.
    """
    if given != AUTO:
        return Elevation(given)
    half = size / 2 + REACH
    corners = np.array([[x, y] for x in (-half, half) for y in (-half, half)])
    latitude, longitude = frame.to_wgs84(corners)
    sides = (longitude.min(), latitude.min(), longitude.max(), latitude.max())
    path = fetch_elevation((float(sides[0]), float(sides[1]), float(sides[2]), float(sides[3])))
    return Elevation(path, (GLO30_NOTE, *_missing_note(path)), GLO30_ATTRIBUTION)


def elevation_servers() -> tuple[str, ...]:
    """Base addresses to ask: those of `$RAYLOCUS_TERRAIN_SERVERS`, else the public bucket's."""
    named = os.environ.get(SERVERS_VARIABLE, "").split()
    return tuple(name.rstrip("/") for name in named) or ELEVATION_SERVERS


def fetch_elevation(bounds: Bounds) -> Path:
    """Heights of a box of longitude and latitude as a GeoTIFF, from the cache or the first server that answers.

    Tiles that the server lacks are sea, at 0 m.

    Raises:
        PlaceError: no server can be reached.
    """
    box = _widened(bounds)
    name = "_".join(f"{value:.2f}" for value in box)
    kept = cache_folder() / "terrain" / f"copernicus-glo30_{name}.tif"
    if not kept.exists():
        _download(box, kept, elevation_servers())
    return kept


def tile_name(south: int, west: int) -> str:
    """Name of the tile whose south-west corner is at whole degrees, such as N48, E011."""
    latitude = f"{'S' if south < 0 else 'N'}{abs(south):02d}"
    longitude = f"{'W' if west < 0 else 'E'}{abs(west):03d}"
    return f"Copernicus_DSM_COG_10_{latitude}_00_{longitude}_00_DEM"


def _tiles(box: Bounds) -> list[str]:
    """Names of the tiles that a box touches; a tile begins half a pixel beyond its whole degrees."""
    west, south, east, north = box
    rows = range(math.floor(south - PIXEL), math.floor(north + PIXEL) + 1)
    columns = range(math.floor(west - PIXEL), math.floor(east + 10 * PIXEL) + 1)
    return [tile_name(row, column) for row in rows for column in columns]


def _widened(bounds: Bounds) -> Bounds:
    west, south, east, north = (value / BOX_STEP for value in bounds)
    low, high = (math.floor(west), math.floor(south)), (math.ceil(east), math.ceil(north))
    return low[0] * BOX_STEP, low[1] * BOX_STEP, high[0] * BOX_STEP, high[1] * BOX_STEP


def _missing_note(path: Path) -> tuple[str, ...]:
    import rasterio

    with rasterio.open(path) as file:
        missing = file.tags().get(_MISSING, "")
    return (f"GLO-30 has no tile {missing}: taken as sea, at 0 m",) if missing else ()


def _download(box: Bounds, kept: Path, servers: Sequence[str]) -> None:
    from rasterio.errors import RasterioError
    from requests.exceptions import RequestException

    failures = []
    for server in servers:
        try:
            _fetch(server, box, kept)
            return
        except (RequestException, RasterioError) as error:
            failures.append(f"{server.split('/')[2]}: {type(error).__name__}")
    raise PlaceError(
        f"no elevation server can be reached ({'; '.join(failures)}); connect to the network, name a mirror in "
        f"{SERVERS_VARIABLE}, or give a file: --terrain FILE"
    )


def _fetch(server: str, box: Bounds, kept: Path) -> None:
    """Leaves the box's heights as a file.

    Raises:
        RequestException: the server is not there, or no server of tiles.
        RasterioError: a tile cannot be read whole.
    """
    import rasterio

    _asked(f"{server}/{TILE_LIST}").raise_for_status()
    names = _tiles(box)
    present = [name for name in names if _has(server, name)]
    settings = {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_HTTP_CONNECTTIMEOUT": GREETING,
        "GDAL_HTTP_TIMEOUT": TIMEOUT,
        # A server that failed before may answer by now.
        "CPL_VSIL_CURL_NON_CACHED": f"/vsicurl/{server}",
    }
    with rasterio.Env(**settings), ExitStack() as open_files:
        files = [open_files.enter_context(rasterio.open(f"/vsicurl/{_address(server, n)}")) for n in present]
        heights, transform = _mosaic(files, box)
    tags = {_MISSING: ", ".join(sorted(set(names) - set(present))), "TIFFTAG_COPYRIGHT": GLO30_ATTRIBUTION}
    write_bands([Band("height", "m", heights[::-1])], "EPSG:4326", transform, tags, kept)


def _address(server: str, name: str) -> str:
    return f"{server}/{name}/{name}.tif"


def _asked(address: str) -> Any:
    import requests

    return requests.head(address, timeout=GREETING, allow_redirects=True)


def _has(server: str, name: str) -> bool:
    answer = _asked(_address(server, name))
    if answer.status_code == 404:
        return False
    answer.raise_for_status()
    return True


def _mosaic(files: Sequence[Any], box: Bounds) -> tuple[Float[np.ndarray, "y x"], Any]:
    """Heights of a box on the pixels of the finest tile, 0 where there is no tile, and their transform.

    Pixels of all tiles between two of the parallels 50, 60, 70, 80 and 85 are one grid. A box across such a
    parallel takes the nearest pixel of the coarser tiles.
    """
    from rasterio.merge import merge
    from rasterio.transform import from_origin
    from rasterio.windows import bounds as bounds_of

    if not files:
        west, south, east, north = box
        shape = (round((north - south) / PIXEL), round((east - west) / PIXEL))
        return np.zeros(shape, np.float32), from_origin(west, north, PIXEL, PIXEL)
    finest = min(files, key=lambda file: file.res[0])
    window = finest.window(*box).round_offsets(op="floor").round_lengths(op="ceil")
    heights, transform = merge(
        files, bounds=bounds_of(window, finest.transform), res=finest.res, nodata=0, dtype="float32"
    )
    return np.asarray(heights[0]), transform
