"""`raylocus maps trace`: path atlas and radio maps of a place, or of every window of an area."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raylocus.cli.console import progress_lines, verb_parser
from raylocus.cli.engines import add_engine_arguments, engine_of


def run(arguments: Sequence[str]) -> int:
    """Traces the place or area and says where the maps are.

    A killed trace resumes at the next site; other antennas, powers or layers cost no trace.
    """
    from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
    from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
    from raylocus.propagation.tracing.trace_place import trace_place
    from raylocus.scenes.area import is_area

    parser = verb_parser("maps trace", "Trace a place: one ray launch a site, then radio maps of every cell.")
    parser.add_argument("place", type=Path, help="place or area folder made by: raylocus scene build")
    parser.add_class_arguments(TraceConfiguration, "trace")
    parser.add_class_arguments(RadioMapConfiguration, "maps")
    add_engine_arguments(parser)
    given = parser.parse(arguments)
    made = parser.instantiate(given)
    if is_area(given.place):
        return _trace_area(given, made.trace, made.maps)
    trace_place(given.place, made.trace, progress_lines("sites", print, every=2.0), made.maps)
    print(f"{given.place}: atlas.zarr and radio.zarr are complete")
    print(f"next: raylocus maps show {given.place} --feature rsrp --cell 0 --out rsrp.png")
    return 0


def _trace_area(given: Any, trace: Any, maps: Any) -> int:
    from raylocus.execution.engines import WORKER_BASE, workers_that_fit
    from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
    from raylocus.propagation.tracing.trace_area import trace_area

    if maps == RadioMapConfiguration():
        # Of hundreds of cells, only the layers that worlds and locators read, unless others are asked for.
        maps = dataclasses.replace(maps, layers=())

    def fitting() -> int:
        return workers_that_fit(WORKER_BASE + int(trace.memory_budget * 2**30))

    progress = progress_lines("masts in windows", _say, every=5.0), progress_lines("windows", _say, every=5.0)
    with engine_of(given.engine, given.workers, given.address, fitting) as engine:
        area = trace_area(given.place, trace, maps, engine, progress)
    print(f"{given.place}: {len(area.tiles)} windows are traced")
    print(f"next: raylocus locate reports.zarr --place {given.place}")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
