"""How a place or an area is cut out of its source and given a network, and what a source may need."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from raylocus.errors import InputError
from raylocus.geo import Grid
from raylocus.scenes.deployment import DeploymentConfiguration
from raylocus.scenes.radio_properties import SceneMaterials
from raylocus.scenes.site_files import SiteFile

#: Stands for the elevation file that is fetched, see `scenes.map_sources.elevation_tiles`.
AUTO = Path("auto")


@dataclass(frozen=True)
class SourceOptions:
    """Files and numbers that go with a map source; built-in cities need none of them."""

    radius: float = 256.0
    """Half the side of the square around a point [m], for sources such as `48.137,11.575`."""
    height_field: str | None = None
    """Column of a building file that holds the height [m], or `NAME[ft]`; usual names are found without it."""
    roads: Path | None = None
    """Road lines that go with a building file."""
    vegetation: Path | None = None
    """Areas with trees that go with a building file."""
    terrain: Path | None = None
    """Elevation (GeoTIFF, HGT, also zipped), or `AUTO`; without it the ground is flat and recorded as unknown."""

    @property
    def files(self) -> dict[str, Path]:
        """The files that are given, by role; not what is fetched."""
        given = {"roads": self.roads, "vegetation": self.vegetation, "terrain": self.terrain}
        return {name: path for name, path in given.items() if path is not None and path != AUTO}


@dataclass(frozen=True)
class SceneConfiguration:
    """How a place is cut out of its source and given a network."""

    tile_size: float = 512.0
    """Side of the tile [m]."""
    resolution: float = 2.0
    """Grid of the geometry maps and of everything computed over the tile [m]."""
    centre: tuple[float, float] | None = None
    """Centre of the one tile wanted, in the source's frame [m]; None for all tiles of a map, or a city's middle."""
    margin: float = 100.0
    """Geometry kept around the tile, so that its edge still has neighbours to reflect from [m]."""
    seed: int = 0
    """Seed of the deployment and of what no map states."""
    options: SourceOptions = SourceOptions()
    """Files and numbers that go with a map source."""
    deployment: DeploymentConfiguration = field(default_factory=DeploymentConfiguration)
    """Statistics of the network that is drawn where no file of sites is given."""
    materials: SceneMaterials = field(default_factory=SceneMaterials)
    """εr, σ and thickness of material classes where they are not the ITU's."""
    sites: SiteFile | None = None
    """A file with the place's real sites."""

    @property
    def tile(self) -> Grid:
        """Grid of the geometry maps. Raises InputError where the resolution does not divide the tile."""
        return Grid(self.tile_size, self.resolution)

    @property
    def side(self) -> float:
        """Side of the tile with its margin [m]."""
        return self.tile_size + 2 * self.margin


#: The way before a phone whose roofs are read one by one where its mast stands far outside the tile [m].
FINE_REACH = 200.0


@dataclass(frozen=True)
class AreaConfiguration:
    """What an area has beyond its tiles."""

    margin: float = 1500.0
    """Ground around the outermost sites of a list that an area is made of [m]."""
    reach: float = 3000.0
    """Sites this far beyond the extent are kept or drawn: they are heard in it [m]."""
    near: float = FINE_REACH
    """Geometry kept around each tile; masts that stand in it are traced with all of it [m]. With less, levels step at
    the seams between tiles."""
    side: float | None = None
    """Side of a generated town [m]; None for one tile's."""

    def __post_init__(self) -> None:
        if not (self.margin > 0 and self.reach >= 0 and self.near >= 0):
            raise InputError(
                f"a margin of {self.margin:g} m, a reach of {self.reach:g} m and {self.near:g} m around each tile "
                "leave no ground; give positive metres"
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of it."""
        if self.near >= FINE_REACH:
            return ()
        return (
            f"with {self.near:g} m of geometry around each tile, levels of masts beyond it step at the seams between "
            f"tiles; --area.near {FINE_REACH:g} avoids it",
        )
