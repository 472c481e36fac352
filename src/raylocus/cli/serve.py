"""`raylocus serve`: the HTTP service."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import verb_parser

if TYPE_CHECKING:
    from raylocus.service.engine import DivisibleEngine


def run_serve(arguments: Sequence[str]) -> int:
    """Serves until it is interrupted."""
    from raylocus.service.configuration import ServiceConfiguration

    parser = verb_parser("serve", "Answer over HTTP where phones are.")
    parser.add_argument(
        "areas", type=Path, nargs="+", help="folders of places and areas with latitude and longitude"
    )
    parser.add_argument(
        "--model",
        type=Path,
        help="checkpoint such as runs/demo/locator.ckpt; without it, the networks that come with raylocus locate",
    )
    parser.add_class_arguments(ServiceConfiguration)
    given = parser.parse(arguments)
    from raylocus.execution.preloading import begin_to_load

    values = vars(given).copy()
    areas, model = values.pop("areas"), values.pop("model")
    configuration = ServiceConfiguration(**values)
    # Each process has its share of the processors: most steps are too short to be divided among several.
    begin_to_load("raylocus.service.area_engine", max(1, (os.cpu_count() or 1) // configuration.processes))
    from raylocus.service.http.app import create_app
    from raylocus.service.http.watch import log_to_standard_error
    from raylocus.service.served_areas import ServedAreas, served_areas
    from raylocus.service.serving import serve
    from raylocus.service.workers import Workers

    memory = 1e9 * configuration.memory_gb / configuration.processes
    load = partial(_engine, areas, model, memory, configuration.learn)
    engine = Workers.of(ServedAreas(served_areas(areas)), load, configuration.processes)
    # What is broken is said before anybody is answered.
    engine.warm()
    app = create_app(engine, configuration)
    log_to_standard_error()
    serve(app, configuration)
    return 0


def _engine(areas: Sequence[Path], model: Path | None, memory: float, learn: Path | None) -> DivisibleEngine:
    """The engine of a process that locates, which alone loads what that needs."""
    from raylocus.service.area_engine import AreaEngine

    return AreaEngine.load(areas, model, memory, learn)
