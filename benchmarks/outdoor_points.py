"""Random outdoor points of a place, and the paths of its first site to them: by the atlas and by PathSolver."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.atlas.channel_response import PointPaths
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.oracles.reference import ReferenceSettings, reference_paths
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.build import SceneConfiguration, build_place

#: Tile centres that lie inside each city's scene [m].
CENTRES = {
    "munich": (-44.0, -4.0),
    "florence": (21.0, 0.0),
    "etoile": (25.0, 20.0),
    "san_francisco": (30.0, 0.0),
}
#: Power gain below which a point counts as dark.
DARK = 1e-13


@dataclass(frozen=True)
class Points:
    """Points of a place, at the centres of outdoor ground cells and the UE's height."""

    place: TracedPlace
    cells: Int[np.ndarray, " point"]
    position: Float[np.ndarray, "point 3"]

    @property
    def site(self) -> Float[np.ndarray, "3"]:
        """The place's first site [m]."""
        return self.place.deployment.site_positions[0]

    def reference(self, settings: ReferenceSettings, count: int | None = None) -> PointPaths:
        """PathSolver's paths from the first site to the first so many points."""
        carrier = self.place.deployment.carrier
        return reference_paths(
            self.place.scene_file, carrier.frequency, self.site, self.position[:count], settings
        )


def random_points(place: TracedPlace, count: int) -> Points:
    """So many points, the same in every run."""
    outdoor = np.flatnonzero(place.geometry_maps["footprint"].values.ravel() == 0)
    cells = np.random.default_rng(1).choice(outdoor, count, replace=False)
    height = place.geometry_maps["terrain"].values.ravel()[cells] + TraceConfiguration.ue_height
    return Points(place, cells, np.column_stack([place.tile.centres[cells], height]))


def source_name(source: str) -> str:
    """The style of a generated town, or a file's name without its endings; at most 14 characters."""
    return Path(source).name.split(":")[-1].split(".")[0][:14]


def built_places(sources: list[str], resolution: float) -> Iterator[tuple[str, TracedPlace]]:
    """Every place, built in a folder that is removed after it, and a short name."""
    for source in sources:
        with tempfile.TemporaryDirectory() as folder:
            configuration = SceneConfiguration(resolution=resolution, centre=CENTRES.get(source), seed=1)
            build_place(source, Path(folder) / "place", configuration)
            yield source_name(source), open_place(Path(folder) / "place")
