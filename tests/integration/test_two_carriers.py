"""A place with cells on two carriers: one ray launch a site, and R of each cell as if its carrier stood alone."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from network_fixtures import same_reports
from propagation_fixtures import ETOILE
from raylocus.errors import InputError
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.packed import packed_sequences
from raylocus.models.inputs.tensors import OBSERVED
from raylocus.network.channel.world_channel import WorldChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.observe import NumberedReports, observe, observe_numbered
from raylocus.network.observe_carriers import join_carriers, observe_carriers
from raylocus.network.reports.report_checks import check_reports
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import token_cells
from raylocus.network.rrc.handover import DEFAULT_EVENT
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.maps.path_loss import formula_levels
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.maps.world_maps import world_radio_maps
from raylocus.propagation.search.specular import SpecularSearch
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import is_traced, trace_place
from raylocus.scenes.build import build_place
from raylocus.scenes.cell_names.channels import LTE
from raylocus.scenes.place import save_place
from raylocus.scenes.sites import AntennaArray, Carrier, Deployment, ElementPattern
from raylocus.scenes.world import WorldLaw, sample_world
from raylocus.units import timing_advance_distance
from raylocus.viz.viewer.place_content import place_content

TRACE = TraceConfiguration(depth=1, rays_per_cell=1.0, refraction=1, scattering=0.2)
MAPS = RadioMapConfiguration(layers=("channel", "measurements", "system"))
LAW = NetworkConfiguration(neighbour_dropout=0.0)
LOW = Carrier(806e6, 0, 50, "LTE", 6300)


def two_carriers(deployment: Deployment) -> Deployment:
    """Every cell again on LTE at 806 MHz, with one wide beam; the order of the cells mixes both."""
    wide = ElementPattern(beamwidth_elevation=10.0, gain=15.0)
    low = [
        dataclasses.replace(
            cell,
            carrier=1,
            pci=cell.pci % 504,
            array=AntennaArray(1, 1, 1),
            pattern=wide,
            identity=256 + number,
        )
        for number, cell in enumerate(deployment.cells)
    ]
    cells = tuple(cell for pair in zip(low, deployment.cells, strict=True) for cell in pair)
    return dataclasses.replace(deployment, carriers=(*deployment.carriers, LOW), cells=cells)


@pytest.fixture(scope="module")
def launches() -> list[int]:
    return []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, launches: list[int]) -> TracedPlace:
    folder = tmp_path_factory.mktemp("places") / "etoile"
    build_place("etoile", folder, dataclasses.replace(ETOILE, resolution=8.0))
    built = open_place(folder)
    save_place(dataclasses.replace(built, deployment=two_carriers(built.deployment)))
    counted = SpecularSearch.paths

    def counting(*arguments: object, **named: object) -> object:
        launches.append(1)
        return counted(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SpecularSearch, "paths", counting)
        return trace_place(folder, TRACE, maps=MAPS)


def alone(place: TracedPlace, carrier: int, folder: Path) -> TracedPlace:
    """The same place with the cells of one carrier, traced by itself."""
    shutil.copytree(place.folder, folder, ignore=shutil.ignore_patterns("*radio.zarr", "atlas*.zarr"))
    layer = place.deployment.layers()[carrier]
    save_place(dataclasses.replace(place, folder=folder, deployment=layer.deployment))
    return trace_place(folder, TRACE, maps=MAPS)


def test_two_bands_cost_one_launch_a_site(place: TracedPlace, launches: list[int]) -> None:
    assert len(launches) == len(place.deployment.sites)
    assert is_traced(place, TRACE, MAPS)
    assert [file.name for file in place.atlas_files] == ["atlas.zarr", "atlas-2.zarr"]


@pytest.mark.parametrize("carrier", [0, 1])
def test_maps_are_those_of_each_carrier_alone(place: TracedPlace, carrier: int, tmp_path: Path) -> None:
    single = alone(place, carrier, tmp_path / "alone")
    layer, ours = place.layers()[carrier], place.deployment.layers()[carrier]
    assert layer.deployment == single.deployment
    for name in ("length", "ground_cell", "excess_loss_db", "kind"):
        np.testing.assert_array_equal(getattr(layer.atlas, name), getattr(single.atlas, name))
    for name, expected in single.radio_maps.data_vars.items():
        if "cell" not in expected.dims:
            continue
        found = place.radio_maps[name].isel(cell=ours.cells)
        if "beam" in found.dims:
            assert found.isel(beam=slice(expected.sizes["beam"], None)).isnull().all()
            found = found.isel(beam=slice(expected.sizes["beam"]))
        np.testing.assert_array_equal(found.values, expected.values)
        np.testing.assert_array_equal(layer.radio_maps[name].values, expected.values)


@pytest.fixture(scope="module")
def observed(place: TracedPlace) -> tuple[Reports, list[NumberedReports]]:
    """The reports of a few UEs in one world, and what each carrier observes alone."""
    generator = np.random.default_rng(4)
    walked = sample_trajectories(place.geometry_maps, 6, MobilityConfiguration(), generator)
    world = sample_world(place.deployment, WorldLaw(severity=0.5), generator)
    maps = world_radio_maps(place, world)
    channels = [
        WorldChannel(layer, layer.of_layer(maps), world.of_cells(own.cells))
        for layer, own in zip(place.layers(), place.deployment.layers(), strict=True)
    ]
    parts = [
        observe_numbered(channel, walked, LAW, 9, carrier=f"carrier {number}")
        for number, channel in enumerate(channels)
    ]
    return observe_carriers(channels, walked, LAW, 9), parts


def test_reports_hold_what_each_carrier_observes(
    place: TracedPlace, observed: tuple[Reports, list[NumberedReports]]
) -> None:
    reports, parts = observed
    numbers = np.unique(np.concatenate([part.numbers for part in parts]))
    assert len(reports.time) == len(numbers)
    check_reports(reports, Path("reports"))
    whole = reports.beam < 0
    for index, part in enumerate(parts):
        own = whole & (reports.technology == place.deployment.cell_table.technology[index])
        alone = part.reports.beam < 0
        for values, expected in (
            (numbers[reports.report_of_token[own]], part.numbers[part.reports.report_of_token[alone]]),
            (reports.pci[own], part.reports.pci[alone]),
            (reports.features[own][:, :3], part.reports.features[alone][:, :3]),
        ):
            np.testing.assert_array_equal(values, expected)
    served = np.bincount(reports.report_of_token[whole & reports.serving], minlength=len(reports.time))
    assert (served == 1).all()
    assert set(reports.technology.tolist()) == {1, 2}
    # What only a serving cell has is the serving carrier's alone.
    advance = reports.features[:, reports.feature_names.index("timing_advance")]
    assert np.isnan(advance[~reports.serving]).all() and not np.isnan(advance[whole & reports.serving]).all()
    assert (reports.identity[~reports.serving] == -1).all()
    cells = token_cells(reports, place.deployment)
    assert (place.deployment.pcis[cells] == reports.pci).all()


def test_lte_reports_in_its_own_ranges_and_no_beams(observed: tuple[Reports, list[NumberedReports]]) -> None:
    """TS 36.133 §9.1: levels end at −140 and −44 dBm, −19.5 and −3 dB, where they are censored; LTE has no SSBs."""
    reports, _ = observed
    of_lte = reports.technology == LTE
    assert of_lte.any() and (reports.beam[of_lte] < 0).all() and (reports.beam[~of_lte] >= 0).any()
    for name, low, high in (("rsrp", -140.0, -44.0), ("rsrq", -19.5, -3.0)):
        column = reports.feature_names.index(name)
        level, ends = reports.features[of_lte, column], reports.censored[of_lte, column]
        assert np.nanmin(level) >= low and np.nanmax(level) <= high
        np.testing.assert_array_equal(ends, np.where(level == high, 1, np.where(level == low, -1, 0)))


def test_an_offset_moves_ues_to_the_preferred_carrier(
    place: TracedPlace, observed: tuple[Reports, list[NumberedReports]]
) -> None:
    _, parts = observed
    shares = []
    for offset in (-60.0, 60.0):
        law = dataclasses.replace(LAW, frequency_offsets_db=(offset,))
        walked = sample_trajectories(
            place.geometry_maps, 6, MobilityConfiguration(), np.random.default_rng(4)
        )
        reports = join_carriers(parts, walked, law, 9)
        shares.append((reports.technology[reports.serving & (reports.beam < 0)] == 1).mean())
    assert shares[0] < 0.2 < 0.8 < shares[1]


def test_one_carrier_is_observed_as_before(place: TracedPlace) -> None:
    layer = place.layers()[0]
    walked = sample_trajectories(place.geometry_maps, 3, MobilityConfiguration(), np.random.default_rng(4))
    channel = WorldChannel(layer, layer.radio_maps)
    assert same_reports(observe_carriers([channel], walked, LAW, 9), observe(channel, walked, LAW, 9))
    with pytest.raises(InputError, match="periodic"):
        law = dataclasses.replace(LAW, trigger=DEFAULT_EVENT)
        observe_carriers([channel, channel], walked, law, 9)


def test_readers_of_a_place_take_cells_of_several_carriers(
    place: TracedPlace, observed: tuple[Reports, list[NumberedReports]]
) -> None:
    """Level maps by each cell's frequency, tokens at their cells, timing advance by its carrier's numerology."""
    reports, _ = observed
    maps = place_maps(place)
    shape = maps.level.shape[1:]
    assert maps.level.shape == (len(place.deployment.cells), *shape) and bool(maps.level.isfinite().all())
    packed = packed_sequences(reports, place.deployment)
    advance = packed.features[:, OBSERVED.index("timing_advance")].numpy()
    serving = np.flatnonzero(reports.beam < 0)[np.isfinite(advance)]
    steps = reports.features[serving, reports.feature_names.index("timing_advance")]
    expected = {1: timing_advance_distance(1), 2: timing_advance_distance(0)}
    metres = [step * expected[code] for step, code in zip(steps, reports.technology[serving], strict=True)]
    np.testing.assert_allclose(advance[np.isfinite(advance)], metres, rtol=1e-6)
    lines = place_content(place).paths
    assert lines is not None and len(lines.site)
    formula = formula_levels(place.deployment, place.tile, place.geometry_maps["terrain"].values, 1.5)
    for layer in place.deployment.layers():
        own = formula_levels(layer.deployment, place.tile, place.geometry_maps["terrain"].values, 1.5)
        np.testing.assert_array_equal(formula[layer.cells], own)
