"""All layers of R and G as the map encoders see them: by the table's rows, missing is missing, each of them counts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from layer_fixtures import complete_place, with_layer, without_layers
from model_fixtures import synthetic_place, synthetic_reports
from raylocus.errors import CheckpointError
from raylocus.geo import Grid
from raylocus.inference.locator import Locator
from raylocus.models.checkpoint import (
    CHECKPOINT_KEY,
    PosteriorCalibration,
    TrainedNetwork,
    checkpoint_content,
    load_network,
)
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.cell_order import CellOrder
from raylocus.models.evidence.rasters import evidence_rasters
from raylocus.models.inputs.block_means import block_mean
from raylocus.models.inputs.map_layer_table import CHANNELS_BY_AXIS, KNOWN, MAP_LAYERS, MapLayer
from raylocus.models.inputs.map_layers import KINDS, MapLayers, map_layers
from raylocus.models.inputs.maps import complete_place_maps, place_maps
from raylocus.models.inputs.nominal_maps import NominalMaps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.location_network import LocationNetwork
from raylocus.propagation.maps.layers.complete import ALL_LAYERS, GROUPS
from raylocus.provenance import Provenance
from raylocus.scenes.geometry_maps import MATERIALS, UNKNOWN_LAYERS, geometry_maps
from raylocus.scenes.vector_map import ROAD_CLASSES

PLACE = complete_place(synthetic_place(1, size=128.0, sites=2, beams=4))
#: Native ground cells along the side of a coarse one.
FACTOR = 2
MAPS = complete_place_maps(PLACE)
LAYERS = map_layers(PLACE, FACTOR)
RASTERS = evidence_rasters(MAPS)
SMALL = LocationNetworkConfiguration(token_width=16, map_width=4, fusion_width=8, map_layers="all")
#: Names of the channels of each axis.
NAMES = {axis: [each.name for each in channels] for axis, channels in CHANNELS_BY_AXIS.items()}


def network() -> LocationNetwork:
    torch.manual_seed(3)
    return LocationNetwork(SMALL).eval()


def test_the_table_has_every_layer_of_r_as_r_describes_it():
    described = {layer.name: layer for layer in ALL_LAYERS}
    rows = [row for row in MAP_LAYERS if row.maps == "R"]
    assert {row.layer for row in rows} == set(described)
    optional = {layer.name: group for group, layers in GROUPS.items() for layer in layers}
    for row in rows:
        layer = described[row.layer]
        axis = next((each for each in layer.dimensions if each in ("site", "cell")), "ground")
        assert row.axis == ("cell" if row.kind == "own_cell" else axis), row
        assert bool(row.over) == bool({"beam", "stream"} & set(layer.dimensions)), row
        assert (row.unit, row.group) == (layer.units, optional.get(row.layer, "")), row
        assert row.layer == row.name or row.over.isdigit(), row


def test_the_table_has_every_layer_of_g_as_g_describes_it():
    described = geometry_maps(Grid(8.0, 4.0), *[np.zeros((2, 2))] * 2, np.zeros((2, 2), int))
    rows = {row.layer: row for row in MAP_LAYERS if row.maps == "G"}
    assert set(rows) == {str(name) for name in described.data_vars}
    assert {name: row.unit for name, row in rows.items()} == {
        str(name): layer.attrs["units"] for name, layer in described.data_vars.items()
    }
    assert {name for name, row in rows.items() if row.group} == {*UNKNOWN_LAYERS, "material"}
    assert (rows["material"].classes, rows["road_class"].classes) == (len(MATERIALS), len(ROAD_CLASSES))


def test_every_row_can_be_read():
    names = [row.name for row in MAP_LAYERS]
    assert len(set(names)) == len(names)
    for row in MAP_LAYERS:
        assert row.kind in KINDS
        assert (row.scale > 0) == (row.kind in ("number", "elevation", "decades"))
        assert (row.least > 0) == (row.kind == "decades")
        assert (row.classes > 0) == (row.kind == "class")


@pytest.mark.parametrize("row", MAP_LAYERS, ids=lambda row: row.name)
def test_every_layer_reaches_the_encoder(row):
    values = layer_values(PLACE, row)
    known = np.flatnonzero(np.isfinite(values))
    other = values.copy()
    other.flat[known] = np.roll(values.flat[known], 7)
    assert moved_by(with_layer(PLACE, row, other)) > 1e-4


@pytest.mark.parametrize("row", MAP_LAYERS, ids=lambda row: row.name)
def test_the_absence_of_a_layer_changes_its_own_channels_and_nothing_else(row):
    if row.layer == "terrain":  # which heights are measured from
        return
    absent = map_layers(without_layers(PLACE, row.layer), FACTOR)
    for axis, of_axis in CHANNELS_BY_AXIS.items():
        here, there = getattr(LAYERS, axis), getattr(absent, axis)
        own = torch.tensor([each.row.layer == row.layer for each in of_axis])
        assert not there[:, own].any()
        assert torch.equal(here[:, ~own], there[:, ~own])
    assert moved_by(without_layers(PLACE, row.layer)) > 1e-4


def test_a_coarse_cell_has_the_mean_of_what_is_known_in_it_and_how_much_that_is():
    row = row_named("path_gain")
    values = layer_values(PLACE, row)
    values[0, :2, :2] = [[-80.0, -90.0], [np.nan, np.nan]]
    values[0, :2, 2:4] = np.nan
    found = channels(map_layers(with_layer(PLACE, row, values), FACTOR), row)
    assert found[0, :, 0, 0].tolist() == pytest.approx([(-85 - row.centre) / row.scale, 0.5])
    assert found[0, :, 0, 1].tolist() == [0, 0]


def test_the_mean_of_directions_on_both_sides_of_the_cut_lies_between_them():
    row = row_named("aoa_azimuth")
    values = layer_values(PLACE, row)
    values[0, :2, :2] = np.deg2rad([[170, -170], [170, -170]])
    found = channels(map_layers(with_layer(PLACE, row, values), FACTOR), row)
    assert found[0, :, 0, 0].tolist() == pytest.approx([-np.cos(np.deg2rad(10)), 0, 1], abs=1e-5)


def test_classes_are_shares_and_the_class_unknown_is_none():
    row = row_named("material")
    values = layer_values(PLACE, row)
    values[:2, :2] = [[MATERIALS.index("brick"), MATERIALS.index("metal")], [MATERIALS.index("brick"), -1]]
    found = channels(map_layers(with_layer(PLACE, row, values), FACTOR), row)[0, :, 0, 0]
    expected = [0.0] * len(MATERIALS)
    expected[MATERIALS.index("brick")], expected[MATERIALS.index("metal")] = 2 / 3, 1 / 3
    assert found.tolist() == pytest.approx([*expected, 0.75])


def test_streams_and_beams_that_a_cell_lacks_are_missing():
    streams = PLACE.radio_maps["singular_value"].isel(stream=slice(2))
    fewer = dataclasses.replace(
        PLACE, radio_maps=PLACE.radio_maps.drop_vars("singular_value").assign(singular_value=streams)
    )
    layers = map_layers(fewer, FACTOR)
    second, third = row_named("singular_value_2"), row_named("singular_value_3")
    assert torch.equal(channels(layers, second), channels(LAYERS, second))
    assert not channels(layers, third).any()
    beams = PLACE.radio_maps["rsrp_beam"].values.copy()
    beams[:, 2:] = np.nan
    row = row_named("rsrp_beam")
    found = channels(map_layers(with_layer(PLACE, row, beams), FACTOR), row)
    mean = (np.nan_to_num(beams[:, :2].mean(1)) - row.centre) / row.scale
    whole = found[:, 1] == 1
    expected = torch.from_numpy(block_mean(mean.astype(np.float32), FACTOR))
    torch.testing.assert_close(found[:, 0][whole], expected[whole], atol=1e-4, rtol=1e-4)


def test_the_order_of_cells_is_the_order_of_their_features():
    order = CellOrder(torch.tensor([3, 0, 5, 1, 4, 2]))
    encoder = network()
    with torch.no_grad():
        here = encoder.encode_place(MAPS, RASTERS)
        there = encoder.encode_place(order.place(MAPS), RASTERS)
    torch.testing.assert_close(there.radio, here.radio[order.order])
    torch.testing.assert_close(there.ground, here.ground)
    assert (here.radio[0] - here.radio[1]).abs().max() > 1e-3
    deployment = dataclasses.replace(
        PLACE.deployment, cells=tuple(PLACE.deployment.cells[index] for index in order.order)
    )
    best = PLACE.radio_maps["best_server"]
    renamed = np.where(
        np.isfinite(best), np.argsort(order.order.numpy())[np.nan_to_num(best).astype(int)], np.nan
    )
    radio = PLACE.radio_maps.isel(cell=order.order.numpy()).assign(best_server=best.copy(data=renamed))
    moved = map_layers(dataclasses.replace(PLACE, deployment=deployment, radio_maps=radio), FACTOR)
    torch.testing.assert_close(moved.cell, LAYERS.cell[order.order])


def test_a_place_with_the_layers_that_all_places_have_is_answered():
    bare = synthetic_place(1, size=128.0, sites=2, beams=4)
    encoder = network()
    sequences = sequence_tensors(synthetic_reports(bare, 4, 7), bare.deployment)
    with torch.no_grad():
        maps = encoder.maps_of(bare)
        mass = encoder(sequences, encoder.encode_place(maps)).prediction.log_mass
    torch.testing.assert_close(mass.exp().sum((1, 2)), torch.ones(len(mass)))
    assert maps.layers is not None
    known = [index for index, name in enumerate(NAMES["cell"]) if name.endswith(KNOWN)]
    with_some = {NAMES["cell"][index] for index in known if maps.layers.cell[:, index].any()}
    assert with_some == {"rsrp_beam.known", "rsrp.known"}


def test_what_ships_sees_levels_and_asks_for_no_more():
    shipped = Locator.pretrained().trained.network
    assert shipped.configuration.map_layers == "levels"
    assert not list(shipped.map_encoder.inputs.parameters())
    assert shipped.maps_of(PLACE).layers is None
    with torch.no_grad():
        here, there = shipped.encode_place(place_maps(PLACE), RASTERS), shipped.encode_place(MAPS, RASTERS)
    assert torch.equal(here.radio, there.radio) and torch.equal(here.ground, there.ground)


def test_a_network_of_all_layers_takes_no_maps_without_them():
    with pytest.raises(ValueError, match="maps_of"):
        network().encode_place(place_maps(PLACE), RASTERS)


def test_a_checkpoint_of_another_table_is_refused(tmp_path):
    trained = TrainedNetwork(network(), PosteriorCalibration(), Provenance.collect({}, 1))
    content = checkpoint_content(trained)
    torch.save({CHECKPOINT_KEY: content}, tmp_path / "same.ckpt")
    assert load_network(tmp_path / "same.ckpt").network.configuration.map_layers == "all"
    content["map_layers"]["rsrp"][3] = -80.0
    torch.save({CHECKPOINT_KEY: content}, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match="train it again"):
        load_network(tmp_path / "other.ckpt")


def moved_by(place: NominalMaps) -> float:
    """How much what the encoders are shown changes with a place's layers."""
    inputs = network().map_encoder.inputs
    with torch.no_grad():
        here, there = (
            inputs(dataclasses.replace(MAPS, layers=layers)) for layers in (LAYERS, map_layers(place, FACTOR))
        )
    return max(float((a - b).abs().max()) for a, b in zip(here, there, strict=True))


def channels(layers: MapLayers, row: MapLayer) -> torch.Tensor:
    """Values of a row, and where they are known [item, channel, y, x]."""
    chosen = [index for index, each in enumerate(CHANNELS_BY_AXIS[row.axis]) if each.row is row]
    return getattr(layers, row.axis)[:, chosen]


def layer_values(place: NominalMaps, row: MapLayer) -> np.ndarray:
    maps = place.radio_maps if row.maps == "R" else place.geometry_maps
    return maps[row.layer].values.astype(np.float32)


def row_named(name: str) -> MapLayer:
    return next(row for row in MAP_LAYERS if row.name == name)
