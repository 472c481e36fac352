"""`Reports`: ragged selection, joining, and a round trip through the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from network_fixtures import random_reports, same_reports
from raylocus.errors import StoreError
from raylocus.network.reports.report_files import (
    REPORTS_SCHEMA,
    load_reports,
    read_reports,
    reports_to_dataset,
    save_reports,
)
from raylocus.network.reports.reports import Reports
from raylocus.provenance import Provenance
from raylocus.xarray_store import save_dataset

PROVENANCE = Provenance.collect({}, 0)


lengths = st.lists(st.lists(st.integers(0, 3), max_size=4), max_size=5)


@settings(max_examples=40)
@given(lengths, lengths)
def test_joining_and_selecting_are_inverse(first: list[list[int]], second: list[list[int]]) -> None:
    left, right = random_reports(first, 1), random_reports(second, 2)
    joined = Reports.concatenate([left, right])
    assert len(joined) == len(left) + len(right)
    assert same_reports(joined.select(np.arange(len(left))), left)
    assert same_reports(joined.select(np.arange(len(joined)) >= len(left)), right)


@given(lengths, st.randoms(use_true_random=False))
def test_selecting_in_any_order_is_selecting_one_by_one(counts: list[list[int]], random) -> None:
    reports = random_reports(counts, 3)
    order = np.array(random.sample(range(len(counts)), len(counts)), np.int64)
    singles = [reports.select(order[i : i + 1]) for i in range(len(order))]
    assert same_reports(reports.select(order), Reports.concatenate([reports.select(order[:0]), *singles]))


def test_last_reports_and_heard_cells() -> None:
    reports = random_reports([[2, 1], [3]], 0)
    assert reports.last_report.tolist() == [1, 2]
    assert reports.sequence_of_report.tolist() == [0, 0, 1]
    assert reports.heard_cells.tolist() == [
        int((reports.beam[start:end] < 0).sum())
        for start, end in zip(reports.token_offsets[:-1], reports.token_offsets[1:], strict=True)
    ]


@pytest.mark.parametrize("counts", [[[2, 0], [], [3, 1, 2]], []])
def test_a_reports_file_reads_back_as_it_was_written(counts: list[list[int]], tmp_path: Path) -> None:
    reports = random_reports(counts, 4)
    save_reports(reports, tmp_path / "reports.zarr", PROVENANCE)
    assert same_reports(read_reports(tmp_path / "reports.zarr").reports, reports)


def test_a_file_with_other_features_is_refused(tmp_path: Path) -> None:
    dataset = reports_to_dataset(random_reports([[1]], 0)).assign_attrs(feature_names=["rsrp"])
    save_dataset(dataset, tmp_path / "old.zarr", REPORTS_SCHEMA)
    with pytest.raises(StoreError, match="other report features"):
        load_reports(tmp_path / "old.zarr")


def test_a_file_without_a_column_is_refused(tmp_path: Path) -> None:
    dataset: xr.Dataset = reports_to_dataset(random_reports([[1]], 0)).drop_vars("pci")
    save_dataset(dataset, tmp_path / "cut.zarr", REPORTS_SCHEMA)
    with pytest.raises(StoreError, match="no column 'pci'"):
        load_reports(tmp_path / "cut.zarr")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reports.zarr"
    save_reports(random_reports([[2, 2]], 0), path, PROVENANCE)
    next((path / "features").rglob("c/*/*")).unlink()
    with pytest.raises(StoreError, match="truncated"):
        load_reports(path)
