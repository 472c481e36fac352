"""`raylocus reports evaluate`: located reports against their true positions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import verb_parser

if TYPE_CHECKING:
    import numpy as np

    from raylocus.evaluation.area_scores import AreaScores
    from raylocus.network.reports.reports import Reports

#: Reports of a sequence from which it is worth asking along it.
MANY = 5


def run_reports_evaluate(arguments: Sequence[str]) -> int:
    """Prints percentiles of the error, how often regions hold the truth, and groups."""
    parser = verb_parser(
        "reports evaluate",
        "Locate reports whose true positions are known, next to serving site, strongest cell and RSRP centroid. "
        "Positions are used to score, never to locate.",
    )
    parser.add_argument(
        "reports", nargs="+", type=Path, help="reports files; each is one stream with clocks of its own"
    )
    parser.add_argument("--place", type=Path, required=True, help="area or place folder they were made in")
    parser.add_argument(
        "--model",
        type=Path | None,
        default=None,
        help="checkpoint as in raylocus locate; left out, those that ship: on maps where the place "
        "or area is traced, else by sites, levels and timing",
    )
    parser.add_argument("--without", nargs="+", default=[],
                        help="features to leave out, such as time_of_arrival timing_advance")  # fmt: skip
    parser.add_argument("--every", type=float | None, default=None,
                        help="ask about phones every so many seconds, by reports so far; else by the last")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="seed of the intervals' draws")
    parser.add_argument("--out", type=Path | None, default=None, help="JSON file for the scores")
    given = parser.parse(arguments)
    import numpy as np

    from raylocus.evaluation.area_scores import AreaScores, score_in_area
    from raylocus.inference.answering import answering_by

    answering = answering_by(given.place, given.model)
    streams, left = _asked(given.reports, tuple(given.without), given.every)
    scores = AreaScores.concatenate(
        [score_in_area(answering.method, each, answering.deployment) for each in streams]
    )
    _print(scores, np.random.default_rng(given.seed), sum(map(len, streams)))
    if left:
        print(f"note: {left} earlier reports of sequences are not asked about; --every 10 asks along them")
    if given.out is not None:
        _write(scores, given.out)
    return 0


def _asked(paths: list[Path], without: tuple[str, ...], every: float | None) -> tuple[list[Reports], int]:
    """Reports of files as they are asked about; and how many, where they are many, only as what came before."""
    from raylocus.network.reports.questions import asked_every
    from raylocus.network.reports.report_files import checked_reports
    from raylocus.network.reports.reports import without_features

    streams = [without_features(checked_reports(path).reports, without) for path in paths]
    if every is not None:
        return [asked_every(each, every) for each in streams], 0
    moments, asked = (sum(map(count, streams)) for count in (lambda each: len(each.time), len))
    return streams, moments - asked if moments > MANY * asked else 0


def _print(scores: AreaScores, generator: np.random.Generator, sequences: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from raylocus.evaluation.area_scores import group_rows, honesty_lines, percentile_rows
    from raylocus.evaluation.evaluation import PERCENTILES

    errors = Table(title="error / m (90 % intervals, ground in blocks)")
    groups = Table(title=f"{next(iter(scores.errors))} by heard cells")
    for column in ("method", *(f"p{each}" for each in PERCENTILES)):
        errors.add_column(column, justify="right")
    for column in ("heard", "number", "p50", "p90", "best of the others: p50, p90", "90 % region holds"):
        groups.add_column(column, justify="right")
    for row in percentile_rows(scores, generator):
        errors.add_row(*row)
    for row in group_rows(scores):
        groups.add_row(*row)
    console = Console(width=130)
    console.print(errors, groups)
    for line in honesty_lines(scores, generator):
        print(line)
    print(f"{len(scores.heard)} of {sequences} sequences have a known cell and a true position")


def _write(scores: AreaScores, path: Path) -> None:
    from raylocus.storage import written_whole

    record = {
        "errors": {name: each.round(2).tolist() for name, each in scores.errors.items()},
        "log_density": scores.log_density.round(4).tolist(),
        "denser": scores.denser.round(5).tolist(),
        "tied": scores.tied.round(5).tolist(),
        "heard": scores.heard.astype(int).tolist(),
    }
    with written_whole(path) as aside:
        aside.write_text(json.dumps(record) + "\n")
    print(f"{path} written")
