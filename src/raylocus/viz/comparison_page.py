"""The page of a comparison: what was run, on what, and what is shown of it."""

from __future__ import annotations

import numpy as np

from raylocus.evaluation.references import BOUND_NAME, TRUE_MAPS_NAME
from raylocus.evaluation.results import Results, tested_severities
from raylocus.provenance import versions
from raylocus.viz.report import PageContent


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
