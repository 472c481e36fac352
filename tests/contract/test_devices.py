"""Training leaves nothing behind on the CPU: every tensor of a step lies where its batch lies."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental import _config as torch_shapes

from layer_fixtures import complete_place
from model_fixtures import synthetic_place, synthetic_reports
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.rasters import evidence_rasters
from raylocus.models.inputs.map_layers import MapLayers
from raylocus.models.inputs.maps import complete_place_maps
from raylocus.models.inputs.packed import packed_sequences
from raylocus.models.location_network import LocationNetwork
from raylocus.models.losses import LossConfiguration, location_loss
from raylocus.training.augmentation import with_level_offset, without_features
from raylocus.training.symmetry import Symmetry, random_cell_order

PLACE = synthetic_place(1, size=128.0, sites=2, beams=4)
META = torch.device("meta")


class Step(nn.Module):
    """A training step as one function of its parameters."""

    def __init__(self, symmetry: Symmetry) -> None:
        super().__init__()
        self.network = LocationNetwork(
            LocationNetworkConfiguration(token_width=16, fusion_width=8, map_layers="all")
        )
        self.symmetry = symmetry

    def forward(self, maps, rasters, sequences) -> Tensor:
        generator, beams = torch.Generator().manual_seed(1), maps.beams_of_cell
        sequences = with_level_offset(without_features(sequences, 0.1, generator), 2.0, generator)
        maps, rasters = self.symmetry.place(maps), self.symmetry.rasters(rasters, beams)
        sequences = self.symmetry.sequences(sequences, beams)
        order = random_cell_order(maps, generator)
        maps, rasters, sequences = order.place(maps), order.rasters(rasters), order.sequences(sequences)
        output = self.network(sequences, self.network.encode_place(maps, rasters))
        return location_loss(output.prediction, sequences, maps, LossConfiguration())


@pytest.mark.parametrize("symmetry", [Symmetry(1, False), Symmetry(2, True)], ids=str)
def test_a_training_step_lives_on_one_device(symmetry: Symmetry) -> None:
    here = complete_place_maps(complete_place(PLACE))
    dense = packed_sequences(synthetic_reports(PLACE, 4, 5), PLACE.deployment).dense()
    records, step = (here, evidence_rasters(here), dense), Step(symmetry)
    # The meta device has shapes and no values, so no card is needed; like a card, it refuses to meet the CPU.
    # Without values everything counts as reported.
    state = {name: value.to(META) for name, value in step.state_dict().items()}
    with torch_shapes.patch(meta_nonzero_assume_all_nonzero=True):
        loss = torch.func.functional_call(step, state, tuple(moved(record) for record in records))
    assert loss.device == META


def moved(record):
    fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    parts = {name: moved(value) for name, value in fields.items() if isinstance(value, MapLayers)}
    tensors = {name: value.to(META) for name, value in fields.items() if torch.is_tensor(value)}
    return dataclasses.replace(record, **tensors, **parts)
