"""`raylocus serve`: the HTTP service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.console import verb_parser


def run(arguments: Sequence[str]) -> int:
    """Serves until it is interrupted."""
    from raylocus.service.configuration import ServiceConfiguration

    parser = verb_parser("serve", "Answer over HTTP where phones are.")
    parser.add_argument(
        "places", type=Path, nargs="+", help="traced place folders with latitude and longitude"
    )
    parser.add_argument(
        "--model", type=Path, required=True, help="checkpoint, such as runs/demo/locator.ckpt"
    )
    parser.add_class_arguments(ServiceConfiguration)
    given = parser.parse(arguments)
    from raylocus.service.http.app import create_app
    from raylocus.service.http.watch import log_to_standard_error
    from raylocus.service.place_engine import PlaceEngine
    from raylocus.service.serving import serve

    values = vars(given).copy()
    places, model = values.pop("places"), values.pop("model")
    configuration = ServiceConfiguration(**values)
    engine = PlaceEngine.load(places, model, 1e9 * configuration.memory_gb)
    app = create_app(engine, configuration)
    log_to_standard_error()
    serve(app, configuration)
    return 0
