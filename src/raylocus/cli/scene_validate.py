"""`raylocus scene validate`: proves that rays, rasters, sites and frame agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.console import verb_parser


def run(arguments: Sequence[str]) -> int:
    """Prints one line a finding; exit code 2 if any is wrong."""
    parser = verb_parser(
        "scene validate", "Check a place: rays against rasters, R against G, sites, frame, closed walls."
    )
    parser.add_argument("place", type=Path, help="place folder made by: raylocus scene build")
    parser.add_argument("--points", type=int, default=1000, help="random points that a ray is shot down at")
    parser.add_argument("--seed", type=int, default=0, help="seed of the points")
    given = parser.parse(arguments)
    import numpy as np

    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.propagation.scene_validation import validate_place

    place = open_place(given.place)
    findings = validate_place(place, np.random.default_rng(given.seed), given.points)
    for finding in findings:
        print(finding.line)
    for note in place.notes:
        print(f"note: {note}")
    return 0 if all(finding.sound for finding in findings) else 2
