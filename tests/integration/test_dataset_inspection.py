"""`dataset inspect`, `export` and the card: what a dataset holds is printed, drawn, exported, and leaks are found."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zarr
from pyarrow import parquet
from scipy.spatial.distance import cdist

from network_fixtures import TILE, analytic_world_maps, save_analytic_place
from raylocus.cli.main import main
from raylocus.datasets.build import build_dataset
from raylocus.datasets.building import world_tasks
from raylocus.datasets.card import dataset_card
from raylocus.datasets.configuration import DatasetConfiguration, SplitSize
from raylocus.datasets.leakage import broken_rule, find_leakage
from raylocus.datasets.splits import (
    AreaBlockSplits,
    CitySplits,
    PlaceChoice,
    SeveritySplits,
    SplitRule,
    StyleSplits,
    TimeSplits,
)
from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.datasets.summary import summarise
from raylocus.network.movement.mobility import MobilityConfiguration
from raylocus.network.reports.features import FEATURE_INDEX
from raylocus.network.reports.parquet import load_parquet
from raylocus.network.reports.report_files import load_reports
from raylocus.scenes.build import ATTRIBUTION
from raylocus.scenes.place import load_place, save_place
from raylocus.storage import MANIFEST, write_manifest

RULES: dict[str, SplitRule] = {
    "city": CitySplits(),
    "style": StyleSplits("style", test=("village",)),
    "area_blocks": AreaBlockSplits("area_blocks", block=64.0, guard=8.0, validation=0.2, test=0.3),
    "severity": SeveritySplits("severity", test_from=0.9),
    "time": TimeSplits("time", test_from=2.0, validation_from=1.0),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two places and a dataset of each rule."""
    made = tmp_path_factory.mktemp("datasets")
    for name in ("north", "south"):
        save_analytic_place(made / name, sites=3)
    save_place(
        dataclasses.replace(load_place(made / "south"), attribution=ATTRIBUTION, notes=("flat roofs",))
    )
    with pytest.MonkeyPatch.context() as patch:
        # The analytic places have no path atlas, so the worlds' maps come from the closed form.
        patch.setattr(world_tasks, "world_radio_maps", analytic_world_maps)
        for name, rule in RULES.items():
            build_dataset(configuration(made, rule), made / f"{name}.zarr")
        yield made


def configuration(folder: Path, rule: SplitRule) -> DatasetConfiguration:
    by_city = isinstance(rule, CitySplits)
    return DatasetConfiguration(
        places=(
            PlaceChoice(folder / "north", "train" if by_city else None, style="campus"),
            PlaceChoice(folder / "south", "test" if by_city else None, style="village"),
        ),
        seed=3,
        train=SplitSize(1, 12),
        validation=SplitSize(1, 6),
        test=SplitSize(1, 10),
        splits=rule,
        each=SplitSize(3, 20),
        severities=(0.2, 0.5, 1.0),
        mobility=MobilityConfiguration(fewest_reports=2, most_reports=5, report_intervals=(0.48,)),
    )


def opened(folder: Path, name: str) -> ReportDataset:
    return open_report_dataset(folder / f"{name}.zarr")


@pytest.mark.parametrize("name", RULES)
def test_a_dataset_keeps_the_rule_it_declares(folder: Path, name: str) -> None:
    dataset = opened(folder, name)
    leakage = find_leakage(dataset)
    assert len(leakage.sample) == (dataset.split == "test").sum() > 5
    assert (dataset.split == "train").any()
    assert broken_rule(dataset.configuration.splits, leakage) is None


@pytest.mark.parametrize("name", RULES)
def test_a_test_sample_that_was_learnt_from_is_found(folder: Path, name: str) -> None:
    dataset = opened(folder, name)
    split = dataset.split.copy()
    split[np.flatnonzero(split == "test")[::2]] = "train"
    broken = broken_rule(
        dataset.configuration.splits, find_leakage(dataclasses.replace(dataset, split=split))
    )
    assert broken is not None and f"by {name}" in broken and "test samples" in broken


def test_distances_are_those_to_the_nearest_report_that_was_learnt_from(folder: Path) -> None:
    dataset = opened(folder, "area_blocks")
    leakage = find_leakage(dataset)
    known = np.flatnonzero(np.isin(dataset.split, ("train", "validation")))
    for sample, distance in zip(leakage.sample[::5], leakage.distance[::5], strict=True):
        # Two places without a common frame are infinitely far apart.
        others = known[dataset.place_index[known] == dataset.place_index[sample]]
        own, learnt = (dataset.read(each).position[:, :2] for each in (np.array([sample]), others))
        assert distance == pytest.approx(cdist(own, learnt).min()) and distance >= 8.0
    assert leakage.place.all() and leakage.site.all() and leakage.world.all()


def test_a_city_shares_nothing_with_another(folder: Path) -> None:
    leakage = find_leakage(opened(folder, "city"))
    for shared in (leakage.city, leakage.place, leakage.site, leakage.world):
        assert not shared.any()
    assert np.isinf(leakage.distance).all()


def test_guard_bands_leave_sequences_in_no_split(folder: Path) -> None:
    dataset = opened(folder, "area_blocks")
    assert (dataset.split == "none").any()
    summary = summarise(dataset)
    assert {split.name for split in summary.splits} >= {"train", "test", "none"}
    training = dataset.select(dataset.split == "train").reports
    np.testing.assert_allclose(dataset.statistics.mean, np.nanmean(training.features, axis=0), rtol=1e-6)


def test_the_summary_counts_what_is_there(folder: Path) -> None:
    dataset = opened(folder, "city")
    summary = summarise(dataset)
    for split in summary.splits:
        reports = dataset.select(dataset.split == split.name).reports
        assert (split.sequences, split.reports, split.tokens) == (
            len(reports),
            len(reports.time),
            len(reports.pci),
        )
        np.testing.assert_array_equal(
            split.heard_cells[:10], np.bincount(reports.heard_cells, minlength=10)[:10]
        )
        assert split.line_of_sight == pytest.approx(reports.line_of_sight.mean())
        column = reports.features[:, FEATURE_INDEX["timing_advance"]]
        possible = (reports.beam < 0) & reports.serving
        share = np.isfinite(column).sum() / possible.sum()
        assert split.availability[FEATURE_INDEX["timing_advance"]] == pytest.approx(share)
        assert split.histograms[FEATURE_INDEX["rsrp"]].sum() == np.isfinite(reports.features[:, 0]).sum()
    south = next(place for place in summary.places if place.name == "south")
    reports = dataset.select(dataset.place_index == south.index).reports
    cells = np.unique(TILE.coarsen(8.0).index(reports.position))
    footprint = dataset.place(south.index).geometry_maps["footprint"].values.reshape(32, 2, 32, 2)
    outdoors = ~(footprint > 0).all(axis=(1, 3)).ravel()
    assert south.covered == pytest.approx(outdoors[cells].sum() / outdoors.sum())


def test_inspect_prints_draws_and_writes_the_card(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "look"
    assert main(["dataset", "inspect", str(folder / "area_blocks.zarr"), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "The declared rule holds" in printed and "rsrp" in printed and "north" in printed
    written = {file.name for file in out.iterdir()}
    assert written == {
        "card.md", "availability.png", "histograms.png", "hearing.png", "place_north.png", "place_south.png",
    }  # fmt: skip
    assert all((out / name).read_bytes()[:4] == b"\x89PNG" for name in written - {"card.md"})
    card = (out / "card.md").read_text()
    for text in (
        "Open Database License", "south: flat roofs", "by area blocks", "guard 8.0", "zarr 3", "Known limits",
        "(place_south.png)",
    ):  # fmt: skip
        assert text in card, text
    assert all(line.count("|") == block[0].count("|") for block in tables(card) for line in block)


def tables(card: str) -> list[list[str]]:
    return [block.splitlines() for block in card.split("\n\n") if block.startswith("|")]


def test_a_card_without_maps_of_others_has_no_licence_of_theirs(folder: Path) -> None:
    dataset = opened(folder, "city")
    north = dataset.select(dataset.place_index == 0)
    card = dataset_card("north", north, summarise(north), find_leakage(north))
    assert "OpenStreetMap" not in card and "There is no test sample" in card


def test_leakage_ends_with_exit_code_2(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = folder / "time.zarr"
    assert main(["dataset", "inspect", str(store), "--leakage"]) == 0
    assert "nearest report" in capsys.readouterr().out
    leaky = tmp_path / "leaky.zarr"
    shutil.copytree(store, leaky)
    split = zarr.open_group(leaky, mode="r+")["split"]
    split[:] = np.where(np.arange(split.shape[0]) % 2, 0, 2)
    write_manifest(leaky)
    assert main(["dataset", "inspect", str(leaky), "--leakage"]) == 2
    printed = capsys.readouterr().err
    assert "splits are by time" in printed and printed.count("\n") == 1


def test_a_damaged_dataset_is_named(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.zarr"
    shutil.copytree(folder / "city.zarr", broken)
    victim = max(
        (file for file in broken.rglob("c/*") if file.is_file()), key=lambda file: file.stat().st_size
    )
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(bytes(content))
    assert main(["dataset", "inspect", str(broken)]) == 2
    assert str(victim.relative_to(broken)) in capsys.readouterr().err
    (broken / MANIFEST).unlink()
    assert main(["dataset", "inspect", str(broken)]) == 2
    assert main(["dataset", "inspect", str(tmp_path / "absent.zarr")]) == 2


def test_tables_hold_the_whole_dataset(folder: Path, tmp_path: Path) -> None:
    store, out = folder / "area_blocks.zarr", tmp_path / "tables"
    assert main(["dataset", "export", str(store), "--format", "parquet", "--out", str(out)]) == 0
    dataset = open_report_dataset(store)
    again, reports = load_parquet(out / "tokens.parquet"), dataset.reports
    for field in dataclasses.fields(reports):
        one, other = getattr(again, field.name), getattr(reports, field.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other)
        else:
            assert one == other
    assert main(["dataset", "import", str(out / "tokens.parquet"), "--out", str(tmp_path / "r.zarr")]) == 0
    np.testing.assert_array_equal(load_reports(tmp_path / "r.zarr").features, reports.features)
    table = parquet.read_table(out / "reports.parquet")
    assert table.num_rows == len(reports.time)
    sequence = table.column("sequence").to_numpy()
    np.testing.assert_array_equal(sequence, reports.sequence_of_report)
    assert table.column("split").to_pylist() == dataset.split[sequence].tolist()
    assert set(table.column("place").to_pylist()) == {"north", "south"}
    np.testing.assert_array_equal(table.column("start_time").to_numpy(), dataset.start_time[sequence])
    units = {field.name: field.metadata[b"units"].decode() for field in table.schema}
    assert units["time"] == "s" and units["x"] == "m" and units["split"] == "1"
    tokens = parquet.read_schema(out / "tokens.parquet")
    assert tokens.field("rsrp").metadata[b"units"] == b"dBm"
    assert tokens.field("timing_advance").metadata[b"units"] == b"T_A"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--format", "csv", "--out", "x"], "csv"),
        (["--format", "parquet"], "out"),
        (["--format", "deepmimo", "--out", "scenarios"], "atlas"),
    ],
)
def test_bad_exports_are_one_sentence(
    folder: Path, tmp_path: Path, words: list[str], complaint: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["dataset", "export", str(folder / "city.zarr"), *words]) == 2
    printed = capsys.readouterr().err
    assert complaint in printed and printed.count("\n") == 1
    assert not list(tmp_path.rglob("*.npz"))
