"""The page of a comparison: what was run, on what, and what is shown of it."""

from __future__ import annotations

import numpy as np

from raylocus.datasets.store import ReportDataset
from raylocus.evaluation.comparison import BOUND_NAME, TRUE_MAPS_NAME, Comparison
from raylocus.evaluation.results import tested_severities
from raylocus.provenance import versions
from raylocus.viz.report import ReportContent


def comparison_content(comparison: Comparison, dataset: ReportDataset) -> ReportContent:
    """What the page shows of a comparison; its first method is the one whose cases are shown."""
    configuration = dataset.configuration
    trained = ", ".join(place.folder.name for place in configuration.places if place.split == "train")
    worlds = len(np.unique(dataset.select(dataset.split == "test").world_index))
    description = (
        ("place", f"{comparison.place.name}, never seen in training"),
        ("trained on", trained),
        ("worlds", f"{worlds} of severity {tested_severities(dataset)} (1 is as wrong as the field)"),
        ("seed of the dataset", str(configuration.seed)),
        ("dataset", dataset.provenance.digest),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions().items())),
        ("again", "make demo"),
    )
    return ReportContent(
        title=f"Locating phones in {comparison.place.name}",
        description=description,
        place=comparison.place,
        reports=comparison.reports,
        outcomes=comparison.outcomes,
        featured=next(iter(comparison.outcomes)),
        bound=BOUND_NAME,
        references=(BOUND_NAME, TRUE_MAPS_NAME),
    )
