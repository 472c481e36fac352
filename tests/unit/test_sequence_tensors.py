"""Packed and dense tensors hold what the reports hold, and nothing else."""

import dataclasses
import pickle

import numpy as np
import pytest
import torch

from model_fixtures import synthetic_place, synthetic_reports
from raylocus.errors import PlaceError
from raylocus.models.inputs.packed import packed_sequences, sequence_tensors
from raylocus.models.inputs.tensors import OBSERVED
from raylocus.network.reports.features import FEATURE_INDEX
from raylocus.network.reports.token_cells import token_cells
from raylocus.units import timing_advance_distance


@pytest.fixture(scope="module")
def place():
    return synthetic_place(1, size=128.0, sites=2, beams=4)


@pytest.fixture(scope="module")
def reports(place):
    return synthetic_reports(place, 12, 3)


def test_every_token_is_where_its_cell_beam_and_report_are(place, reports):
    tensors = sequence_tensors(reports, place.deployment)
    cells = token_cells(reports, place.deployment)
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


@pytest.fixture(scope="module")
def richer(reports):
    """The same reports with a feature of every cell, one of the serving cell and one of beams."""
    generator = np.random.default_rng(3)
    names = ("ul_aoa", "cqi", "l1_sinr")
    of_beam = (reports.beam >= 0)[:, None]
    extra = generator.normal(size=(len(reports.pci), 3))
    extra[np.concatenate([of_beam, of_beam | ~reports.serving[:, None], ~of_beam], 1)] = np.nan
    return dataclasses.replace(
        reports,
        features=np.concatenate([reports.features, extra], 1),
        censored=np.concatenate([reports.censored, np.zeros(extra.shape, reports.censored.dtype)], 1),
        feature_names=(*reports.feature_names, *names),
    )


def test_further_features_are_carried_with_those_a_model_reads_today(place, reports, richer):
    bare, full = sequence_tensors(reports, place.deployment), sequence_tensors(richer, place.deployment)
    for name in ("observed", "beams", "serving", "age", "position"):
        torch.testing.assert_close(getattr(full, name), getattr(bare, name), equal_nan=True, rtol=0, atol=0)
    assert bare.further.shape == (*bare.serving.shape, 0)
    assert (full.further_names, full.further_beam_names) == (("ul_aoa", "cqi"), ("l1_sinr",))
    assert torch.equal(full.further[..., 0].isnan(), full.observed[..., 0].isnan())
    assert torch.equal(~full.further[..., 1].isnan(), full.serving)
    assert torch.equal(full.further_beams[..., 0].isnan(), full.beams.isnan())
    own = richer.features[:, richer.feature_names.index("ul_aoa")]
    np.testing.assert_allclose(full.further[..., 0].nansum(), np.nansum(own), rtol=1e-4)


def test_packed_sequences_hold_tokens_and_nothing_else(place, richer):
    packed = packed_sequences(richer, place.deployment)
    assert len(packed.report) + len(packed.beam_report) == len(richer.pci)
    assert len(packed.age) == len(richer.time)
    assert packed.features.shape[1] == len(OBSERVED) + 2 and packed.beam_features.shape[1] == 2


def test_packed_sequences_travel_as_bytes(place, richer):
    packed = packed_sequences(richer, place.deployment)
    there = pickle.loads(pickle.dumps(packed)).dense()
    for found, expected in zip(tensors_of(there), tensors_of(packed.dense()), strict=True):
        torch.testing.assert_close(found, expected, equal_nan=True, rtol=0, atol=0)
    # Nothing of it is in torch's shared memory, which has its price in file descriptors.
    assert b"torch" not in pickle.dumps(packed.__getstate__())


def tensors_of(sequences):
    tensors = []
    sequences.map_tensors(lambda values: tensors.append(values) or values)
    return tensors


def test_a_batch_is_as_long_as_its_longest_sequence(place, reports):
    lengths = np.diff(reports.report_offsets)
    whole = sequence_tensors(reports, place.deployment)
    for chosen in (np.array([int(lengths.argmin())]), np.argsort(lengths)[:4]):
        batch = sequence_tensors(reports.select(chosen), place.deployment)
        assert batch.age.shape[1] == lengths[chosen].max()
        rows = whole.map_tensors(lambda values, chosen=chosen: values[torch.from_numpy(chosen)]).trimmed()
        for found, expected in zip(tensors_of(batch), tensors_of(rows), strict=True):
            torch.testing.assert_close(found, expected, equal_nan=True, rtol=0, atol=0)


def test_no_sequence_at_all_is_an_empty_batch(place, reports):
    empty = sequence_tensors(reports.select(np.zeros(0, np.int64)), place.deployment)
    assert len(empty) == 0 and empty.observed.shape[2:] == (6, len(OBSERVED))
