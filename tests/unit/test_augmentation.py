"""What augmentation may change, and what it must leave as it was."""

import dataclasses

import numpy as np
import pytest
import torch

from layer_fixtures import complete_place
from model_fixtures import synthetic_place, synthetic_reports, with_turns
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.rasters import evidence_rasters
from raylocus.models.inputs.map_layer_table import CHANNELS_BY_AXIS, OPTIONAL_GROUPS
from raylocus.models.inputs.maps import complete_place_maps, place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.inputs.tensors import OBSERVED
from raylocus.models.location_network import LocationNetwork
from raylocus.training.augmentation import (
    AugmentationConfiguration,
    augmented,
    begun_later,
    ended_earlier,
    varied_place,
    with_level_offset,
    without_features,
)
from raylocus.training.symmetry import random_cell_order

PLACE = synthetic_place(1, size=128.0, sites=2, beams=4)
SEQUENCES = sequence_tensors(synthetic_reports(PLACE, 12, 5), PLACE.deployment)
EVERYTHING = AugmentationConfiguration(
    0.5, feature_dropout=0.3, level_offset_db=2.0, later_beginning=0.5, cell_permutation=True
)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def richer():
    """The same sequences with features beyond the critical ones."""
    shape = SEQUENCES.observed.shape[:3]
    return dataclasses.replace(
        SEQUENCES,
        further=torch.randn(*shape, 2, generator=generator()),
        further_beams=torch.randn(*shape, 4, 1, generator=generator()),
        further_names=("cqi", "prs_rsrp"),
        further_beam_names=("l1_sinr",),
    )


def test_an_earlier_ending_is_a_report_of_the_same_walk():
    cut = ended_earlier(SEQUENCES, 1.0, generator())
    shorter = 0
    for sequence in range(len(cut)):
        matches = (SEQUENCES.position[sequence] == cut.target[sequence]).all(-1).nonzero().flatten()
        assert len(matches)
        end = int(matches[-1])
        left, before = (
            int((~cut.age[sequence].isnan()).sum()),
            int((~SEQUENCES.age[sequence, : end + 1].isnan()).sum()),
        )
        assert left <= before
        torch.testing.assert_close(
            cut.observed[sequence, -1], SEQUENCES.observed[sequence, end - (before - left)], equal_nan=True
        )
        assert cut.age[sequence, -1] == 0
        shorter += left < int((~SEQUENCES.age[sequence].isnan()).sum())
    assert shorter > len(cut) / 2


@pytest.mark.parametrize("cut", [ended_earlier, begun_later])
def test_no_cut_is_no_change(cut):
    same = cut(SEQUENCES, 0.0, generator())
    torch.testing.assert_close(same.observed, SEQUENCES.observed, equal_nan=True)
    torch.testing.assert_close(same.age, SEQUENCES.age, equal_nan=True)


def test_a_later_beginning_keeps_the_end_and_what_is_asked_for(richer):
    cut = begun_later(richer, 1.0, generator())
    lengths = [(~tensors.age.isnan()).sum(1) for tensors in (richer, cut)]
    assert torch.equal(cut.target, richer.target)
    assert torch.all(lengths[1] >= 1) and torch.all(lengths[1] <= lengths[0])
    assert (lengths[1] < lengths[0]).float().mean() > 0.5
    for sequence, left in enumerate(lengths[1].tolist()):
        for name in (
            "observed",
            "beams",
            "age",
            "position",
            "serving",
            "censored",
            "further",
            "further_beams",
        ):
            kept, whole = getattr(cut, name)[sequence], getattr(richer, name)[sequence]
            torch.testing.assert_close(kept[-left:], whole[-left:], equal_nan=True)
            rest = kept[:-left]
            assert torch.all(rest.isnan()) if name not in ("serving", "censored") else not rest.any()


def test_lost_features_are_missing_and_levels_stay(richer):
    bare = without_features(richer, 1.0, generator())
    assert bare.observed[..., 1:].isnan().all()
    assert bare.beams.isnan().all() and bare.further.isnan().all() and bare.further_beams.isnan().all()
    torch.testing.assert_close(bare.observed[..., 0], SEQUENCES.observed[..., 0], equal_nan=True)


def test_every_further_feature_is_lost_by_itself(richer):
    some = without_features(richer, 0.5, generator())
    lost = [some.further[..., 0].isnan(), some.further[..., 1].isnan(), some.further_beams[..., 0].isnan()]
    by_sequence = torch.stack([each.flatten(1).all(1) for each in lost])
    assert torch.equal(by_sequence, torch.stack([each.flatten(1).any(1) for each in lost]))
    assert len(by_sequence.unique(dim=1).T) > 2


def test_an_offset_moves_all_levels_of_a_sequence_alike(richer):
    other = with_level_offset(richer, 5.0, generator())
    shift = (other.observed - SEQUENCES.observed)[..., OBSERVED.index("rsrp")]
    for sequence in range(len(SEQUENCES)):
        known = shift[sequence][~shift[sequence].isnan()]
        torch.testing.assert_close(known, known[0].expand_as(known), atol=1e-4, rtol=0)
        beams = (other.beams - SEQUENCES.beams)[sequence]
        torch.testing.assert_close(
            torch.nan_to_num(beams, nan=float(known[0])), known[0].expand_as(beams), atol=1e-4, rtol=0
        )
        further = (other.further - richer.further)[sequence]
        assert not further[..., 0].any()
        torch.testing.assert_close(further[..., 1], known[0].expand_as(further[..., 1]), atol=1e-4, rtol=0)


def test_all_together_leave_what_is_reported_true(richer):
    varied = augmented(richer, EVERYTHING, generator(3))
    assert len(varied) == len(richer)
    assert torch.isfinite(varied.target).all() and torch.all(varied.age[:, -1] == 0)
    assert not varied.observed[..., 0].isnan()[:, -1].all(-1).any()


def test_the_order_of_cells_is_the_same_in_maps_rasters_and_sequences():
    torch.manual_seed(0)
    network = LocationNetwork(LocationNetworkConfiguration(token_width=16, fusion_width=8)).eval()
    maps = place_maps(PLACE)
    order = random_cell_order(maps, generator(2))
    assert not torch.equal(order.order, torch.arange(len(maps.poses)))
    moved, rasters = order.place(maps), order.rasters(evidence_rasters(maps))
    with torch.no_grad():
        here = network(SEQUENCES, network.encode_place(maps)).prediction.log_mass
        there = network(order.sequences(SEQUENCES), network.encode_place(moved, rasters)).prediction.log_mass
        torn = network(SEQUENCES, network.encode_place(moved, rasters)).prediction.log_mass
    torch.testing.assert_close(here, there, atol=1e-3, rtol=1e-5)
    assert (here - torn).abs().max() > 0.1
    made = evidence_rasters(moved)
    torch.testing.assert_close(made.level, rasters.level)
    torch.testing.assert_close(made.beam, rasters.beam)
    # Slots of a site may come in another order; each still holds its own cell.
    for site, cells in enumerate(rasters.cell_of_slot):
        assert all(moved.site_of_cell[cell] == site for cell in cells[cells >= 0])
    pcis = np.array(PLACE.deployment.pcis)
    assert set(pcis[order.order.numpy()]) == set(pcis)


def test_places_lose_their_turned_antennas_as_often_as_is_asked_and_nothing_else():
    maps, draws = with_turns(place_maps(PLACE)), generator()
    found = [varied_place(maps, AugmentationConfiguration(listed_azimuths=0.3), draws) for _ in range(400)]
    listed = [each for each in found if len(each.turns) == 1]
    assert 0.22 < len(listed) / len(found) < 0.38
    assert all(each is maps for each in found if len(each.turns) > 1)
    torch.testing.assert_close(listed[0].sharp_beams, maps.sharp_beams[:, :, 1:2])
    assert listed[0].sharp_level is maps.sharp_level
    assert listed[0].turns.tolist() == [0.0]


def test_places_lose_groups_of_layers_as_often_as_is_asked_and_whole():
    maps, draws = complete_place_maps(complete_place(PLACE)), generator()
    law = AugmentationConfiguration(listed_azimuths=0.0, layer_dropout=0.3)
    assert maps.layers is not None
    lost = []
    for _ in range(60):
        layers = varied_place(maps, law, draws).layers
        gone: dict[str, set[bool]] = {}
        for axis, channels in CHANNELS_BY_AXIS.items():
            before, after = getattr(maps.layers, axis), getattr(layers, axis)
            for index, channel in enumerate(channels):
                left = torch.equal(after[:, index], before[:, index])
                assert left or not after[:, index].any()
                gone.setdefault(channel.row.group, set()).add(not left)
        assert gone.pop("") == {False}
        assert all(len(each) == 1 for each in gone.values())
        lost.append([each == {True} for each in gone.values()])
    # Each alone or with all: 1 − 0.7².
    share = np.mean(lost, axis=0)
    assert len(share) == len(OPTIONAL_GROUPS) and np.all((share > 0.3) & (share < 0.75))
    assert np.std(np.sum(lost, axis=1)) > 1
    assert 0.15 < np.mean(np.all(lost, axis=1)) < 0.5


def test_antennas_as_listed_have_no_layers_of_turned_ones():
    maps = complete_place_maps(complete_place(PLACE))
    layers = varied_place(
        maps, AugmentationConfiguration(listed_azimuths=1.0, layer_dropout=0.0), generator()
    ).layers
    assert maps.layers is not None and layers is not None
    lost = {
        channel.row.group
        for index, channel in enumerate(CHANNELS_BY_AXIS["cell"])
        if not torch.equal(layers.cell[:, index], maps.layers.cell[:, index])
    }
    assert lost == {"turned"}
