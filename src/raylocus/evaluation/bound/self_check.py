"""How honest the bound is: the coverage of its regions on sequences drawn from its own law."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SelfCheck:
    """Shares of truths, drawn from the bound's own law, inside its highest-density regions."""

    coverage_50: float
    """Share inside the 50 % regions."""
    coverage_90: float
    """Share inside the 90 % regions."""
    coverage_95: float
    """Share inside the 95 % regions."""
    sequences: int
    """Sequences drawn."""
