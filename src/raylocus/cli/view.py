"""`raylocus view`: a place with its maps, paths and phones as one page to look around in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import verb_parser
from raylocus.errors import InputError

if TYPE_CHECKING:
    from raylocus.propagation.maps.traced_place import TracedPlace
    from raylocus.viz.viewer.tracks import Track


def run(arguments: Sequence[str]) -> int:
    """Writes the page and says how large it is and what it leaves out."""
    parser = verb_parser("view", "Write a place as one HTML page that fetches nothing.")
    parser.add_argument("place", type=Path, help="place folder, traced or not")
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
    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.storage import written_whole
    from raylocus.viz.viewer.content import viewer_content
    from raylocus.viz.viewer_page import viewer_page

    place = open_place(given.place)
    tracks, notes = _tracks(given.reports, given.model, given.sequences, place) if given.reports else ([], ())
    content = viewer_content(place, tracks, given.layers)
    page = viewer_page(content)
    with written_whole(given.out) as aside:
        aside.write_text(page)
    for note in (*notes, *content.notes):
        print(f"note: {note}")
    print(f"{given.out} written, {len(page.encode()) / 1e6:.1f} MB: open it in any browser")
    return 0


def _tracks(
    reports: Path, model: Path | None, sequences: list[int], place: TracedPlace
) -> tuple[list[Track], tuple[str, ...]]:
    from raylocus.cli.locate import reports_at
    from raylocus.viz.viewer.tracks import tracks_of

    known, notes = reports_at(reports, place.deployment)
    absent = [sequence for sequence in sequences if not 0 <= sequence < len(known.reports)]
    if absent:
        raise InputError(f"there is no sequence {absent[0]}; {reports} has {len(known.reports)}")
    if model is None:
        return tracks_of(known.reports, place.deployment, None, sequences), notes
    from raylocus.inference.locator import Locator

    locator = Locator.load(model)
    answers = tracks_of(
        known.reports, place.deployment, lambda reports: locator.fixes(reports, place), sequences
    )
    return answers, notes
