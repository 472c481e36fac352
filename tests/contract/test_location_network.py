"""What the network promises whatever its weights: sets have no order, missing is missing, places have any size."""

import dataclasses

import pytest
import torch

from model_fixtures import synthetic_place, synthetic_reports, with_turns
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.cell_order import CellOrder
from raylocus.models.evidence.deviations import feature_deviations
from raylocus.models.inputs.maps import PlaceMaps, place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.location_network import LocationNetwork
from raylocus.models.losses import LossConfiguration, local_mean, location_loss
from raylocus.models.physics.expected import MapLookup, by_torch
from raylocus.models.physics.residuals import physics_loss
from raylocus.models.prediction import coarse_centres

CONFIGURATION = LocationNetworkConfiguration(token_width=16, map_width=4, fusion_width=8)


@pytest.fixture(scope="module")
def network() -> LocationNetwork:
    torch.manual_seed(1)
    network = LocationNetwork(CONFIGURATION).eval()
    # Heads that start at zero would hide what flows through them.
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return network


@pytest.fixture(scope="module")
def maps() -> PlaceMaps:
    return with_turns(place_maps(synthetic_place(1, size=128.0, sites=2, beams=4)))


@pytest.fixture(scope="module")
def sequences() -> SequenceTensors:
    place = synthetic_place(1, size=128.0, sites=2, beams=4)
    return sequence_tensors(synthetic_reports(place, 6, 6), place.deployment)


def log_mass(network: LocationNetwork, sequences: SequenceTensors, maps: PlaceMaps) -> torch.Tensor:
    with torch.no_grad():
        return network(sequences, network.encode_place(maps)).prediction.log_mass


def with_positioning(sequences: SequenceTensors, maps: PlaceMaps) -> SequenceTensors:
    """The same sequences with every feature that has a likelihood of its own, of any value."""
    names = ("rstd", "ul_rtoa", "ue_rx_tx", "gnb_rx_tx", "ul_aoa", "dl_aod")
    heard = ~sequences.observed[..., :1].isnan()
    further = torch.where(heard, torch.linspace(1e-7, 9e-7, len(names)), torch.nan)
    censored = torch.cat([sequences.censored, torch.zeros_like(further)], -1)
    return dataclasses.replace(sequences, further=further, further_names=names, censored=censored)


def test_delay_spread_and_cqi_count_though_no_training_had_them(network, maps, sequences):
    serving = sequences.serving[..., None]
    base = log_mass(network, sequences, maps)
    lit = dataclasses.replace(maps, log_delay_spread=torch.log1p(maps.distance / 10))
    silent = dataclasses.replace(sequences, observed=sequences.observed.clone())
    silent.observed[..., 2] = torch.nan
    for name, value, given in (("delay_spread", 4e-8, sequences), ("cqi", 2.0, silent)):
        further = torch.where(serving, value, torch.nan)
        censored = torch.cat([given.censored, torch.zeros_like(further)], -1)
        added = dataclasses.replace(given, further=further, further_names=(name,), censored=censored)
        found, without = (log_mass(network, each, lit) for each in (added, given))
        assert torch.isfinite(found).all() and (found - without).abs().amax((-2, -1)).min() > 0.05
    assert torch.equal(log_mass(network, sequences, lit), base)


def test_the_order_of_cells_changes_nothing(network, maps, sequences):
    order = CellOrder(torch.tensor([3, 0, 5, 1, 4, 2]))
    other = log_mass(network, order.sequences(sequences), order.place(maps))
    torch.testing.assert_close(other, log_mass(network, sequences, maps), atol=1e-3, rtol=1e-5)


def test_the_order_of_beams_changes_nothing(network, maps, sequences):
    order = torch.tensor([2, 3, 0, 1])
    other = log_mass(
        network,
        dataclasses.replace(
            sequences,
            beams=sequences.beams[..., order],
            further_beams=sequences.further_beams[..., order, :],
            censored_beams=sequences.censored_beams[..., order, :],
        ),
        dataclasses.replace(
            maps,
            beam_relative=maps.beam_relative[:, order],
            sharp_beams=maps.sharp_beams[:, order],
        ),
    )
    torch.testing.assert_close(other, log_mass(network, sequences, maps), atol=1e-3, rtol=1e-5)


def test_swapping_cells_of_maps_alone_does_change_the_answer(network, maps, sequences):
    moved = CellOrder(torch.tensor([3, 0, 5, 1, 4, 2])).place(maps)
    assert (log_mass(network, sequences, moved) - log_mass(network, sequences, maps)).abs().max() > 0.1


def test_padding_in_front_changes_nothing(network, maps, sequences):
    def padded(values: torch.Tensor) -> torch.Tensor:
        empty = False if values.dtype == torch.bool else torch.nan
        front = torch.full((len(values), 3, *values.shape[2:]), empty, dtype=values.dtype)
        return torch.cat([front, values], 1)

    longer = sequences.map_tensors(padded)
    longer = dataclasses.replace(longer, censored=torch.nan_to_num(longer.censored))
    longer = dataclasses.replace(longer, censored_beams=torch.nan_to_num(longer.censored_beams))
    torch.testing.assert_close(
        log_mass(network, longer, maps), log_mass(network, sequences, maps), atol=1e-3, rtol=1e-5
    )


def test_a_sequence_does_not_see_its_batch(network, maps, sequences):
    alone = log_mass(network, sequences.map_tensors(lambda values: values[2:3]).trimmed(), maps)
    torch.testing.assert_close(alone[0], log_mass(network, sequences, maps)[2], atol=1e-3, rtol=1e-5)


def test_every_feature_may_be_missing(network, maps, sequences):
    bare = sequences.observed.clone()
    bare[..., 1:] = torch.nan
    found = log_mass(
        network,
        dataclasses.replace(sequences, observed=bare, beams=torch.full_like(sequences.beams, torch.nan)),
        maps,
    )
    assert torch.isfinite(found).all()
    assert (found - log_mass(network, sequences, maps)).abs().max() > 0.1


@pytest.mark.parametrize(("sites", "beams", "size"), [(1, 1, 64.0), (4, 8, 256.0), (3, 4, 104.0)])
def test_a_place_of_another_size_needs_no_new_weights(network, sites, beams, size):
    place = synthetic_place(3, size=size, sites=sites, beams=beams)
    reports = synthetic_reports(place, 3, 5)
    found = log_mass(network, sequence_tensors(reports, place.deployment), place_maps(place))
    assert found.shape[1:] == (int(size // 8), int(size // 8))
    torch.testing.assert_close(found.exp().sum((1, 2)), torch.ones(len(found)))


def test_the_gradient_reaches_every_parameter(maps, sequences):
    torch.manual_seed(2)
    network = LocationNetwork(CONFIGURATION)
    sequences = with_positioning(sequences, maps)
    kinds = torch.arange(len(maps.sharp_ground))[:, None, None]
    known = (torch.arange(maps.sharp_outdoor.shape[-1]) % 5 == kinds) * maps.sharp_outdoor
    maps = dataclasses.replace(maps, sharp_ground=known)
    for _ in range(2):
        # What starts at zero lets the gradient through from the second step on.
        output = network(sequences, network.encode_place(maps))
        expected = MapLookup(maps, by_torch).at(local_mean(output.prediction))
        law = feature_deviations(network.evidence)
        loss = location_loss(output.prediction, sequences, maps, LossConfiguration())
        (loss + 0.02 * physics_loss(expected, sequences, maps.site_of_cell, law)).backward()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.sub_(0.01 * parameter.grad.sign())
    assert not [name for name, parameter in network.named_parameters() if not parameter.grad.any()]
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_it_can_learn_one_small_batch_by_heart(maps, sequences):
    torch.manual_seed(3)
    network = LocationNetwork(dataclasses.replace(CONFIGURATION, dropout=0.0))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(24):
        output = network(sequences, network.encode_place(maps))
        loss = location_loss(output.prediction, sequences, maps, LossConfiguration(target_spread=3.0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    likeliest = coarse_centres(maps)[output.prediction.log_mass.flatten(1).argmax(1)]
    assert losses[-1] < losses[0] - 2.5
    # No further off than the neighbouring cell.
    assert ((likeliest - sequences.target).norm(dim=1) < 12.0).float().mean() >= 0.8


def test_a_cell_that_was_not_reported_has_no_token(network, maps, sequences):
    observed = sequences.observed.clone()
    observed[:, :, 0] = torch.nan
    beams, serving = sequences.beams.clone(), sequences.serving.clone()
    beams[:, :, 0], serving[:, :, 0] = torch.nan, False
    deaf = dataclasses.replace(sequences, observed=observed, beams=beams, serving=serving)
    moved = maps.poses.clone()
    moved[0] += 3.0
    with torch.no_grad():
        here, there = network.radio_encoder(deaf, maps.poses), network.radio_encoder(deaf, moved)
    assert not here.tokens[:, :, 0].any()
    torch.testing.assert_close(here.reports, there.reports)
