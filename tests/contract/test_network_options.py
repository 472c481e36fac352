"""Every option of the network keeps its promises: any size, no order, missing is missing, learns, is kept as a file."""

import dataclasses
from pathlib import Path
from typing import get_args

import pytest
import torch

import raylocus
from layer_fixtures import complete_place
from model_fixtures import synthetic_place, synthetic_reports
from raylocus.errors import CheckpointError
from raylocus.models.checkpoint import (
    CHECKPOINT_KEY,
    PosteriorCalibration,
    TrainedNetwork,
    checkpoint_content,
    load_network,
    save_network,
)
from raylocus.models.configuration import (
    Head,
    LocationNetworkConfiguration,
    MapBackbone,
    MapFusion,
    MapLayerChoice,
    RadioEncoderKind,
)
from raylocus.models.density import fine_density
from raylocus.models.evidence.cell_order import CellOrder
from raylocus.models.inputs.maps import complete_place_maps, place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.location_network import LocationNetwork
from raylocus.models.losses import LossConfiguration, location_loss, point_loss
from raylocus.models.point_heads import PointPrediction, gaussian_parts
from raylocus.models.prediction import Prediction, gaussian_log_density
from raylocus.provenance import Provenance

SMALL = LocationNetworkConfiguration(token_width=16, map_width=4, fusion_width=8, dropout=0.0)
KINDS = {
    "radio_encoder": RadioEncoderKind,
    "map_fusion": MapFusion,
    "map_backbone": MapBackbone,
    "map_layers": MapLayerChoice,
    "head": Head,
}
OPTIONS = [{field: name} for field, kind in KINDS.items() for name in get_args(kind)[1:]]
#: Thirteen coarse cells a side: no number of patches.
BARE = synthetic_place(3, size=104.0, sites=2, beams=2)
MAPS = complete_place_maps(complete_place(BARE))
SEQUENCES = sequence_tensors(synthetic_reports(BARE, 5, 5), BARE.deployment)


def fresh(option: dict[str, str]) -> LocationNetwork:
    torch.manual_seed(4)
    network = LocationNetwork(dataclasses.replace(SMALL, **option))
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return network


def log_mass(network, sequences=SEQUENCES, maps=MAPS) -> torch.Tensor:
    with torch.no_grad():
        return network.eval()(sequences, network.encode_place(maps)).prediction.log_mass


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_every_option_keeps_the_promises_of_the_network(option, tmp_path):
    network = fresh(option)
    found = log_mass(network)
    torch.testing.assert_close(found.exp().sum((1, 2)), torch.ones(len(found)))

    order = CellOrder(torch.tensor([3, 0, 5, 1, 4, 2]))
    moved, other = order.place(MAPS), order.sequences(SEQUENCES)
    torch.testing.assert_close(log_mass(network, other, moved), found, atol=1e-3, rtol=1e-4)

    def padded(values: torch.Tensor) -> torch.Tensor:
        empty = False if values.dtype == torch.bool else torch.nan
        return torch.cat([torch.full_like(values[:, :1], empty).expand(-1, 2, *values.shape[2:]), values], 1)

    longer = SEQUENCES.map_tensors(padded)
    longer = dataclasses.replace(
        longer,
        censored=torch.nan_to_num(longer.censored),
        censored_beams=torch.nan_to_num(longer.censored_beams),
    )
    torch.testing.assert_close(log_mass(network, longer), found, atol=1e-3, rtol=1e-4)

    path = tmp_path / "option.ckpt"
    save_network(TrainedNetwork(network, PosteriorCalibration(), Provenance.collect({}, 1)), path)
    loaded = load_network(path).network
    assert loaded.configuration == network.configuration
    torch.testing.assert_close(log_mass(loaded), found)


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_every_option_learns_with_all_its_weights(option):
    network = fresh(option).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(6):
        prediction = network(SEQUENCES, network.encode_place(MAPS)).prediction
        loss = location_loss(prediction, SEQUENCES, MAPS, LossConfiguration())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.2
    # Features that no report has have nothing to learn from.
    parts = ("map_encoder.", "heads.", "fusion.", "radio_encoder.across", "radio_encoder.age")
    assert not [
        name
        for name, value in network.named_parameters()
        if name.startswith(parts)
        if value.grad is None or not value.grad.any()
    ]


def test_windows_put_together_are_the_gaussian_they_were_cut_from():
    mean, cholesky = (
        torch.tensor([[4.0, -9.0], [20.0, 7.0]]),
        torch.tensor([[9.0, 4.0, 12.0], [3.0, 0.0, 2.5]]),
    )
    maps = place_maps(synthetic_place(3, size=256.0, sites=1, beams=1))
    prediction = Prediction(**gaussian_parts(mean, cholesky, maps, cells=1024))
    point = mean[:, None] + torch.tensor([[0.0, 0.0], [2.0, 1.0], [-6.0, 3.0]])
    wanted = gaussian_log_density(point, mean[:, None], cholesky[:, None])[..., 0]
    torch.testing.assert_close(prediction.log_density(point), wanted, atol=0.05, rtol=0)
    assert prediction.log_density(point).dtype == torch.float32
    density = fine_density(prediction, maps, 1.0)
    torch.testing.assert_close(density.sum((1, 2)), torch.ones(2))


def test_a_point_is_trained_by_its_distance_and_its_spread_by_the_likelihood():
    point = torch.zeros(1, 2, requires_grad=True)
    spread = torch.tensor(10.0, requires_grad=True)
    parts = gaussian_parts(point.detach(), torch.tensor([[10.0, 0.0, 10.0]]), MAPS, 4)
    prediction = PointPrediction(point=point, spread=spread, **parts)
    point_loss(prediction, torch.tensor([[60.0, 0.0]])).backward()
    # Far off, the pull is constant: no outlier counts more than another.
    torch.testing.assert_close(point.grad, torch.tensor([[-0.05, 0.0]]))
    assert spread.grad < 0


def test_files_from_before_the_options_are_read_and_unknown_ones_are_refused(tmp_path):
    shipped = load_network(Path(raylocus.__file__).parent / "inference" / "weights" / "pretrained.ckpt")
    assert shipped.network.configuration.head == "mixture"
    content = checkpoint_content(shipped)
    for field in KINDS:
        del content["network"][field]
    torch.save({CHECKPOINT_KEY: content}, tmp_path / "before.ckpt")
    assert load_network(tmp_path / "before.ckpt").network.configuration == shipped.network.configuration
    content["network"]["head"] = "oracle"
    torch.save({CHECKPOINT_KEY: content}, tmp_path / "unknown.ckpt")
    with pytest.raises(CheckpointError, match="train it again"):
        load_network(tmp_path / "unknown.ckpt")
