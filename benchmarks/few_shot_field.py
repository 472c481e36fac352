"""Few-shot in a real network: one campaign is left out, and some of its points, or of the others, are tags.

    python benchmarks/few_shot_field.py areas/oslo oslo-1.zarr … oslo-7.zarr --folder runs/oslo-few-shot

Every file is a campaign. What is located are points of it that are no tags. Each part is kept: a killed run goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from few_shot import nearest_tags
from jaxtyping import Float
from rich.console import Console
from rich.table import Table

from raylocus.errors import InputError
from raylocus.evaluation.area_scores import score_in_area
from raylocus.evaluation.evaluation import coverage, horizontal_errors
from raylocus.inference.area_locator import AreaLocator
from raylocus.models.area.heard_reports import heard_reports
from raylocus.models.area.tags import Tags
from raylocus.network.reports.report_files import checked_reports
from raylocus.network.reports.reports import Reports, without_features
from raylocus.scenes.area import open_network
from raylocus.scenes.sites import Deployment
from raylocus.storage import written_whole
from raylocus.training.adapt.area import adapt_area_network, tags_of

#: Points further than this from every tag are listed by themselves [m].
FAR = 100.0
#: Points of a campaign that are located, drawn at random.
LOCATED = 300
#: A campaign has at least this many times as many points as tags are taken of it.
SPARE = 1.1


@dataclass(frozen=True)
class Row:
    """What is known when a campaign is located."""

    own: int
    """Tags of the campaign."""
    others: int
    """Tags of the other campaigns."""
    timed: bool
    """Whether arrivals are used."""

    @property
    def name(self) -> str:
        """Of its file and its row."""
        return f"{self.own} own, {self.others} of others, levels{' and arrivals' if self.timed else ''}"


def drawn(reports: Reports, count: int, generator: np.random.Generator) -> tuple[Reports, Reports]:
    """Some sequences, and the others."""
    chosen = np.zeros(len(reports), bool)
    chosen[generator.permutation(len(reports))[:count]] = True
    return reports.select(chosen), reports.select(~chosen)


def adapted(start: AreaLocator, tags: Tags, seed: int) -> AreaLocator:
    """The locator that knows the tags; as it comes where they are refused."""
    try:
        return AreaLocator(adapt_area_network(start.trained, tags, seed).trained)
    except InputError as refusal:
        print(refusal)
        return start


def scored(
    campaigns: list[Reports], number: int, row: Row, seed: int, deployment: Deployment
) -> Float[np.ndarray, "point 5"]:
    """Error, error of kNN on the tags, denser and tied mass, distance to the nearest tag of each point."""
    generator = np.random.default_rng((seed, number))
    tagged, asked = drawn(campaigns[number], row.own, generator)
    rest = Reports.concatenate([each for index, each in enumerate(campaigns) if index != number])
    every = Reports.concatenate([tagged, drawn(rest, row.others, generator)[0]])
    asked = drawn(asked, LOCATED, generator)[0]
    start, heard = AreaLocator.pretrained(), heard_reports(asked, deployment)
    if not len(every):
        scores = score_in_area(start, asked, deployment)
        nothing = np.full(len(scores.heard), np.nan)
        return np.column_stack([scores.errors[start.name], nothing, scores.denser, scores.tied, nothing])
    tags = tags_of(every, deployment)
    located = adapted(start, tags, seed)
    scores = score_in_area(located, asked, deployment)
    likeliest = heard.likeliest(np.unique(heard.report))
    neighbours = horizontal_errors(nearest_tags(likeliest, tags), scores.truth)
    away = np.linalg.norm(scores.truth[:, None] - tags.position, axis=-1).min(1)
    return np.column_stack([scores.errors[located.name], neighbours, scores.denser, scores.tied, away])


def kept(file: Path, making: Callable[[], Float[np.ndarray, "point 5"]]) -> Float[np.ndarray, "point 5"]:
    """Of the file, made where it is not there."""
    if not file.exists():
        made = making()
        with written_whole(file) as aside, aside.open("wb") as opened:
            np.save(opened, made)
    return np.load(file)


def percentiles(errors: Float[np.ndarray, " point"]) -> str:
    """p50 and p90."""
    return (
        ""
        if not len(errors) or np.isnan(errors).any()
        else "{:.0f} / {:.0f}".format(*np.percentile(errors, (50, 90)))
    )


def main() -> None:
    """Prints a row for each kind of knowledge, over all campaigns and seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("area", type=Path)
    parser.add_argument("campaigns", type=Path, nargs="+")
    parser.add_argument("--own", type=int, nargs="+", default=[0, 10, 100, 1000])
    parser.add_argument("--others", type=int, nargs="+", default=[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--untimed", action="store_true", help="levels alone")
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    deployment = open_network(given.area).deployment
    campaigns = [checked_reports(path).reports for path in given.campaigns]
    if given.untimed:
        campaigns = [without_features(each, ("time_of_arrival",)) for each in campaigns]
    table = Table(title="error / m, p50 / p90")
    for column in ("tags", "points", "error", f"over {FAR:.0f} m from tags", "kNN", "50, 90, 95 % regions"):
        table.add_column(column, justify="right")
    for own, others in ((own, others) for others in given.others for own in given.own):
        row = Row(own, others, not given.untimed)
        parts = []
        for number, campaign in enumerate(campaigns):
            for seed in range(given.seeds if own + others else 1):
                if len(campaign) >= SPARE * own:
                    file = given.folder / f"{row.name}, {number}, {seed}.npy"
                    parts.append(kept(file, partial(scored, campaigns, number, row, seed, deployment)))
        error, neighbours, denser, tied, away = np.concatenate(parts).T
        held = ", ".join(f"{coverage(denser, tied, mass):.0%}" for mass in (0.5, 0.9, 0.95))
        far = percentiles(error[away > FAR])
        table.add_row(row.name, str(len(error)), percentiles(error), far, percentiles(neighbours), held)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
