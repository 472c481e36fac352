"""How wrong maps are, at severity 1. Every spread scales with the severity."""

from __future__ import annotations

from dataclasses import dataclass, field

from raylocus.errors import InputError


@dataclass(frozen=True)
class MapErrorLaw:
    """The distribution of the differences between a map and the ground; spreads are at severity 1.

    Heights err by each building's own stated deviation. The other spreads are raylocus's own choice of
    common sizes: a map some years old, hand-placed antennas, a filled street. `docs/scenes.md` lists them.
    """

    severity: float = 1.0
    """0: the ground is as mapped; 1: as wrong as the field; up to 2."""
    missing_share: float = 0.03
    """Share of the mapped buildings that stand no more."""
    added_share: float = 0.03
    """New buildings, as a share of the mapped ones."""
    other_material_share: float = 0.15
    """Share of the buildings whose walls are of another class than the map's, drawn per building."""
    terrain_error: dict[str, float] = field(
        default_factory=lambda: {
            "flat (unknown)": 2.0,
            "surface model, smoothed": 2.0,
            "terrain model": 0.3,
            "generated": 0.0,
        }
    )
    """Standard deviation of the ground's height [m], by the source of the terrain."""
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

    def __post_init__(self) -> None:
        if not 0 <= self.severity <= 2:
            raise InputError(f"a world's severity lies between 0 and 2, not {self.severity}")
