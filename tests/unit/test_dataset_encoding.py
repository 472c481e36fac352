"""What is stored of a column can be read back, to a thousandth of a report step, and only what is asked for is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from network_fixtures import random_reports, save_analytic_place, small_configuration
from raylocus.datasets.columns import TOLERANCE, ColumnSurvey, Encoding, decoded
from raylocus.datasets.plan import plan_worlds
from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.datasets.store_writing import save_report_dataset
from raylocus.network.reports.features import SCHEMA, ReportFeature
from raylocus.provenance import Provenance


def encoded(values: np.ndarray, feature: ReportFeature) -> tuple[np.ndarray, Encoding]:
    """What is read back of values, and how they were stored."""
    survey = ColumnSurvey(feature.step, feature.low)
    for part in np.array_split(values, 3):
        survey.add(part)
    encoding = survey.encoding
    stored = encoding.encode(values)
    assert stored.dtype == encoding.dtype
    return decoded(stored, encoding.attributes), encoding


@pytest.mark.parametrize("feature", [each for each in SCHEMA if each.step], ids=lambda each: each.name)
def test_reported_values_are_stored_as_codes_of_their_step(feature: ReportFeature) -> None:
    bins = np.arange(min(round((feature.high - feature.low) / feature.step), 5000))
    values = np.concatenate(
        [[feature.low, np.nan], feature.low + (bins + 0.5) * feature.step, [feature.high]]
    )
    found, encoding = encoded(values, feature)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
    assert np.nanmax(np.abs(found - values)) <= feature.step * TOLERANCE
    assert np.nanmax(np.abs(found - values)) <= encoding.error + 1e-12
    assert np.dtype(encoding.dtype).itemsize <= 2


@given(arrays(np.float64, st.integers(0, 40), elements=st.floats(-156, -31) | st.just(np.nan)))
def test_values_off_the_grid_are_stored_to_a_thousandth_of_the_step(values: np.ndarray) -> None:
    found, encoding = encoded(values, SCHEMA[0])
    known = ~np.isnan(values)
    np.testing.assert_array_equal(~np.isnan(found), known)
    assert np.all(np.abs(found - values)[known] <= TOLERANCE)
    assert np.all(np.abs(found - values)[known] <= encoding.error + 1e-12)


def test_values_below_the_range_take_a_wider_code() -> None:
    low = np.array([SCHEMA[0].low - 10.0, -100.5])
    found, encoding = encoded(low, SCHEMA[0])
    np.testing.assert_array_equal(found, low)
    assert encoding.dtype == "int16"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> ReportDataset:
    """Random reports of five worlds, one of them long enough for many chunks."""
    folder = tmp_path_factory.mktemp("columns")
    save_analytic_place(folder / "north-0", sites=2)
    save_analytic_place(folder / "south", sites=2)
    configuration = small_configuration(folder)
    counts = [[[3, 1], [2]], [[400] * 60] * 2, [[1]], [[2, 2, 2]], [[5], [1]]]
    parts = [random_reports(each, seed) for seed, each in enumerate(counts)]
    assert len(parts) == len(plan_worlds(configuration))
    save_report_dataset(parts, configuration, Provenance.collect(configuration, 1), folder / "d.zarr")
    return open_report_dataset(folder / "d.zarr")


@pytest.mark.parametrize("chosen", [[0], [3, 2], [7, 0, 3], [4, 4], [], list(range(8))], ids=str)
def test_chosen_sequences_are_those_of_the_whole(dataset: ReportDataset, chosen: list[int]) -> None:
    found, whole = dataset.read(np.array(chosen, int)), dataset.reports.select(np.array(chosen, int))
    for name in ("report_offsets", "token_offsets", "time", "position", "pci", "serving", "beam", "censored"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name), name)
    np.testing.assert_array_equal(found.features, whole.features)


def test_a_selection_counts_from_its_own_first(dataset: ReportDataset) -> None:
    test = dataset.select(dataset.split == "test")
    np.testing.assert_array_equal(test.read(np.array([1])).pci, dataset.read(test.samples[[1]]).pci)


def test_only_the_chunks_that_hold_a_sequence_are_read(
    dataset: ReportDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    original = zarr.storage.LocalStore.get

    async def counted(*store_and_key: Any, **options: Any) -> Any:
        found = await original(*store_and_key, **options)
        read.append(0 if found is None else len(found))
        return found

    monkeypatch.setattr(zarr.storage.LocalStore, "get", counted)
    dataset.read(np.array([0, 7]))
    some = sum(read)
    dataset.read(np.arange(len(dataset)))
    assert 0 < some < (sum(read) - some) / 3  # one of six chunks of tokens, and what lists chunks


def test_the_store_opens_in_plain_zarr_and_xarray(dataset: ReportDataset) -> None:
    path = Path(dataset.folder.name)
    group = zarr.open_consolidated(path)
    assert group.metadata.zarr_format == 3
    assert group["feature_rsrp"].shards is not None
    assert group["feature_rsrp"].attrs["units"] == "dBm"
    opened = xr.open_zarr(path, consolidated=True)
    rsrp = opened["feature_rsrp"].values
    np.testing.assert_allclose(rsrp, dataset.reports.features[:, 0], atol=1e-3)
    assert opened.attrs["schema"] == "raylocus.dataset.v2" and "provenance" in opened.attrs
    radio = xr.open_zarr(path, group="places/south/radio")
    assert radio["rsrp_beam"].attrs["round_trip_error"] <= 0.005
    np.testing.assert_allclose(
        radio["toa"].values, dataset.place(1).radio_maps["toa"].values, rtol=1e-6, atol=1e-11
    )


def test_every_array_says_its_unit(dataset: ReportDataset) -> None:
    group = zarr.open_group(dataset.folder.name, mode="r")
    assert all("units" in array.attrs and "long_name" in array.attrs for _, array in group.arrays())
