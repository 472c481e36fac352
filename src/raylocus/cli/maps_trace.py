"""`raylocus maps trace`: path atlas and radio maps of a place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.console import progress_lines, verb_parser


def run(arguments: Sequence[str]) -> int:
    """Traces the place and says where the maps are.

    A killed trace resumes at the next site; other antennas, powers or layers cost no trace.
    """
    from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
    from raylocus.propagation.trace_configuration import TraceConfiguration
    from raylocus.propagation.trace_place import trace_place

    parser = verb_parser("maps trace", "Trace a place: one ray launch a site, then radio maps of every cell.")
    parser.add_argument("place", type=Path, help="place folder made by: raylocus scene build")
    parser.add_class_arguments(TraceConfiguration, "trace")
    parser.add_class_arguments(RadioMapConfiguration, "maps")
    given = parser.parse(arguments)
    made = parser.instantiate(given)
    trace_place(given.place, made.trace, progress_lines("sites", print, every=2.0), made.maps)
    print(f"{given.place}: atlas.zarr and radio.zarr are complete")
    print(f"next: raylocus maps show {given.place} --feature rsrp --cell 0 --out rsrp.png")
    return 0
