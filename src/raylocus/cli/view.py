"""`raylocus view`: a place or area with its maps, paths and phones as one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import verb_parser
from raylocus.errors import InputError

if TYPE_CHECKING:
    from jsonargparse import Namespace

    from raylocus.network.reports.reports import Reports
    from raylocus.scenes.sites import Deployment
    from raylocus.viz.viewer.place_content import ViewerContent
    from raylocus.viz.viewer.tracks import Track


def run_view(arguments: Sequence[str]) -> int:
    """Writes the page and says how large it is and what it leaves out."""
    parser = verb_parser("view", "Write a place or area as one HTML page that fetches nothing.")
    parser.add_argument("place", type=Path, help="folder of a place, traced or not, or of an area")
    parser.add_argument("--out", type=Path, required=True, help="page, such as page.html")
    parser.add_argument("--reports", type=Path, help="reports file of phones at the place")
    parser.add_argument(
        "--model",
        type=Path | None,
        default=None,
        help="checkpoint that locates them, as in raylocus locate; left out, those that ship: on maps where the place "
        "or area is traced, else by sites, levels and timing",
    )
    parser.add_argument(
        "--sequences", type=list[int], default=[], help="which phones, such as [0,3]; the first eight"
    )
    parser.add_argument(
        "--layers",
        type=list[str],
        default=[],
        help="layers of R, such as [rsrp_beam]; all that there is room for",
    )
    given = parser.parse(arguments)
    if given.out.suffix not in (".html", ".htm"):
        raise InputError(f"{given.out} must end with .html")
    if given.reports is None and (given.model or given.sequences):
        raise InputError("--model and --sequences need phones to show; give --reports")
    from raylocus.storage import written_whole
    from raylocus.viz.viewer.page import viewer_page

    content, notes = _content(given)
    page = viewer_page(content)
    with written_whole(given.out) as aside:
        aside.write_text(page)
    for note in (*notes, *content.notes):
        print(f"note: {note}")
    print(f"{given.out} written, {len(page.encode()) / 1e6:.1f} MB: open it in any browser")
    return 0


def _content(given: Namespace) -> tuple[ViewerContent, tuple[str, ...]]:
    """What the page shows, and what is to be said of the reports."""
    from raylocus.scenes.area import is_area

    return _area_content(given) if is_area(given.place) else _place_content(given)


def _place_content(given: Namespace) -> tuple[ViewerContent, tuple[str, ...]]:
    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.viz.viewer.place_content import place_content

    place = open_place(given.place)
    tracks, notes = _tracks(given, place.deployment)
    return place_content(place, tracks, given.layers), notes


def _area_content(given: Namespace) -> tuple[ViewerContent, tuple[str, ...]]:
    from raylocus.scenes.area import open_area
    from raylocus.viz.viewer.area_content import area_content

    area = open_area(given.place)
    if given.layers:
        raise InputError(f"{given.place} is an area; --layers is for places, such as one of its tiles")
    tracks, notes = _tracks(given, area.deployment)
    return area_content(area, tracks), notes


def _tracks(given: Namespace, deployment: Deployment) -> tuple[list[Track], tuple[str, ...]]:
    """The phones that are shown, none without reports, with the answers to them; and what is to be said of those."""
    import numpy as np

    from raylocus.inference.answering import answering_by
    from raylocus.viz.viewer.tracks import MOST_SEQUENCES, TrackMaker

    if given.reports is None:
        return [], ()
    reports, notes = _reports(given, deployment)
    answering = answering_by(given.place, given.model)
    shown = given.sequences or range(min(len(reports), MOST_SEQUENCES))
    others = reports.select(np.setdiff1d(np.arange(len(reports)), list(shown)))
    maker = TrackMaker(deployment, lambda asked: answering.fixes_among(asked, others), answering.levels_at)
    return maker.tracks(reports, shown), notes


def _reports(given: Namespace, deployment: Deployment) -> tuple[Reports, tuple[str, ...]]:
    """The reports of the file, and what is to be said of them."""
    from raylocus.network.reports.report_files import checked_reports
    from raylocus.network.reports.token_cells import known_reports

    checked = checked_reports(given.reports)
    absent = [each for each in given.sequences if not 0 <= each < len(checked.reports)]
    if absent:
        raise InputError(f"there is no sequence {absent[0]}; {given.reports} has {len(checked.reports)}")
    return checked.reports, checked.notes + known_reports(checked.reports, deployment).notes
