"""Blocks that a reader copies from the guides, and every option that a page names: all of them work."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import yaml

from document_fixtures import PAGES, commands, logical_lines
from network_fixtures import TILE
from raylocus.cli.main import VERBS
from raylocus.datasets.configuration import parse_dataset_configuration
from raylocus.geo import GeoFrame
from raylocus.network.formats.column_map import MappedTable, load_column_map
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.reports.report_files import checked_reports
from raylocus.network.reports.reports import Reports
from raylocus.scenes.site_files import read_site_list
from raylocus.scenes.site_import.columns import SiteColumns
from raylocus.scenes.world import WorldLaw, sample_world
from stack_fixtures import free_space_place

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
BENCHMARKS = REPOSITORY / "benchmarks"
#: Pages with blocks that a test of this file runs, and the languages of those blocks.
RUN_HERE = {
    "docs/network.md": ["python", "yaml"],
    "docs/open5gs.md": ["python"],
    "docs/reports.md": ["python"],
    "docs/scenes.md": ["python"],
    "docs/datasets.md": ["yaml"],
    "docs/logs.md": ["yaml"],
    "docs/model.md": ["yaml"],
}


def block(page: str, language: str) -> str:
    """The one block of a language on a page that is not marked to be run."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


def test_no_block_of_python_or_yaml_is_left_out() -> None:
    left = {
        str(page.relative_to(REPOSITORY)): [
            language for language in re.findall(r"^```(python|yaml)$", page.read_text(), re.MULTILINE)
        ]
        for page in PAGES
    }
    assert {name: languages for name, languages in left.items() if languages} == RUN_HERE


def test_the_networks_page_observes_a_walk() -> None:
    place = free_space_place()
    walked = sample_trajectories(place.geometry_maps, 3, MobilityConfiguration(), np.random.default_rng(0))
    known: dict[str, Any] = {
        "place": place,
        "world_maps": place.radio_maps,
        "world": sample_world(place.deployment, WorldLaw(), np.random.default_rng(1)),
        "trajectories": walked,
    }
    exec(block("network.md", "python"), known)
    reports = known["reports"]
    assert isinstance(reports, Reports) and len(reports) == 3
    assert (TILE.index(reports.position) >= 0).all()


def test_the_networks_page_configures_a_network(tmp_path: Path) -> None:
    configuration = parse_dataset_configuration(
        "seed: 1\nplaces:\n  - {folder: places/town, split: train}\n" + block("network.md", "yaml"),
        "network.md",
    )
    network = configuration.network
    assert (network.feature_set, network.report.filter_coefficient) == ("positioning", 4)
    assert network.availability == {"sinr": 0.8} and type(network.fading).__name__ == "CoherentFading"


def test_the_datasets_page_configures_a_dataset() -> None:
    configuration = parse_dataset_configuration(block("datasets.md", "yaml"), "datasets.md")
    assert {Path("places/munich-0"), Path("places/old")} <= {place.folder for place in configuration.places}
    assert sum("town" in str(place.folder) for place in configuration.places) == 8
    assert configuration.severities == (0.25, 0.5, 1.0) and configuration.max_failed_share == 0.1


def test_the_models_page_says_what_its_figures_were_measured_on() -> None:
    configuration = parse_dataset_configuration(block("model.md", "yaml"), "model.md")
    assert configuration.severities == (0.5, 1.0) and configuration.network.feature_set == "all"


def test_the_logs_page_maps_columns(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(block("logs.md", "yaml"))
    table = MappedTable(load_column_map(tmp_path / "map.yaml"))
    assert table is not None


def test_the_reports_page_makes_a_table_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        (
            phone,
            scan,
            f"2026-11-0{phone}T12:00:0{2 * scan}Z",
            pci,
            str(pci == 7).lower(),
            -80 - pci,
            -11,
            advance,
        )
        for phone in (1, 2)
        for scan in (3, 4)
        for pci, advance in ((7, 12), (9, 2147483647))
    ]
    names = ["deviceSerialNumber", "groupNumber", "deviceTime", "pci", "servingCell", "rsrp", "rsrq", "ta"]
    pandas.DataFrame(rows, columns=names).to_csv("log.csv", index=False)
    exec(block("reports.md", "python"), {})
    reports = checked_reports(Path("reports.parquet")).reports
    assert len(reports) == 2 and len(reports.time) == 4 and len(reports.pci) == 8
    assert reports.time.tolist() == [0, 2, 0, 2] and reports.pci[reports.serving].tolist() == [7] * 4


def test_the_open5gs_page_makes_a_list_of_sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    antenna = {"azimuth": 120, "tilt": -6}
    cells = [{"ncgi": 190001, "latitude": 50.0, "longitude": 8.0, "antenna": antenna}]
    Path("lmf.yaml").write_text(yaml.safe_dump({"lmf": {"cell_database": {"cells": cells}}}))
    exec(block("open5gs.md", "python"), {})
    [record] = read_site_list(Path("sites.csv"), SiteColumns()).records
    assert (record.latitude, record.longitude, record.pci, record.channel) == (50.0, 8.0, 100, 636666)
    assert record.downtilt == pytest.approx(np.deg2rad(6)) and record.height == 24.0
    assert GeoFrame(50.0, 8.0).to_local(record.latitude, record.longitude) == pytest.approx([0, 0], abs=1e-6)


def test_pages_name_commands_that_there_are() -> None:
    assert set(commands()) == {verb.words for verb in VERBS}


def source_of(benchmark: Path) -> str:
    """A benchmark's text and that of the modules next to it that it imports."""
    text = benchmark.read_text()
    shared = [BENCHMARKS / f"{name}.py" for name in re.findall(r"^from (\w+) import", text, re.MULTILINE)]
    return text + "".join(file.read_text() for file in shared if file.exists())


def test_options_that_pages_give_benchmarks_are_theirs() -> None:
    missing = []
    for page in PAGES:
        for line in logical_lines(page):
            match = re.search(r"python benchmarks/(\w+)\.py(.*)", line)
            if match is None:
                continue
            text = source_of(BENCHMARKS / f"{match[1]}.py")
            words = shlex.split(match[2], comments=True) if match[2].count("'") % 2 == 0 else match[2].split()
            options = [word.split("=")[0] for word in words if re.match(r"--[a-z]", word)]
            missing += [f"{page.name}: {match[1]} {each}" for each in options if json.dumps(each) not in text]
    assert not missing
