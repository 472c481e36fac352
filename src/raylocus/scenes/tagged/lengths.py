"""Lengths as people write them in tags and tables."""

from __future__ import annotations

import re

#: Metres of a foot and of an inch.
FOOT, INCH = 0.3048, 0.0254

_METRES = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*(?:m|metres?|meters?)?", re.IGNORECASE)
_FEET = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:'|’|ft|feet|foot)\s*(?:(\d+(?:\.\d+)?)\s*(?:\"|''|”|in|inch|inches)?)?",
    re.IGNORECASE,
)


def parse_length(text: str) -> float | None:
    """Metres of `12`, `12.5 m`, `12,5`, `40 ft` or `12'6"` (OSM's units of length); None of anything else."""
    metres = _METRES.fullmatch(text.strip())
    if metres:
        return float(metres[1].replace(",", "."))
    feet = _FEET.fullmatch(text.strip())
    if feet:
        return float(feet[1]) * FOOT + float(feet[2] or 0) * INCH
    return None


def parse_count(text: str) -> float | None:
    """The number of `5`, `2.5` or `2,5`; None of anything else."""
    found = re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?", text.strip())
    return float(found[0].replace(",", ".")) if found else None
