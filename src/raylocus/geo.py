"""Where things are: the local frame, square grids, and compass angles.

Inside raylocus, angles are radians, azimuth counter-clockwise from east (+x), zenith from up (+z).
Compass degrees (clockwise from north) exist at the edges only and are converted here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from pyproj import CRS, Transformer

from raylocus.errors import InputError


@dataclass(frozen=True)
class GeoFrame:
    """A local east-north-up frame in metres, georeferenced where its origin is known.

    x is UTM easting and y is UTM northing, both minus the origin's, so y points to grid north, which
    differs from true north by the zone's convergence (at most 3°), which is not corrected for. A frame
    without an origin is purely local.
    """

    origin_latitude: float | None = None
    """WGS84 latitude of the origin [degrees]; None where the place is not georeferenced."""
    origin_longitude: float | None = None
    """WGS84 longitude of the origin [degrees]; None where the place is not georeferenced."""
    zone: int | None = None
    """UTM zone that x and y follow; None for the origin's own. Tiles of one map share a zone, so that they join."""

    def __post_init__(self) -> None:
        if (self.origin_latitude is None) != (self.origin_longitude is None):
            raise InputError("a frame needs both origin latitude and longitude, or neither")

    @property
    def georeferenced(self) -> bool:
        """Whether local coordinates can be turned into latitude and longitude."""
        return self.origin_latitude is not None

    @property
    def utm_zone(self) -> int:
        """Number of the UTM zone, 1..60. Raises InputError for a purely local frame."""
        if self.origin_longitude is None:
            raise InputError("this place is not georeferenced, so it has no latitude and longitude")
        return self.zone or int((self.origin_longitude + 180) // 6) % 60 + 1

    @cached_property
    def crs(self) -> CRS:
        """The UTM zone's projection (WGS84). Raises InputError for a purely local frame."""
        southern = self.origin_latitude is not None and self.origin_latitude < 0
        return CRS.from_epsg((32700 if southern else 32600) + self.utm_zone)

    @cached_property
    def origin_projected(self) -> tuple[float, float]:
        """(easting, northing) of the origin in `crs` [m]. Raises InputError for a purely local frame."""
        return self._from_wgs84.transform(self.origin_longitude, self.origin_latitude)

    @cached_property
    def _from_wgs84(self) -> Transformer:
        return Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)

    @cached_property
    def _to_wgs84(self) -> Transformer:
        return Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)

    def to_local(
        self, latitude: Float[np.ndarray, "..."] | float, longitude: Float[np.ndarray, "..."] | float
    ) -> Float[np.ndarray, "... 2"]:
        """Local (x, y) [m] of WGS84 degrees. Raises InputError for a purely local frame."""
        easting, northing = self._from_wgs84.transform(longitude, latitude)
        return np.stack(
            [np.asarray(easting) - self.origin_projected[0], np.asarray(northing) - self.origin_projected[1]],
            axis=-1,
        )

    def to_wgs84(
        self, xy: Float[np.ndarray, "... 2"]
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """(latitude, longitude) [degrees] of local metres. Raises InputError for a purely local frame."""
        xy = np.asarray(xy)
        longitude, latitude = self._to_wgs84.transform(
            xy[..., 0] + self.origin_projected[0], xy[..., 1] + self.origin_projected[1]
        )
        return np.asarray(latitude), np.asarray(longitude)

    def moved(self, x: float, y: float) -> GeoFrame:
        """The frame whose origin is the local point (x, y) [m] of this one, axes and zone kept."""
        if not self.georeferenced:
            return self
        latitude, longitude = self.to_wgs84(np.array([x, y], float))
        return GeoFrame(float(latitude), float(longitude), self.utm_zone)


#: Cells along the side of a grid: more are of no machine's memory, but of a unit that was mistaken.
MOST_CELLS = 32768


@dataclass(frozen=True)
class Grid:
    """A square grid in a frame; arrays over it are [y, x], y ascending. A tile's is centred on its frame's origin."""

    size: float
    """Side of the square [m]."""
    resolution: float
    """Side of one ground cell [m]; divides the size."""
    centre: tuple[float, float] = (0.0, 0.0)
    """Middle of the square in the frame [m]."""

    def __post_init__(self) -> None:
        cells = self.size / self.resolution if self.resolution > 0 else math.nan
        if not (1 - 1e-9 < cells <= MOST_CELLS and abs(cells - round(cells)) <= 1e-9):
            raise InputError(
                f"a resolution of {self.resolution:g} m does not divide a tile of {self.size:g} m into 1 to "
                f"{MOST_CELLS} cells a side"
            )

    @property
    def count(self) -> int:
        """Ground cells along one side."""
        return round(self.size / self.resolution)

    @property
    def shape(self) -> tuple[int, int]:
        """(y, x) shape of arrays over the grid."""
        return self.count, self.count

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north edge [m]."""
        (x, y), half = self.centre, self.size / 2
        return x - half, y - half, x + half, y + half

    @cached_property
    def x_coordinates(self) -> Float[np.ndarray, " n"]:
        """x of the cell centres, from west [m]."""
        return self._offsets + self.centre[0]

    @cached_property
    def y_coordinates(self) -> Float[np.ndarray, " n"]:
        """y of the cell centres, from south [m]."""
        return self._offsets + self.centre[1]

    @cached_property
    def _offsets(self) -> Float[np.ndarray, " n"]:
        return (np.arange(self.count) + 0.5) * self.resolution - self.size / 2

    @cached_property
    def centres(self) -> Float[np.ndarray, "cells 2"]:
        """Cell-centre (x, y) [m] of every ground cell, in flat [y, x] order."""
        y, x = np.meshgrid(self.y_coordinates, self.x_coordinates, indexing="ij")
        return np.stack([x.ravel(), y.ravel()], axis=-1)

    def contains(self, xy: Float[np.ndarray, "... xyz"]) -> Bool[np.ndarray, "..."]:
        """Whether each point lies in the square."""
        return self._inside(*self._from_centre(xy))

    def index(self, xy: Float[np.ndarray, "... xyz"]) -> Int[np.ndarray, "..."]:
        """Flat index of the ground cell of each point; −1 outside the square."""
        offset = self._from_centre(xy)
        inside = self._inside(*offset)
        # A point just inside the far edge can be rounded onto it.
        column, row = (
            np.minimum(
                (np.where(inside, each + self.size / 2, 0.0) / self.resolution).astype(np.int64),
                self.count - 1,
            )
            for each in offset
        )
        return np.where(inside, row * self.count + column, -1)

    def _from_centre(self, xy: Float[np.ndarray, "*shape xyz"]) -> list[Float[np.ndarray, "*shape"]]:
        # Axis by axis: reductions over an axis of two are many times slower.
        points = np.asarray(xy, np.float64)
        return [np.asarray(points[..., axis] - self.centre[axis]) for axis in range(2)]

    def _inside(self, x: Float[np.ndarray, "..."], y: Float[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
        return np.asarray((np.abs(x) < self.size / 2) & (np.abs(y) < self.size / 2))

    def coarsen(self, resolution: float) -> Grid:
        """The same square in larger cells. Raises InputError unless they hold whole fine cells."""
        if abs(resolution / self.resolution - round(resolution / self.resolution)) > 1e-9:
            raise InputError(f"cells of {resolution} m do not hold whole cells of {self.resolution} m")
        return Grid(self.size, resolution, self.centre)


@dataclass(frozen=True)
class Extent:
    """A rectangle in a frame."""

    west: float
    """x of its edge [m]."""
    south: float
    """y of its edge [m]."""
    east: float
    """x of its edge [m]."""
    north: float
    """y of its edge [m]."""

    def __post_init__(self) -> None:
        if not (self.west < self.east and self.south < self.north):
            raise InputError(
                f"an extent from x = {self.west:g} to {self.east:g} m and y = {self.south:g} to {self.north:g} m is "
                "empty; its west must be below its east and its south below its north"
            )

    @property
    def size(self) -> tuple[float, float]:
        """(east − west, north − south) [m]."""
        return self.east - self.west, self.north - self.south

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle (x, y) [m]."""
        return (self.west + self.east) / 2, (self.south + self.north) / 2

    def contains(self, xy: Float[np.ndarray, "... xyz"]) -> Bool[np.ndarray, "..."]:
        """Whether each point lies in the rectangle, its edge included."""
        x, y = np.asarray(xy)[..., 0], np.asarray(xy)[..., 1]
        return np.asarray((x >= self.west) & (x <= self.east) & (y >= self.south) & (y <= self.north))

    def widened(self, margin: float) -> Extent:
        """The rectangle with a margin [m] on every side."""
        return Extent(self.west - margin, self.south - margin, self.east + margin, self.north + margin)

    def grid(self, resolution: float) -> Grid:
        """The smallest square grid of that resolution [m] that covers the rectangle, about its middle."""
        return Grid(float(np.ceil(max(self.size) / resolution) * resolution), resolution, self.centre)


def azimuth_from_compass(degrees: float) -> float:
    """Radians counter-clockwise from east in (−π, π] of compass degrees clockwise from north."""
    return wrap_angle(np.deg2rad(90.0 - degrees))


def compass_from_azimuth(azimuth: float) -> float:
    """Compass degrees in [0, 360) of an azimuth in radians counter-clockwise from east."""
    degrees = float((90.0 - np.rad2deg(azimuth)) % 360.0)
    return 0.0 if degrees == 360.0 else degrees  # the remainder of a tiny negative number is rounded up


def wrap_angle(angle: float) -> float:
    """The same angle in (−π, π]."""
    wrapped = float(np.pi - (np.pi - angle) % (2 * np.pi))
    return wrapped if wrapped > -np.pi else float(np.pi)
