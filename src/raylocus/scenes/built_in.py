"""The city scenes that come with sionna-rt, as sources of places."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from raylocus.errors import PlaceError
from raylocus.scenes.triangles import Triangles, read_mitsuba_scene

#: Shape ids of the terrain in each scene. The scenes have a local frame of unknown origin.
GROUND_SHAPES = {
    "munich": "mesh-ground",
    "florence": "mesh-ground",
    "etoile": "mesh-Plane",
    "san_francisco": "mesh-Terrain",
}
#: Notice that sionna-rt gives with them (its documentation of `sionna.rt.scene`).
ATTRIBUTION = (
    "city scene of sionna-rt, made from data © OpenStreetMap contributors, Open Database License 1.0 "
    "(openstreetmap.org/copyright)"
)


@dataclass(frozen=True)
class BuiltInCity:
    """One of sionna-rt's city scenes."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in GROUND_SHAPES:
            raise PlaceError(
                f"unknown place {self.name!r}; the built-in cities are {', '.join(sorted(GROUND_SHAPES))}"
            )

    @property
    def scene_file(self) -> Path:
        """The installed scene's XML, found without importing sionna (which would load Dr.Jit)."""
        distribution = metadata.distribution("sionna-rt")
        return Path(str(distribution.locate_file(f"sionna/rt/scenes/{self.name}/{self.name}.xml")))

    def read(self) -> Triangles:
        """All triangles of the city in its own frame."""
        ground = GROUND_SHAPES[self.name]
        return read_mitsuba_scene(self.scene_file, lambda shape: shape == ground)
