"""`raylocus scene perturb`: a world of a place, as wrong a match to its map as wanted, as a place of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.parsing import verb_parser


def run(arguments: Sequence[str]) -> int:
    """Writes the world and says what was drawn."""
    from raylocus.scenes.map_errors.law import MapErrorLaw

    parser = verb_parser(
        "scene perturb",
        "Draw a world from a place: other buildings, ground, clutter, materials and antennas.",
    )
    parser.add_argument("place", type=Path, help="place folder made by: raylocus scene build")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the world, such as places/munich-w1"
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
    world = perturb_place(load_place(given.place), given.out, law, given.seed)
    drawn = world.world
    print(
        f"{world.folder}: severity {law.severity:g}, {len(drawn['buildings']['missing'])} buildings gone, "
        f"{len(drawn['buildings']['added'])} new, {len(drawn['buildings']['wall_material'])} of other material, "
        f"{len(drawn['cars'])} cars, {len(drawn['trees'])} trees"
    )
    print(f"every draw is in {world.folder}/place.json under 'world'")
    print(f"next: raylocus maps trace {world.folder}")
    return 0
