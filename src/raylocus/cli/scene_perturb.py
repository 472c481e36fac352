"""`raylocus scene perturb`: a place as it may truly stand, as wrong a match to its map as wanted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.console import verb_parser


def run(arguments: Sequence[str]) -> int:
    """Writes the perturbed place and says what was drawn."""
    from raylocus.scenes.map_errors.law import MapErrorLaw

    parser = verb_parser(
        "scene perturb",
        "Draw a place as it may truly stand: other buildings, ground, clutter and site positions than mapped.",
    )
    parser.add_argument("place", type=Path, help="place folder made by: raylocus scene build")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the perturbed place, such as places/munich-true"
    )
    parser.add_argument(
        "--severity", type=float, default=1.0, help="0: as mapped, 1: as wrong as the field, to 2"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of all draws")
    parser.add_class_arguments(MapErrorLaw, "law", skip={"severity"})
    given = parser.parse(arguments)
    import dataclasses

    from raylocus.scenes.map_errors.perturb import perturb_place
    from raylocus.scenes.place import load_place

    law = dataclasses.replace(parser.instantiate(given).law, severity=given.severity)
    true_place = perturb_place(load_place(given.place), given.out, law, given.seed)
    drawn = true_place.map_error
    print(
        f"{true_place.folder}: severity {law.severity:g}, {len(drawn['buildings']['missing'])} buildings gone, "
        f"{len(drawn['buildings']['added'])} new, {len(drawn['cars'])} cars, {len(drawn['trees'])} trees"
    )
    print(f"every draw is in {true_place.folder}/place.json under 'map_error'")
    print(f"next: raylocus maps trace {true_place.folder}")
    return 0
