"""`raylocus view`: a place or area with its maps, paths and phones as one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import verb_parser
from raylocus.errors import InputError

if TYPE_CHECKING:
    from jsonargparse import Namespace

    from raylocus.inference.fix import Fix
    from raylocus.network.reports.reports import Reports
    from raylocus.scenes.sites import Deployment
    from raylocus.viz.viewer.content import ViewerContent


def run(arguments: Sequence[str]) -> int:
    """Writes the page and says how large it is and what it leaves out."""
    parser = verb_parser("view", "Write a place or area as one HTML page that fetches nothing.")
    parser.add_argument("place", type=Path, help="folder of a place, traced or not, or of an area")
    parser.add_argument("--out", type=Path, required=True, help="page, such as page.html")
    parser.add_argument("--reports", type=Path, help="reports file of phones at the place")
    parser.add_argument(
        "--model", type=Path, help="checkpoint that locates them; for an area, a file of raylocus train area"
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
    from raylocus.viz.viewer_page import viewer_page

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
    from raylocus.inference.locator import Locator
    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.viz.viewer.place_content import place_content
    from raylocus.viz.viewer.tracks import TrackMaker, level_of

    place = open_place(given.place)
    known, notes = _known_reports(given, place.deployment)
    locator = Locator.load(given.model) if given.model else None
    answers = (lambda asked: locator.fixes(asked, place)) if locator else None
    maker = TrackMaker(place.deployment, answers, level_of(place))
    return place_content(place, maker.tracks(known, given.sequences), given.layers), notes


def _area_content(given: Namespace) -> tuple[ViewerContent, tuple[str, ...]]:
    from raylocus.inference.area_locator import AreaLocator
    from raylocus.network.reports.reports import Reports
    from raylocus.scenes.area import open_area
    from raylocus.viz.viewer.area_content import area_content
    from raylocus.viz.viewer.tracks import TrackMaker, no_level

    area = open_area(given.place)
    if given.layers:
        raise InputError(f"{given.place} is an area, which has no R; --layers is for places")
    known, notes = _known_reports(given, area.deployment)
    locator = AreaLocator.load(given.model) if given.model else None

    def answers(asked: Reports) -> Sequence[Fix]:
        # The law of the network is read from all reports, not from those of the phones that are shown alone.
        stream = Reports.concatenate([asked, known])
        return locator.fixes(stream, area, area.extent)[: len(asked)] if locator else ()

    maker = TrackMaker(area.deployment, answers if locator else None, no_level)
    return area_content(area, maker.tracks(known, given.sequences)), notes


def _known_reports(given: Namespace, deployment: Deployment) -> tuple[Reports, tuple[str, ...]]:
    """The reports without tokens of unknown cells, none where no file is given; and what is to be said of them."""
    from raylocus.network.reports.checked_reports import checked_reports
    from raylocus.network.reports.known_cells import known_reports
    from raylocus.network.reports.reports import Reports

    if given.reports is None:
        return Reports.empty(), ()
    checked = checked_reports(given.reports)
    known = known_reports(checked.reports, deployment)
    absent = [each for each in given.sequences if not 0 <= each < len(known.reports)]
    if absent:
        raise InputError(f"there is no sequence {absent[0]}; {given.reports} has {len(known.reports)}")
    return known.reports, checked.notes + known.notes
