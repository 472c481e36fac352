"""How a place is traced: which kinds of paths, how deep, and how many."""

from __future__ import annotations

from dataclasses import dataclass

from raylocus.errors import InputError
from raylocus.scenes.sites import UE_HEIGHT

#: What each number may be: wider than anything of use, and nothing that never ends.
RANGES = {
    "depth": (0, 30), "rays_per_cell": (1e-3, 1e4), "reach": (1e-2, 1e4),
    "edge_mirrors": (0, 30), "dynamic_range_db": (0, 1e3), "refraction": (0, 30), "scattering_exponent": (0, 100),
    "memory_budget": (1e-6, 1e6),
}  # fmt: skip


@dataclass(frozen=True)
class TraceConfiguration:
    """How a place is traced."""

    depth: int = 4
    """Most reflections of a specular path."""
    rays_per_cell: float = 2.0
    """Rays for every ground cell within reach, on average."""
    reach: float = 2.4
    """Longest unfolded path in plan, in tile sides."""
    ue_height: float = UE_HEIGHT
    """Height of the UEs above the terrain [m]; atlas and R carry it, and whoever reads them takes it from there."""
    diffraction: bool = True
    """Whether edges send first-order diffracted paths."""
    edge_mirrors: int = 3
    """Most reflections of a path over an edge, at most two of them behind it; 0 leaves them out."""
    dynamic_range_db: float = 40.0
    """Paths this far below a ground cell's strongest are left out, unless they arrive first [dB]."""
    over_rooftop: bool = True
    """Whether cells out of sight get the path over the roofs (never part of PathSolver's physics)."""
    refraction: int = 0
    """Most walls and roofs that a straight path passes, into buildings or through them; 0 leaves it out."""
    scattering: float = 0.0
    """Share S of the reflected amplitude that walls scatter, 0.2 to 0.5 for real ones; 0 leaves it out."""
    scattering_exponent: int = 0
    """α_R of the scattered lobe about the mirrored ray (Degli-Esposti 2007); 0 is Lambert's law."""
    vegetation: bool = True
    """Whether crowns on the way to the UE attenuate, see `propagation.search.passed_through`."""
    seed: int = 0
    """Seed of the launch directions' shift."""
    memory_budget: float = 2.0
    """Memory for the pieces that are worked on at once [GiB]; results do not depend on it."""

    def __post_init__(self) -> None:
        """Refuses numbers that no trace can have, with InputError."""
        if not 0 <= self.scattering <= 1:
            raise InputError(
                f"scattering is the share S of an amplitude; choose 0 to 1, not {self.scattering:g}"
            )
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} of a trace lies between {low:g} and {high:g}, not {value:g}")
