"""Proves a place: what rays hit is what the rasters say, and R, G and the sites share one frame.

Rays are shot at the scene as plain `sionna.rt.load_scene` loads it, not at raylocus's own copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import maximum_filter, minimum_filter

from raylocus.errors import StoreError
from raylocus.geo import Grid
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.runtime.runtime import activate
from raylocus.scenes.building_records import open_buildings
from raylocus.scenes.geometry_maps import grid_of

#: A ray agrees with the raster at a cell's centre if it hits within this height [m].
HEIGHT_TOLERANCE = 0.02
#: Between cell centres the surface lies between those of the cells around, give or take this [m].
BETWEEN_TOLERANCE = 0.3
#: Share of points between cell centres that has to agree: a chimney thinner than a cell escapes the raster.
BETWEEN_SHARE = 0.98
#: A georeference is sound if a round trip moves no corner further [m].
ROUND_TRIP = 0.01
#: Rays start this far above everything [m].
ABOVE = 100.0


@dataclass(frozen=True)
class PlaceCheck:
    """One thing that was checked."""

    what: str
    """What was checked, and the outcome in numbers."""
    sound: bool
    """Whether it is as it must be."""
    where: str = ""
    """Where it is not, e.g. local x,y [m] or an identifier."""
    fix: str = ""
    """What to do about it."""

    @property
    def line(self) -> str:
        """The finding as one line."""
        tail = "; ".join(part for part in (self.where, self.fix) if part and not self.sound)
        return f"{'ok' if self.sound else 'WRONG'}: {self.what}{f' ({tail})' if tail else ''}"


def validate_place(
    place: TracedPlace, generator: np.random.Generator, points: int = 1000
) -> list[PlaceCheck]:
    """Checks a place on disk.

    Args:
        place: an opened place; R is checked where it has been traced.
        generator: draws the points.
        points: number of random points that a ray is shot down at, twice.

    Raises:
        StoreError: G is truncated or foreign.
    """
    surface = np.asarray(place.geometry_maps["surface"].values, np.float64)
    shoot = _Plumb(place, float(surface.max()))
    return [
        _grids(place),
        _round_trip(place),
        _corners(place.tile, surface, shoot),
        _cell_centres(place.tile, surface, shoot, generator, points),
        _anywhere(place.tile, surface, shoot, generator, points),
        *_sites(place, shoot),
        _closed(place),
    ]


class _Plumb:
    """Shoots rays straight down at a scene."""

    def __init__(self, place: TracedPlace, highest: float) -> None:
        activate()
        import sionna.rt as rt

        self._scene = rt.load_scene(str(place.scene_file)).mi_scene
        self._top = highest + ABOVE

    def heights(self, xy: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, " point"]:
        """Height of the topmost surface [m] below each point; NaN where there is none."""
        import mitsuba as mi

        start = np.column_stack([xy, np.full(len(xy), self._top)]).astype(np.float32)
        ray = mi.Ray3f(mi.Point3f(np.ascontiguousarray(start.T)), mi.Vector3f(0, 0, -1))
        distance = self._scene.ray_intersect_preliminary(ray).t.numpy().astype(np.float64)
        return np.where(np.isfinite(distance) & (distance < 1e9), self._top - distance, np.nan)


def _grids(place: TracedPlace) -> PlaceCheck:
    what = "R and G share the tile's grid"
    maps = [place.geometry_maps]
    try:
        maps.append(place.radio_maps)
    except StoreError:
        what = "G is on the tile's grid (R is not traced yet)"
    axes = {"x": place.tile.x_coordinates, "y": place.tile.y_coordinates}
    same = all(np.array_equal(map[name].values, axis) for map in maps for name, axis in axes.items())
    return PlaceCheck(what, same, "their x and y differ", "trace the place again")


def _round_trip(place: TracedPlace) -> PlaceCheck:
    if not place.frame.georeferenced:
        return PlaceCheck("the place has a local frame only, so no latitude and longitude", True)
    half = place.tile.size / 2
    corner = np.array([[-half, -half], [half, -half], [-half, half], [half, half]])
    moved = float(np.abs(place.frame.to_local(*place.frame.to_wgs84(corner)) - corner).max())
    return PlaceCheck(
        f"corners to latitude and longitude and back move {moved * 1000:.3f} mm", moved < ROUND_TRIP
    )


def _corners(tile: Grid, surface: Float[np.ndarray, "y x"], shoot: _Plumb) -> PlaceCheck:
    cells = np.array([0, tile.count - 1, tile.count * (tile.count - 1), tile.count**2 - 1])
    return _compared("the four corners", tile.centres[cells], surface.ravel()[cells], shoot, 1.0)


def _cell_centres(
    tile: Grid, surface: Float[np.ndarray, "y x"], shoot: _Plumb, generator: np.random.Generator, points: int
) -> PlaceCheck:
    cells = generator.integers(tile.count**2, size=points)
    # A wall that runs exactly through a cell's centre belongs to either side of it.
    return _compared(f"{points} cell centres", tile.centres[cells], surface.ravel()[cells], shoot, 0.995)


def _compared(
    name: str,
    xy: Float[np.ndarray, "point 2"],
    said: Float[np.ndarray, " point"],
    shoot: _Plumb,
    needed: float,
) -> PlaceCheck:
    agrees = np.abs(shoot.heights(xy) - said) < HEIGHT_TOLERANCE
    return _share(f"a ray shot down at {name} hits what the raster says", agrees, xy, needed)


def _anywhere(
    tile: Grid, surface: Float[np.ndarray, "y x"], shoot: _Plumb, generator: np.random.Generator, points: int
) -> PlaceCheck:
    xy = generator.uniform(-tile.size / 2, tile.size / 2, (points, 2))
    cell = tile.index(xy)
    low, high = minimum_filter(surface, 3, mode="nearest"), maximum_filter(surface, 3, mode="nearest")
    hit = shoot.heights(xy)
    agrees = (hit > low.ravel()[cell] - BETWEEN_TOLERANCE) & (hit < high.ravel()[cell] + BETWEEN_TOLERANCE)
    return _share(
        f"a ray shot down at {points} random points hits between the cells around", agrees, xy, BETWEEN_SHARE
    )


def _share(what: str, agrees: np.ndarray, xy: Float[np.ndarray, "point 2"], needed: float) -> PlaceCheck:
    share = float(agrees.mean())
    where = "" if agrees.all() else "first at x,y = {:.1f},{:.1f} m".format(*xy[np.argmin(agrees)])
    return PlaceCheck(f"{what}: {share:.1%}", share >= needed, where, "build the place again")


def _sites(place: TracedPlace, shoot: _Plumb) -> list[PlaceCheck]:
    sites, positions = place.deployment.sites, place.deployment.site_positions
    above = positions[:, 2] - shoot.heights(positions[:, :2])
    over_ground = np.isfinite(above)
    # Far sites stand over the coarse ground around the tile, which no ray reaches.
    far = np.zeros(len(sites), bool)
    if place.surroundings is not None:
        far = ~over_ground & grid_of(place.surroundings).contains(positions)
    sound = far | (above > 0)
    if sound.all():
        beyond = f", {far.sum()} beyond the scene" if far.any() else ""
        low, high = (extreme(above[~far], initial=np.nan) for extreme in (np.fmin.reduce, np.fmax.reduce))
        what = f"{len(positions)} sites stand {low:.1f} to {high:.1f} m above what is below{beyond}"
        return [PlaceCheck(what, True)]
    return [
        PlaceCheck(
            f"{site.name} is {f'{-height:.1f} m below a surface' if within else 'outside the tile'}",
            False,
            "x,y,z = {:.1f},{:.1f},{:.1f} m".format(*site.position),
            "move it or raise its antenna",
        )
        for site, within, height, good in zip(sites, over_ground, above, sound, strict=True)
        if not good
    ]


def _closed(place: TracedPlace) -> PlaceCheck:
    total, leaking = open_buildings(place.folder)
    if total == 0:
        return PlaceCheck("no buildings are separate: the source was a bare mesh, or the tile is open", True)
    where = f"first {leaking[0]}" if leaking else ""
    share = 1 - len(leaking) / total
    return PlaceCheck(
        f"{share:.2%} of {total} buildings are closed", not leaking, where, "repair its outline in the source"
    )
