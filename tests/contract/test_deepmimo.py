"""DeepMIMO scenarios: DeepMIMO 4 itself loads what is exported, and what is imported is what the paths say."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from propagation_fixtures import TILE, box, materials, rasterized_maps, scene, tracer
from raylocus.cli.main import main
from raylocus.datasets.exchange.deepmimo_export import export_scenario
from raylocus.datasets.exchange.deepmimo_import import import_scenario
from raylocus.errors import InputError, StoreError
from raylocus.geo import GeoFrame
from raylocus.network.reports.features import FEATURE_INDEX
from raylocus.network.reports.report_files import load_reports
from raylocus.network.reports.token_cells import token_cells
from raylocus.propagation.antennas.antennas import beam_gains
from raylocus.propagation.antennas.panels import Panel
from raylocus.propagation.atlas.atlas import concatenate
from raylocus.propagation.atlas.channel_response import frequency_response, impulse_response
from raylocus.propagation.atlas.ue_paths import UePaths, ground_cell_points, paths_at
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.provenance import Provenance
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site
from raylocus.scenes.triangles import write_mitsuba_scene
from raylocus.units import SPEED_OF_LIGHT, energy_per_resource_element, timing_advance_step

SOURCE = Path(__file__).parents[2] / "src"
SITES = ((-6.0, 0.0, 12.0), (0.0, -28.0, 22.0))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> TracedPlace:
    """Two sites in a street with corners: direct, reflected, diffracted and over-rooftop paths."""
    folder = tmp_path_factory.mktemp("places") / "corner"
    triangles = scene(box((10.0, -30.0), (20.0, 30.0), 18.0), box((-28.0, 14.0), (8.0, 24.0), 18.0))
    write_mitsuba_scene(triangles, folder)
    traced = tracer(triangles, TraceConfiguration(depth=2))
    atlas = concatenate([traced.trace(site, np.array(position)) for site, position in enumerate(SITES)])
    cells = [Cell(3 * site + turn, site, 2.1 * turn, 0.1) for site in range(2) for turn in range(3)]
    sites = tuple(Site(f"site {index}", position) for index, position in enumerate(SITES))
    network = Deployment((Carrier(),), sites, tuple(cells))
    found = TracedPlace(folder, "corner", GeoFrame(), TILE, network, Provenance.collect({"source": "test"}))
    found.__dict__.update(geometry_maps=rasterized_maps(triangles, TILE), atlas=atlas)
    return found


@pytest.fixture(scope="module")
def receivers(place: TracedPlace) -> np.ndarray:
    """UEs anywhere, some inside buildings, where no path leads."""
    xy = np.random.default_rng(0).uniform(-31, 31, (150, 2))
    return np.column_stack([xy, np.full(len(xy), 1.5)])


@pytest.fixture(scope="module")
def scenario(place: TracedPlace, receivers: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deepmimo") / "corner"
    export_scenario(place, receivers, folder)
    return folder


@pytest.fixture(scope="module")
def loaded(scenario: Path) -> Any:
    deepmimo = pytest.importorskip("deepmimo", reason="DeepMIMO is not installed; run: make test")
    deepmimo.config.set("scenarios_folder", str(scenario.parent))
    return deepmimo.load(scenario.name, max_paths=100)


def site_paths(place: TracedPlace, site: int, receivers: np.ndarray) -> UePaths:
    points = ground_cell_points(place.atlas.grid, place.geometry_maps["terrain"].values)
    return paths_at(place.atlas, site, receivers, points)


def test_deepmimo_reads_every_site_receiver_and_path(
    loaded: Any, place: TracedPlace, receivers: np.ndarray
) -> None:
    assert len(loaded) == len(SITES)
    for site, position in enumerate(SITES):
        one = loaded[site]
        found = site_paths(place, site, receivers)
        np.testing.assert_allclose(one.tx_pos[0], position, rtol=1e-6)
        np.testing.assert_allclose(one.rx_pos, receivers, rtol=1e-6)
        counts = np.bincount(found.ue, minlength=len(receivers))
        np.testing.assert_array_equal(one.num_paths, counts)
        assert counts.min() == 0 and counts.max() > 4
        direct = np.zeros(len(receivers), bool)
        direct[found.ue[found.paths.line_of_sight]] = True
        np.testing.assert_array_equal(one.los == 1, direct)
        # DeepMIMO says −1 where there is no path.
        np.testing.assert_array_equal(one.los == -1, counts == 0)


def test_deepmimo_sees_the_line_of_sight_where_geometry_puts_it(loaded: Any, receivers: np.ndarray) -> None:
    for site, position in enumerate(SITES):
        one = loaded[site]
        row, column = np.nonzero(one.inter == 0)
        offset = receivers[row] - np.array(position)
        length = np.linalg.norm(offset, axis=1)
        wavelength = SPEED_OF_LIGHT / Carrier().frequency
        # A vertical dipole's far field has no pattern in azimuth; isotropic elements have none at all.
        np.testing.assert_allclose(one.delay[row, column] * SPEED_OF_LIGHT, length, rtol=1e-5)
        np.testing.assert_allclose(
            one.power[row, column], 20 * np.log10(wavelength / (4 * np.pi * length)), atol=1e-3
        )
        azimuth = np.rad2deg(np.arctan2(offset[:, 1], offset[:, 0]))
        zenith = np.rad2deg(np.arccos(offset[:, 2] / length))
        for angles, expected in (
            (one.aod_az, azimuth),
            (one.aoa_az, azimuth + 180),
            (one.aod_el, zenith),
            (one.aoa_el, 180 - zenith),
        ):
            turn = (angles[row, column] - expected + 180) % 360 - 180
            assert np.abs(turn).max() < 0.01
        assert len(row) > 20


def test_deepmimo_sees_reflections_and_where_they_happen(loaded: Any, receivers: np.ndarray) -> None:
    one = loaded[0]
    assert {0, 1, 2, 11} <= set(np.unique(one.inter[np.isfinite(one.inter)]).astype(int).tolist())
    row, column = np.nonzero(one.inter == 1)
    points = one.inter_pos[row, column, 0]
    length = np.linalg.norm(points - SITES[0], axis=1) + np.linalg.norm(receivers[row] - points, axis=1)
    np.testing.assert_allclose(length, one.delay[row, column] * SPEED_OF_LIGHT, rtol=1e-4)
    off_ground = points[np.abs(points[:, 2]) > 1e-2]
    walls = np.minimum(
        np.abs(off_ground[:, :1] - [[10, 20, 8]]).min(1), np.abs(off_ground[:, 1:2] - [[14, 24]]).min(1)
    )
    assert len(off_ground) > 20 and walls.max() < 0.01


def test_deepmimos_channels_are_ours(loaded: Any, place: TracedPlace, receivers: np.ndarray) -> None:
    """Power, phase and delay together: its OFDM channel is our frequency response, at every subcarrier."""
    deepmimo = pytest.importorskip("deepmimo")
    bandwidth, count = 20e6, 64
    parameters = deepmimo.ChannelParameters()
    parameters.num_paths = 100
    parameters.bs_antenna.shape = np.array([1, 1])
    parameters.ue_antenna.shape = np.array([1, 1])
    parameters.ofdm.bandwidth, parameters.ofdm.subcarriers = bandwidth, count
    parameters.ofdm.selected_subcarriers = np.arange(count)
    for site in range(len(SITES)):
        theirs = np.asarray(loaded[site].compute_channels(parameters))[:, 0, 0, :]
        response = impulse_response(site_paths(place, site, receivers), Panel(), Panel())
        ours = frequency_response(response, np.arange(count) * bandwidth / count)[:, :, 0, 0]
        scale = np.abs(ours).max()
        assert scale > 0
        # DeepMIMO scales by 1/√N and computes in single precision.
        np.testing.assert_allclose(theirs * np.sqrt(count), ours, atol=2e-3 * scale)


def test_deepmimo_loads_the_scene_and_its_materials(loaded: Any) -> None:
    assert [one.label for one in loaded[0].scene.objects] == ["terrain", "buildings"]
    faces = sum(len(one.faces) for one in loaded[0].scene.objects)
    assert faces == 2 + 2 * 10
    concrete = loaded[0].materials[0]
    assert concrete.name == "concrete"
    assert concrete.permittivity == pytest.approx(materials().permittivity[0])


def test_deepmimo_sums_the_scenario_up(scenario: Path, loaded: Any) -> None:
    deepmimo = pytest.importorskip("deepmimo")
    summary = deepmimo.summary(scenario.name, print_summary=False)
    for words in ("3.5 GHz", "Max reflections: 2", "receivers"):
        assert words in summary, summary


def test_reports_of_a_scenario_are_what_its_paths_say(
    scenario: Path, place: TracedPlace, receivers: np.ndarray, tmp_path: Path
) -> None:
    assert main(["dataset", "import", str(scenario), "--out", str(tmp_path / "reports.zarr")]) == 0
    reports = load_reports(tmp_path / "reports.zarr")
    assert np.all(np.diff(reports.report_offsets) == 1) and len(reports) > 50
    index = np.array([np.abs(receivers - position).sum(axis=1).argmin() for position in reports.position])
    level, delay = expected_channel(place, receivers)
    cell_token = reports.beam < 0
    report = reports.report_of_token[cell_token]
    cell = token_cells(reports, place.deployment)[cell_token]
    rsrp = reports.features[cell_token, FEATURE_INDEX["rsrp"]]
    # SS-RSRP is reported in steps of 1 dB.
    assert np.abs(rsrp - level[index[report], cell]).max() <= 0.5 + 1e-3
    serving = np.full(len(reports), -1)
    serving[report[reports.serving[cell_token]]] = cell[reports.serving[cell_token]]
    np.testing.assert_array_equal(serving, np.nanargmax(level[index], axis=1))
    advance = reports.features[:, FEATURE_INDEX["timing_advance"]]
    timed = cell_token & np.isfinite(advance)
    site = place.deployment.site_of_cell[token_cells(reports, place.deployment)[timed]]
    expected = np.round(2 * delay[index[reports.report_of_token[timed]], site] / timing_advance_step(1))
    np.testing.assert_array_equal(advance[timed], expected)


def expected_channel(place: TracedPlace, receivers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RSRP of every cell's best beam [dBm] and first delay of every site [s], straight from the atlas."""
    network = place.deployment
    level = np.full((len(receivers), len(network.cells)), np.nan)
    delay = np.full((len(receivers), len(network.sites)), np.nan)
    for site in range(len(network.sites)):
        found = site_paths(place, site, receivers)
        power = np.abs(impulse_response(found, Panel(), Panel()).amplitude[:, 0, 0]) ** 2
        for index in np.unique(found.ue):
            own = found.ue == index
            delay[index, site] = found.paths.length[own].min() / SPEED_OF_LIGHT
            for number, cell in enumerate(network.cells):
                if cell.site == site:
                    gains = beam_gains(found.paths.departure[own], cell.azimuth, cell.downtilt, cell.array)
                    energy = energy_per_resource_element(cell.power_dbm, 106)
                    level[index, number] = energy + 10 * np.log10((power[own, None] * gains).sum(0).max())
    return level, delay


def test_a_scenario_of_others_has_one_even_cell_a_transmitter(scenario: Path, tmp_path: Path) -> None:
    foreign = shutil.copytree(scenario, tmp_path / "foreign")
    document = json.loads((foreign / "params.json").read_text())
    del document["raylocus"]
    (foreign / "params.json").write_text(json.dumps(document))
    found = import_scenario(foreign)
    assert found.isotropic and found.deployment.carrier.frequency == Carrier().frequency
    np.testing.assert_allclose(found.deployment.site_positions, SITES, rtol=1e-6)
    with np.load(foreign / "power_t000_tx000_r001.npz") as archive:
        gain = np.nansum(10 ** (archive["power"].astype(float) / 10), axis=1)
    with np.load(foreign / "rx_pos_t000_tx000_r001.npz") as archive:
        position = archive["rx_pos"].astype(float)
    reports = found.reports
    index = np.array([np.abs(position - each).sum(axis=1).argmin() for each in reports.position])
    first = (reports.beam < 0) & (reports.pci == 0)
    level = energy_per_resource_element(46.0, 106) + 10 * np.log10(
        gain[index[reports.report_of_token[first]]]
    )
    assert np.abs(reports.features[first, FEATURE_INDEX["rsrp"]] - np.minimum(level, -31)).max() <= 0.5 + 1e-3


def test_older_scenarios_are_matlab_files(scenario: Path, tmp_path: Path) -> None:
    from scipy.io import savemat

    older = shutil.copytree(scenario, tmp_path / "older")
    for file in older.glob("*_t*.npz"):
        with np.load(file) as archive:
            savemat(file.with_suffix(".mat"), dict(archive))
        file.unlink()
    np.testing.assert_array_equal(
        import_scenario(older).reports.features, import_scenario(scenario).reports.features
    )


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda folder: (folder / "params.json").unlink(), r"params\.json"),
        (lambda folder: (folder / "params.json").write_text("{}"), r"params\.json"),
        (lambda folder: (folder / "delay_t000_tx001_r001.npz").unlink(), "delay_t000_tx001"),
        (lambda folder: (folder / "power_t000_tx000_r001.npz").write_bytes(b"PK no"), "power_t000_tx000"),
        (lambda folder: shorten(folder / "power_t000_tx000_r001.npz"), "receivers"),
        (lambda folder: more_scenes(folder / "params.json"), "2 scenes"),
    ],
)
def test_a_broken_scenario_is_named(
    scenario: Path, tmp_path: Path, damage: Any, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = shutil.copytree(scenario, tmp_path / "broken")
    damage(broken)
    with pytest.raises(StoreError, match=complaint):
        import_scenario(broken)
    assert main(["dataset", "import", str(broken), "--out", str(tmp_path / "r.zarr")]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "r.zarr").exists()


def shorten(path: Path) -> None:
    with np.load(path) as archive:
        values = archive["power"][:-1]
    np.savez_compressed(path, power=values)


def more_scenes(path: Path) -> None:
    document = json.loads(path.read_text())
    document["scene"]["num_scenes"] = 2
    path.write_text(json.dumps(document))


def test_receivers_outside_the_tile_leave_nothing_behind(place: TracedPlace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="outside"):
        export_scenario(place, np.array([[500.0, 0.0, 1.5]]), tmp_path / "scenario")
    with pytest.raises(InputError, match="no receivers"):
        export_scenario(place, np.zeros((0, 3)), tmp_path / "scenario")
    assert not list(tmp_path.iterdir())


def test_raylocus_never_imports_deepmimo() -> None:
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.lower().split(".")[0] == "deepmimo" for name in names), file
