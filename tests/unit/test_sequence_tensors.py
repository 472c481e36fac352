import numpy as np
import pytest
import torch

from model_fixtures import synthetic_place, synthetic_reports
from raylocus.datasets.packed import sequence_tensors
from raylocus.datasets.tensors import OBSERVED
from raylocus.errors import PlaceError
from raylocus.network.features import FEATURE_INDEX
from raylocus.units import timing_advance_distance


@pytest.fixture(scope="module")
def place():
    return synthetic_place(1, size=128.0, sites=2, beams=4)


@pytest.fixture(scope="module")
def reports(place):
    return synthetic_reports(place, 12, 3)


def test_every_token_is_where_its_cell_beam_and_report_are(place, reports):
    tensors = sequence_tensors(reports, place.deployment)
    cells = place.deployment.cells_of(reports.pci)
    times = tensors.age.shape[1]
    for token in range(len(reports.pci)):
        report = reports.report_of_token[token]
        sequence = reports.sequence_of_report[report]
        slot = times - (reports.report_offsets[sequence + 1] - report)
        if reports.beam[token] >= 0:
            found = tensors.beams[sequence, slot, cells[token], reports.beam[token]]
            assert found == pytest.approx(reports.features[token, FEATURE_INDEX["l1_rsrp"]])
        else:
            found = tensors.observed[sequence, slot, cells[token], OBSERVED.index("rsrp")]
            assert found == pytest.approx(reports.features[token, FEATURE_INDEX["rsrp"]])
            assert tensors.serving[sequence, slot, cells[token]] == reports.serving[token]
    known = (~tensors.observed[..., 0].isnan()).sum() + (~tensors.beams.isnan()).sum()
    assert int(known) == len(reports.pci)


def test_timing_advance_becomes_metres(place, reports):
    tensors = sequence_tensors(reports, place.deployment)
    distance = tensors.observed[..., OBSERVED.index("timing_advance")]
    steps = distance[~distance.isnan()] / timing_advance_distance(place.deployment.carrier.numerology)
    assert torch.allclose(steps, steps.round(), atol=1e-4)
    assert len(steps) == np.isfinite(reports.features[:, FEATURE_INDEX["timing_advance"]]).sum()


def test_target_is_the_position_of_the_last_report(place, reports):
    tensors = sequence_tensors(reports, place.deployment)
    np.testing.assert_allclose(tensors.target.numpy(), reports.position[reports.last_report, :2], rtol=1e-6)
    assert torch.all(tensors.age[:, -1] == 0)
    assert torch.all(torch.nan_to_num(tensors.age) >= 0)


def test_a_cell_that_the_place_does_not_have_is_named(reports):
    other = synthetic_place(2, size=128.0, sites=1, beams=4)
    with pytest.raises(PlaceError, match="PCI"):
        sequence_tensors(reports, other.deployment)
