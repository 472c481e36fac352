"""`raylocus train adapt`: a checkpoint that knows one network better, by a few reports of known position."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.console import verb_parser

#: What names the network that ships.
SHIPPED = "shipped"


def run(arguments: Sequence[str]) -> int:
    """Writes the adapted checkpoint; where there is too little to go by, nothing."""
    parser = verb_parser(
        "train adapt",
        "Adapt the locator for areas to one network, by 10 to 1,000 reports of known position.",
    )
    parser.add_argument("checkpoint", help=f"file of raylocus train area, or {SHIPPED!r}")
    parser.add_argument(
        "reports", type=Path, help="reports file of one stream, some or all of known position"
    )
    parser.add_argument("--place", type=Path, required=True, help="area or place folder they were made in")
    parser.add_argument("--out", type=Path, required=True, help="file of the adapted checkpoint")
    parser.add_argument("--seed", type=int, default=0, help="decides which blocks are held out together")
    given = parser.parse(arguments)
    from raylocus.inference.area_locator import AreaLocator
    from raylocus.models.area.trained import save_area_network
    from raylocus.network.reports.report_files import checked_reports
    from raylocus.scenes.networks import open_network
    from raylocus.training.adapt.area import adapt_area_network, tags_of

    shipped = given.checkpoint == SHIPPED
    start = AreaLocator.pretrained() if shipped else AreaLocator.load(given.checkpoint)
    deployment = open_network(given.place).deployment
    read = checked_reports(given.reports)
    adapted = adapt_area_network(start.trained, tags_of(read.reports, deployment), given.seed)
    save_area_network(adapted.trained, given.out)
    print("\n".join([*(f"note: {note}" for note in read.notes), *adapted.lines]))
    print(
        f"{given.out} written; use it with: raylocus locate REPORTS --place {given.place} --model {given.out}"
    )
    return 0
