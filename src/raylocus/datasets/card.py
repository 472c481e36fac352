"""The dataset card: what a dataset is, where it comes from, under which licences, and what it does not show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from raylocus.datasets.leakage import Leakage, broken_rule
from raylocus.datasets.schema import DATASET_SCHEMA
from raylocus.datasets.splits import SplitRule
from raylocus.datasets.store import ReportDataset
from raylocus.datasets.summary import (
    DatasetSummary,
    TextTable,
    feature_table,
    percent,
    place_table,
    split_table,
)
from raylocus.scenes.place import Place

#: What every dataset of simulated reports does not show.
KNOWN_LIMITS = (
    "Reports are simulated: they say how well a method copes with errors of the law of worlds stated here, not "
    "how well it does in a given network.",
    "Phones are outdoors, at the height over the ground that their place was traced for; the radio environment "
    "does not change within a sequence.",
    "Deployments are sampled unless a place names a file of real sites; each place has one carrier.",
    "Worlds of a place are independent draws: a later day is another draw of the law, not a continuation of the "
    "day before.",
)
#: What comes with data of OpenStreetMap.
ODBL = (
    "Places made from OpenStreetMap are a Derivative Database: whoever publishes them, or a dataset that holds "
    "their maps, keeps the notice above and offers them under the Open Database License 1.0 "
    "(opendatacommons.org/licenses/odbl/1-0)."
)


def dataset_card(
    name: str, dataset: ReportDataset, summary: DatasetSummary, leakage: Leakage, pictures: Sequence[str] = ()
) -> str:
    """The card in Markdown.

    Pictures are files next to the card.
    """
    places = [dataset.place(place.index) for place in summary.places]
    choices = dataset.configuration.places
    left_out = [f"{choices[each.place_index].name}: {each.reason}" for each in dataset.skipped]
    parts = [
        f"# {name}",
        _opening(dataset, summary),
        "## Places",
        _markdown(place_table(summary)),
        *(["Left out:", _bullets(left_out)] if left_out else []),
        "## Splits",
        _markdown(split_table(summary)),
        f"Rule: {_rule_in_words(dataset.configuration.splits)}.",
        *leakage_lines(dataset.configuration.splits, leakage),
        "## Features",
        "Shares are of the tokens of a feature's kind; mean and standard deviation σ are of the training split.",
        _markdown(feature_table(summary, dataset.statistics)),
        *(f"![{picture}]({picture})" for picture in pictures),
        "## Sources and licences",
        _bullets(map(_source, places)),
        *_licences(places),
        "## Versions",
        _bullets(f"{package} {version}" for package, version in sorted(dataset.provenance.versions.items())),
        "## Known limits",
        _bullets([*KNOWN_LIMITS, *(f"{place.name}: {note}" for place in places for note in place.notes)]),
    ]
    return "\n\n".join(parts) + "\n"


def leakage_lines(rule: SplitRule, leakage: Leakage) -> list[str]:
    """What the test shares with what was learnt from, a sentence each."""
    count = len(leakage.sample)
    if not count:
        return ["There is no test sample, so nothing can leak into one."]
    near = leakage.distance[np.isfinite(leakage.distance)]
    distance = (
        f"smallest {near.min():.1f} m, median {np.median(near):.1f} m" if len(near) else "no common frame"
    )
    shared = ", ".join(
        f"{what} {percent(np.mean(getattr(leakage, what)))}"
        for what in ("city", "style", "place", "site", "world")
    )
    broken = broken_rule(rule, leakage)
    return [
        f"Distance of {count} test samples to the nearest report of training or validation: {distance} "
        f"({count - len(near)} lie in a frame of their own).",
        f"Test samples that share something with training or validation: {shared}.",
        f"The declared rule is broken: {broken}." if broken else "The declared rule holds.",
    ]


def _opening(dataset: ReportDataset, summary: DatasetSummary) -> str:
    reports, tokens = (
        sum(getattr(split, what) for split in summary.splits) for what in ("reports", "tokens")
    )
    severities = sorted({world.law.severity for world in dataset.worlds})
    return (
        f"{len(dataset)} sequences of {reports} simulated measurement reports ({tokens} tokens of a cell or beam) "
        f"in {len(np.unique(dataset.world_index))} worlds at {len(summary.places)} place(s), of severity "
        f"{', '.join(f'{severity:g}' for severity in severities)} (0 is the map, 1 is as wrong as the field). "
        f"Schema `{DATASET_SCHEMA}`, seed {dataset.provenance.seed}, digest `{dataset.provenance.digest[:16]}`."
    )


def _rule_in_words(rule: SplitRule) -> str:
    options = {name: value for name, value in vars(rule).items() if name != "kind" and value is not None}
    lists = {name: value if isinstance(value, tuple) else (value,) for name, value in options.items()}
    described = ", ".join(f"{name} {', '.join(map(str, values))}" for name, values in lists.items())
    return f"by {rule.kind.replace('_', ' ')}" + (f" ({described})" if described else "")


def _source(place: Place) -> str:
    network = place.deployment
    source = str(place.provenance.configuration.get("source", "unknown")).rsplit("/", 1)[-1]
    return (
        f"{place.name}: made from {source}; {len(network.sites)} sites, {len(network.cells)} cells at "
        " and ".join(f"{carrier.frequency / 1e9:g} GHz" for carrier in network.carriers)
    )


def _licences(places: Sequence[Place]) -> list[str]:
    named: dict[str, list[str]] = {}
    for place in places:
        named.setdefault(_notice(place), []).append(place.name)
    lines = [_bullets(f"{', '.join(names)}: {notice}" for notice, names in named.items())]
    return [*lines, ODBL] if any("OpenStreetMap" in notice for notice in named) else lines


def _notice(place: Place) -> str:
    source = str(place.provenance.configuration.get("source", ""))
    if place.attribution:
        return place.attribution
    if source.startswith("procedural:"):
        return "generated by raylocus, from no data of others"
    return "no notice is stored with the place; the licence of its source applies"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _markdown(table: TextTable) -> str:
    lines = [table.head, ["---"] * len(table.head), *table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
