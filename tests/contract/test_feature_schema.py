"""The schema of features: whole, consistent, and the same in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from raylocus.network.reports.features import CRITICAL, FEATURE_SETS, FEATURES, SCHEMA, ReportFeature
from raylocus.network.reports.report_mapping import edges_of

PAGE = Path(__file__).parents[2] / "docs" / "network.md"
LAYERS = {"phy", "mac", "rrc", "rlc", "system", "positioning"}
#: Last code of the features whose mapping is uniform, by the specification's tables.
LAST_CODES = {
    "rsrp": 126,
    "rsrq": 127,
    "sinr": 127,
    "l1_rsrp": 97,
    "prs_rsrp": 126,
    "srs_rsrp": 126,
    "l1_sinr": 127,
}


@pytest.mark.parametrize("feature", SCHEMA, ids=lambda feature: feature.name)
def test_a_row_is_whole(feature: ReportFeature) -> None:
    assert feature.layer in LAYERS
    assert feature.token in {"cell", "serving", "beam"}
    assert feature.low < feature.high
    assert feature.step >= 0
    assert 0 < feature.availability <= 1
    assert feature.clause and feature.meaning and feature.unit
    assert feature.needs in {"", "sinr", "downlink", "uplink", "phase"}


def test_names_are_unique_and_the_critical_ones_come_first() -> None:
    names = [feature.name for feature in SCHEMA]
    assert len(set(names)) == len(names)
    assert tuple(names[:5]) == CRITICAL == tuple(feature.name for feature in FEATURES)
    assert set(FEATURE_SETS) == {"critical", "always", "fr2", "positioning", "all"}


def test_what_is_always_there_needs_nothing_beyond_the_critical() -> None:
    by_name = {feature.name: feature for feature in SCHEMA}
    assert not any(by_name[name].needs for name in FEATURE_SETS["always"] if name not in CRITICAL)


def test_uniform_mappings_have_the_specified_number_of_codes() -> None:
    found = {feature.name: len(edges_of(feature)) for feature in SCHEMA if feature.name in LAST_CODES}
    assert found == LAST_CODES


def test_the_documentation_has_every_row_as_it_is() -> None:
    text = PAGE.read_text()
    for feature in SCHEMA:
        row = f"| `{feature.name}` | {feature.layer} | {feature.token} | {feature.unit} |"
        assert row in text and feature.clause in text, feature.name
