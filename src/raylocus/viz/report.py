"""report.html: one self-contained page on what was run, how well it did, and where it failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from raylocus.evaluation.breakdown import COLUMNS, Group, Quoted, heard_groups, sight_groups, table_rows
from raylocus.evaluation.evaluation import Evaluation, Outcome
from raylocus.evaluation.references import BOUND_NAME, TRUE_MAPS_NAME
from raylocus.evaluation.results import Results, tested_severities
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.network.reports.reports import Reports
from raylocus.provenance import versions
from raylocus.storage import written_whole
from raylocus.viz import html
from raylocus.viz.curves import breakdown_figure, error_cdf_figure, reliability_figure
from raylocus.viz.maps import layer_figure
from raylocus.viz.posterior import posterior_figure

#: Percentiles of the error that cases are taken at, and what they are called.
RANKS = ((10, "good"), (30, "good"), (50, "typical"), (70, "typical"), (90, "bad"), (98, "bad"))


@dataclass(frozen=True)
class Case:
    """One sequence worth a look."""

    sample: int
    """Index of the sequence."""
    label: str
    """Why it was chosen."""


def choose_cases(evaluation: Evaluation) -> tuple[Case, ...]:
    """Sequences at fixed percentiles of a method's error, and the one it was most sure of and wrong about."""
    order = np.argsort(evaluation.error, kind="stable")
    chosen: dict[int, str] = {}
    for percent, word in RANKS:
        sample = int(order[round(percent / 100 * (len(order) - 1))])
        chosen.setdefault(sample, f"{word}: {percent}th percentile of the error")
    surest = int(np.argmax(evaluation.negative_log_likelihood))
    chosen.setdefault(surest, "most surely wrong: the highest NLL")
    return tuple(Case(sample, label) for sample, label in chosen.items())


#: What every reader should know before quoting a number of the report.
LIMITS = (
    "The reports are simulated: they come from worlds that differ from the maps by a stated law, not from a "
    "live network. On real networks ray-traced levels were found off by tens of decibels, with a residual "
    "spread of 11–13 dB; severity 1 is meant to be as wrong as that.",
    "The bound knows that law; nobody does in the field. It is computed by sampling, and each of its "
    "approximations makes it a little worse than the true one. The posterior on the true world's maps is no "
    "bound for anyone who has the nominal maps only.",
    "One city, a few worlds: sequences of one world share its errors, so percentiles move more between "
    "worlds than the number of sequences suggests.",
    "UEs are outdoors, at the height that R was traced for, inside the tile.",
)


@dataclass(frozen=True)
class PageContent:
    """Everything that the page shows."""

    title: str
    description: Sequence[tuple[str, str]]
    """What was run: place, severity, seed, versions, commands, as pairs of term and text."""
    place: MappedPlace
    """The test place."""
    reports: Reports
    """The test sequences, in the outcomes' order."""
    outcomes: Mapping[str, Outcome]
    """Every method's outcome by its name, in the table's order."""
    featured: str
    """Name of the method whose cases are shown."""
    bound: str | None = None
    """Name of the outcome that is the bound."""
    references: Sequence[str] = ()
    """Names of all outcomes that are limits and not methods, the bound included."""
    quotes: Mapping[str, Mapping[Group, Mapping[str, Mapping[int, Quoted]]]] = field(default_factory=dict)
    """Median errors with their intervals, by what sequences are divided by, group, method and percentile."""
    notes: Sequence[str] = ()
    """What must be read with the results, one sentence each."""


def write_report(content: PageContent, path: Path) -> None:
    """Writes the page.

    Raises:
        StorageFullError: the disk filled up.
    """
    text = html.page(content.title, [*_summary(content), *_curves(content), *_cases(content), *_ending()])
    with written_whole(path) as aside:
        aside.write_text(text, encoding="utf-8")


def _evaluations(content: PageContent) -> list[Evaluation]:
    return [outcome.evaluation for outcome in content.outcomes.values()]


def _summary(content: PageContent) -> list[str]:
    bound = content.outcomes[content.bound].evaluation if content.bound else None
    classes = [
        "featured" if name == content.featured else "reference" if name in content.references else ""
        for name in content.outcomes
    ]
    headings = ["method", *(heading for heading, _ in COLUMNS.values())]
    count = len(content.outcomes[content.featured].evaluation)
    return [
        html.heading(content.title, 1),
        html.heading("What was run"),
        html.definitions(content.description),
        html.heading("Results"),
        html.paragraph(
            f"{count} sequences. Errors are horizontal, in metres, at the last report of each sequence. “in 90 %” is "
            "the share of truths inside the 90 % highest-density region: 90 % is right. NLL is in nats of a density "
            "per square metre. “÷ bound” is the median error over the bound's."
        ),
        html.table(headings, table_rows(_evaluations(content), bound), classes),
        *(html.paragraph(note) for note in content.notes),
    ]


def _curves(content: PageContent) -> list[str]:
    evaluations, truth = _evaluations(content), content.outcomes[content.featured].evaluation.truth
    parts = [
        html.heading("Errors"),
        html.image(error_cdf_figure(evaluations, content.references), "Share of sequences below each error."),
        html.heading("Is it as sure as it should be?"),
        html.image(
            reliability_figure(evaluations, content.references),
            "Share of truths inside the region of each nominal mass; right is on the diagonal.",
        ),
        html.heading("What makes it hard"),
    ]
    for groups, caption in (
        (
            heard_groups(truth),
            "Median error by number of cells heard in the last report (sequences in brackets).",
        ),
        (sight_groups(truth), "Median error by line of sight to the serving site (sequences in brackets)."),
    ):
        if groups:
            parts.append(html.image(breakdown_figure(evaluations, groups, content.references), caption))
    return [*parts, *_breakdown(content)]


def _breakdown(content: PageContent) -> list[str]:
    """A table of median errors a division, one column a group."""
    parts = []
    for dimension, groups in content.quotes.items():
        headings = [f"p50 by {dimension}", *(f"{one.label} ({int(one.members.sum())})" for one in groups)]
        names = list(next(iter(groups.values()))) if groups else []
        rows = [[name, *(str(of_methods[name][50]) for of_methods in groups.values())] for name in names]
        if rows:
            parts.append(html.table(headings, rows, ["" for _ in rows]))
    intervals = "Median errors in metres, of all test places, with 95 % bootstrap intervals over worlds."
    return [html.paragraph(intervals), *parts] if parts else []


def _cases(content: PageContent) -> list[str]:
    outcome = content.outcomes[content.featured]
    cases = [html.image(*_case(content, case)) for case in choose_cases(outcome.evaluation)]
    best = content.place.radio_maps["rsrp"].max("cell", keep_attrs=True)
    return [
        html.heading("The place"),
        html.image(
            layer_figure(best, content.place, "RSRP of the strongest cell, as the maps have it"),
            "Buildings grey; white ground has no path. Dots are sites, ticks their sectors.",
        ),
        html.heading(f"Single answers of {content.featured}"),
        html.paragraph("Chosen by rank of the error, not by taste. North is up."),
        '<div class="cases">' + "\n".join(cases) + "</div>",
    ]


def _case(content: PageContent, case: Case) -> tuple[Figure, str]:
    outcome, reports = content.outcomes[content.featured], content.reports
    rows = np.arange(reports.report_offsets[case.sample], reports.report_offsets[case.sample + 1])
    evaluation = outcome.evaluation
    caption = (
        f"Sequence {case.sample}, {case.label}. Error {evaluation.error[case.sample]:.0f} m, "
        f"{len(rows)} reports, {evaluation.truth.heard_cells[case.sample]} cells heard in the last."
    )
    title = f"{case.label.split(':')[0]}: error {evaluation.error[case.sample]:.0f} m"
    track = np.asarray(reports.position[rows, :2], np.float64)
    return posterior_figure(outcome.posterior, case.sample, content.place, track, title), caption


def _ending() -> list[str]:
    return [
        html.heading("Limits"),
        "<ul>" + "".join(f"<li>{html.paragraph(text)}</li>" for text in LIMITS) + "</ul>",
    ]


def comparison_content(results: Results) -> PageContent:
    """What the page shows: the first test place, and the groups of all of them."""
    comparison, dataset = results.comparisons[0], results.dataset
    configuration = dataset.configuration
    trained = ", ".join(place.folder.name for place in configuration.places if place.split == "train")
    worlds = len(np.unique(dataset.select(dataset.split == "test").world_index))
    description = (
        ("place", f"{comparison.place.name}, never seen in training"),
        ("trained on", trained),
        ("worlds", f"{worlds} of severity {tested_severities(dataset)} (1 is as wrong as the field)"),
        ("seed of the dataset", str(configuration.seed)),
        ("dataset", dataset.provenance.digest),
        ("classics fitted on", results.classics.fitted_on),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions().items())),
        ("again", "make demo"),
    )
    return PageContent(
        title=f"Locating phones in {comparison.place.name}",
        description=description,
        place=comparison.place,
        reports=comparison.reports,
        outcomes=comparison.outcomes,
        featured=next(iter(comparison.outcomes)),
        bound=BOUND_NAME if BOUND_NAME in comparison.outcomes else None,
        references=(BOUND_NAME, TRUE_MAPS_NAME),
        quotes=results.quotes,
        notes=results.notes,
    )
