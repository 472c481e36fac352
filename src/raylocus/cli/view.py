"""`raylocus view`: a place or area with its maps, paths and phones as one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import verb_parser
from raylocus.errors import InputError

if TYPE_CHECKING:
    from jsonargparse import Namespace

    from raylocus.propagation.maps.traced_place import TracedPlace
    from raylocus.viz.viewer.content import ViewerContent
    from raylocus.viz.viewer.tracks import Answers, Track, TrackMaker


def run(arguments: Sequence[str]) -> int:
    """Writes the page and says how large it is and what it leaves out."""
    parser = verb_parser("view", "Write a place or area as one HTML page that fetches nothing.")
    parser.add_argument("place", type=Path, help="folder of a place, traced or not, or of an area")
    parser.add_argument("--out", type=Path, required=True, help="page, such as page.html")
    parser.add_argument("--reports", type=Path, help="reports file of phones at the place")
    parser.add_argument("--model", type=Path, help="checkpoint that locates them, report by report")
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
    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.scenes.area import is_area, open_area
    from raylocus.viz.viewer.area_content import area_content
    from raylocus.viz.viewer.place_content import place_content
    from raylocus.viz.viewer.tracks import TrackMaker, level_of, no_level

    if is_area(given.place):
        area = open_area(given.place)
        if given.layers or given.model:
            raise InputError(
                f"{given.place} is an area; --layers and --model are for places that were traced"
            )
        tracks, notes = _tracks(given, TrackMaker(area.deployment, None, no_level))
        return area_content(area, tracks), notes
    place = open_place(given.place)
    maker = TrackMaker(place.deployment, _answers(given.model, place), level_of(place))
    tracks, notes = _tracks(given, maker)
    return place_content(place, tracks, given.layers), notes


def _answers(model: Path | None, place: TracedPlace) -> Answers | None:
    """Who locates the phones of a place."""
    if model is None:
        return None
    from raylocus.inference.locator import Locator

    locator = Locator.load(model)
    return lambda reports: locator.fixes(reports, place)


def _tracks(given: Namespace, maker: TrackMaker) -> tuple[list[Track], tuple[str, ...]]:
    if given.reports is None:
        return [], ()
    from raylocus.cli.locate import reports_at

    known, notes = reports_at(given.reports, maker.deployment)
    absent = [each for each in given.sequences if not 0 <= each < len(known.reports)]
    if absent:
        raise InputError(f"there is no sequence {absent[0]}; {given.reports} has {len(known.reports)}")
    return maker.tracks(known.reports, given.sequences), notes
