"""What a source may need in addition to its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
        return {name: path for name, path in given.items() if path not in (None, AUTO)}
