"""How wrong maps are, at severity 1: the law of what stands there. `scenes.world` is that of what it does to radio."""

from __future__ import annotations

from dataclasses import dataclass, fields

from raylocus.errors import InputError
from raylocus.scenes.ground.terrain import FLAT, SURFACE_MODEL


@dataclass(frozen=True)
class MapErrorLaw:
    """The distribution of the differences between a map and the ground; spreads are at severity 1.

    Antennas, levels and materials are not in it: they are drawn by `WorldLaw`, once for every radio world.

    Heights err by each building's own stated deviation. The other spreads are raylocus's own choice of
    common sizes: a map some years old, hand-placed sites, a filled street. `docs/scenes.md` lists them.
    """

    severity: float = 1.0
    """0: the ground is as mapped; 1: as wrong as the field; up to 2."""
    missing_share: float = 0.03
    """Share of the mapped buildings that stand no more."""
    added_share: float = 0.03
    """New buildings, as a share of the mapped ones."""
    height_deviations: float = 1.0
    """Standard deviation of a building's height, in deviations that it states itself."""
    unknown_ground_error: float = 2.0
    """Standard deviation of the ground's height where it is taken as flat [m]."""
    surface_model_error: float = 2.0
    """The same where it is smoothed from a surface model [m]."""
    terrain_model_error: float = 0.3
    """The same where it is from a terrain model, or generated [m]."""
    terrain_distance: float = 150.0
    """Correlation distance of the ground's error [m]; autocorrelation exp(−d / distance)."""
    site_error: float = 5.0
    """Standard deviation of a site's x and of its y [m]."""
    antenna_height_error: float = 1.5
    """Standard deviation of an antenna's height above what it stands on [m]."""
    cars_per_road_area: float = 1 / 300
    """Parked cars per square metre of street."""
    trees_per_open_area: float = 1 / 1500
    """Trees that the map does not know, per square metre of open ground."""

    def terrain_error(self, source: str) -> float:
        """Standard deviation of the height of terrain of a source [m], at this severity."""
        errors = {FLAT: self.unknown_ground_error, SURFACE_MODEL: self.surface_model_error}
        return self.severity * errors.get(source, self.terrain_model_error)

    def __post_init__(self) -> None:
        if not 0 <= self.severity <= 2:
            raise InputError(f"the severity of map errors lies between 0 and 2, not {self.severity}")
        for each in fields(self):
            if getattr(self, each.name) < 0:
                raise InputError(f"{each.name} of map errors is 0 or more, not {getattr(self, each.name):g}")
        if self.terrain_distance == 0:
            raise InputError("terrain_distance of map errors is above 0")
