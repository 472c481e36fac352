"""Input that makes no sense is refused in one sentence that says what to do, before anything is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from network_fixtures import random_reports, save_analytic_place
from raylocus.cli.main import main
from raylocus.datasets.building.world_tasks import pack_reports, unpack_reports
from raylocus.datasets.configuration import parse_dataset_configuration
from raylocus.datasets.exchange.scenario import PointSet, point_sets, read_parameters, read_paths
from raylocus.errors import InputError, RaylocusError, StoreError
from raylocus.evaluation.ablation.run import AblationRecipe, Variant, load_ablation_recipe
from raylocus.evaluation.benchmark.run import load_benchmark_recipe
from raylocus.geo import Extent
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.formats.column_map import load_column_map
from raylocus.network.formats.gpx_links import read_gpx
from raylocus.network.rrc.events import Event
from raylocus.network.rrc.measurement_configuration import ReportConfiguration
from raylocus.scenes.build import BuiltInCity
from raylocus.scenes.cell_names.channels import arfcn_frequency
from raylocus.scenes.configuration import AreaConfiguration
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site
from raylocus.storage import packed
from raylocus.yaml_text import read_as


def sentence(error: RaylocusError) -> str:
    """The message, which is one sentence on one line and long enough to say what to do."""
    text = str(error)
    assert "\n" not in text and not text.endswith(".") and len(text) > 20, text
    return text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places") / "analytic"
    save_analytic_place(folder, sites=2)
    return folder


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("scene export {place}", "nothing to write; give --geotiff FILE or --geojson FILE"),
        ("view {place} --out {out}/page.txt", "must end with .html"),
        ("view {place} --out {out}/page.html --sequences [0]", "need phones to show; give --reports"),
        ("view {place} --out {out}/page.html --model {out}/m.ckpt", "need phones to show; give --reports"),
        ("calibrate fit --place {place} --out {out}/new", "give either a reports file, or a track"),
        ("calibrate fit {log} --place {place} --gpx {log} --out {out}/new", "give either a reports file"),
        (
            "calibrate fit --place {place} --gpx {log} --links {out} --out {out}/new",
            "no CSV file named by a PCI",
        ),
        ("scene build {log} --out {out}/new --area.side 900", "--area.side is that of a generated town"),
        ("reports area {log} --out {out}/new --margin 0", "--margin takes metres above 0, not 0"),
        ("reports import {log} --place {place} --out {out}/r.zarr --gap 0", "--gap takes seconds above 0"),
        (
            "reports import {log} --place {place} --out {out}/r.zarr --columns {map}",
            "no CSV or Parquet table",
        ),
        (
            "locate {log} --place {place} --out {out}/f.csv --undo 1",
            "--undo takes back what --online learned",
        ),
    ],
)
def test_arguments_that_make_no_sense(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    log, columns = tmp_path / "log", tmp_path / "map.yaml"
    log.write_bytes(bytes(range(256)))
    columns.write_text('time: "t"\npci: "p"\nrsrp: "r"\n')
    filled = words.format(place=place, out=out, log=log, map=columns)
    assert main(filled.split()) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("raylocus: ") and printed.count("\n") == 1 and said in printed
    assert list(out.iterdir()) == []


def deployment(*carriers: Carrier) -> Deployment:
    cells = tuple(Cell(number, 0, 0.0, 0.0, carrier=number) for number in range(len(carriers)))
    return Deployment(carriers, (Site("mast", (0.0, 0.0, 20.0)),), cells)


LTE = Carrier(806e6, 0, 50, "LTE", 6300)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Extent(0.0, 0.0, 0.0, 5.0), "west must be below its east"),
        (lambda: AreaConfiguration(margin=0.0), "leave no ground; give positive metres"),
        (lambda: arfcn_frequency(3_279_166), "no NR-ARFCN"),
        (lambda: BuiltInCity("atlantis"), "the built-in cities are etoile, florence, munich"),
        (
            lambda: deployment(LTE, dataclasses.replace(LTE, frequency=807e6)),
            "correct the channel number of one",
        ),
        (lambda: deployment(LTE, dataclasses.replace(LTE, numerology=1)), "give their cells one carrier"),
        (lambda: Event("A2"), "A2 needs a threshold"),
        (lambda: Event("A7"), "choose one of A1"),
        (
            lambda: NetworkConfiguration(report=ReportConfiguration(interval=1.024)),
            "give a trigger, or set the intervals",
        ),
        (lambda: NetworkConfiguration(handover=Event("A2", threshold=-100.0)), "handover is by event A3"),
        (lambda: NetworkConfiguration(load=1.5), "lie between 0 and 1"),
        (lambda: NetworkConfiguration(availability={"rsrp": -0.1}), "lie between 0 and 1"),
        (
            lambda: AblationRecipe("?", (Variant("a"), Variant("b", train={"x": 1})), {}),
            "need the key dataset: what is trained on",
        ),
        (lambda: AblationRecipe("?", (Variant("a"), Variant("a")), {}), "each with a name of its own"),
        (
            lambda: AblationRecipe("?", (Variant("a"), Variant("b")), {}, seeds=(1, 1, 2)),
            "takes 3 seeds or more",
        ),
    ],
)
def test_values_that_cannot_be(make: Callable[[], object], said: str) -> None:
    with pytest.raises(RaylocusError) as refusal:
        make()
    assert said in sentence(refusal.value)


PLACES = "places: [{folder: a, split: train}]\nseed: 1\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("places: []\nseed: 1\n", "at least one place"),
        ("places: [{folder: a, split: train}, {folder: a, split: test}]\nseed: 1\n", "lists a twice"),
        ("places: [{folder: a}]\nseed: 1\n", "has no split; give it one of train"),
        (
            PLACES + "splits: {kind: time, validation_from: 3.0, test_from: 2.0}\n",
            "validation must begin at a lower",
        ),
        (PLACES + "splits: {kind: severity, test_from: 1.0}\n", "leave out the split of a"),
        (PLACES + "severities: [3.0]\n", "between 0 and 2"),
        (PLACES + "max_failed_share: 2.0\n", "between 0 and 1"),
        (PLACES + "train: {worlds: -1, sequences: 1}\n", "0 worlds or more"),
        (PLACES + "seeed: 1\n", "seeed"),
        ("places: 3\nseed: 1\n", "places"),
        ("places: [{folder: a, split: train, count: 2}]\nseed: 1\n", "give it a source to make several"),
        ("places: [{folder: a, split: train, map_error: 3.0}]\nseed: 1\n", "lies between 0 and 2"),
        (PLACES + "map_error_law: {missing_share: -0.1}\n", "missing_share of map errors is 0 or more"),
        (PLACES + "map_error_law: {terrain_distance: 0}\n", "terrain_distance of map errors is above 0"),
    ],
)
def test_datasets_that_cannot_be(text: str, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_dataset_configuration(text, "my.yaml")
    assert said in sentence(refusal.value)


@pytest.mark.parametrize(
    ("load", "what"), [(load_ablation_recipe, "ablation"), (load_benchmark_recipe, "benchmark")]
)
def test_a_recipe_of_something_else_is_named(
    tmp_path: Path, load: Callable[[Path], object], what: str
) -> None:
    path = tmp_path / "other.yaml"
    path.write_text("surprise: 1\n")
    with pytest.raises(InputError, match=what) as refusal:
        load(path)
    assert str(path) in sentence(refusal.value)


def test_a_key_is_named_with_the_path_to_it() -> None:
    with pytest.raises(InputError, match=r"my\.yaml is not a variant: .*given") as refusal:
        read_as(Variant, "name: x\ngiven: {shift: far}\n", "my.yaml", "a variant")
    sentence(refusal.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2]", "no mapping of fields"),
        ("time: t\npci: p\n", "does not name the field 'rsrp'"),
        ("time: t\nrsrp: r\n", "does not name the field 'pci'"),
        ("time: t\nrsrp: r\npci: p\ncolour: c\n", "the unknown field 'colour'"),
        ("time: t\nrsrp: 5\npci: p\n", "neither a column's name"),
        ("time: t\nrsrp: r\npci: p\nneighbours: [3]\n", "a neighbour that is no mapping"),
        ("time: t\nrsrp: r\npci: p\nneighbours: [{pci: q}]\n", "does not name the field 'rsrp'"),
        ("time: [unclosed", "cannot be read as a column map"),
    ],
)
def test_column_maps_that_say_too_little(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as refusal:
        load_column_map(path)
    assert said in sentence(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<gpx/>",
        "<gpx><trk><trkseg><trkpt lat='1'/></trkseg></trk></gpx>",
        "<gpx><trkpt lat='x' lon='1'/></gpx>",
    ],
)
def test_tracks_without_points(tmp_path: Path, text: str) -> None:
    path = tmp_path / "track.gpx"
    path.write_text(text)
    with pytest.raises(InputError) as refusal:
        read_gpx(path)
    assert str(path) in sentence(refusal.value)


def test_a_unit_of_a_build_comes_back_or_is_refused() -> None:
    reports = random_reports([[3, 0, 2], [1]], 5)
    content = pack_reports(reports)
    again = unpack_reports(content, "unit")
    assert pack_reports(again) == content
    np.testing.assert_array_equal(again.features, reports.features)
    with pytest.raises(StoreError, match="the unit u7 is damaged"):
        unpack_reports(content[:-30], "u7")
    names = ("report_offsets", "token_offsets", "time", "position", "line_of_sight")
    with pytest.raises(StoreError, match="damaged"):
        unpack_reports(packed({"schema": "x"}, {name: getattr(reports, name) for name in names}), "u8")


def test_scenarios_that_lack_something(tmp_path: Path) -> None:
    for text in ("", "[]", "{}", '{"scene": {"num_scenes": 2}}'):
        (tmp_path / "params.json").write_text(text)
        with pytest.raises(StoreError) as refusal:
            read_parameters(tmp_path)
        assert str(tmp_path) in sentence(refusal.value)
    with pytest.raises(StoreError, match="describes no sets of points"):
        list(point_sets({"txrx_sets": {"a": {"id": 0}}}))
    sites, phones = PointSet(0, True, False, 1), PointSet(1, False, True, 2)
    with pytest.raises(StoreError, match="is missing or broken"):
        read_paths(tmp_path, sites, 0, phones)
