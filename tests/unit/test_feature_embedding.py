"""The encoder reads the feature table: a row more is read without a line of model code."""

import dataclasses

import pytest
import torch

from model_fixtures import synthetic_place, synthetic_reports
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.feature_embedding import FeatureEmbedding
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.radio_encoder import RadioEncoder
from raylocus.network.reports import features
from raylocus.network.reports.features import features_named

SMALL = LocationNetworkConfiguration(token_width=16)


def embedded(name: str, *values: float, censored: float = 0.0) -> torch.Tensor:
    torch.manual_seed(1)
    embedding = FeatureEmbedding(features_named((name,)), 8)
    column = torch.tensor(values)[:, None]
    return embedding(column, torch.full_like(column, censored), (name,))


def test_the_ends_of_a_circle_meet_and_opposite_directions_do_not():
    low, high, across = embedded("ul_aoa", -180.0, 180.0, 0.0)
    torch.testing.assert_close(low, high, atol=1e-5, rtol=0)
    assert (low - across).abs().max() > 0.1
    low, high = embedded("rsrq", -43.0, 20.0)
    assert (low - high).abs().max() > 0.1


def test_what_is_missing_adds_nothing_and_what_is_censored_differs():
    assert not embedded("rsrp", torch.nan).any()
    assert embedded("rsrp", -156.0).any()
    assert (embedded("rsrp", -156.0) - embedded("rsrp", -156.0, censored=-1.0)).abs().max() > 0.01


def test_columns_may_come_in_any_order_with_strangers_among_them():
    torch.manual_seed(1)
    embedding = FeatureEmbedding(features_named(("rsrp", "cqi")), 8)
    plain = embedding(torch.tensor([[-90.0, 7.0]]), torch.zeros(1, 2), ("rsrp", "cqi"))
    mixed = embedding(torch.tensor([[7.0, 3.0, -90.0]]), torch.zeros(1, 3), ("cqi", "ri", "rsrp"))
    torch.testing.assert_close(plain, mixed)


def test_a_feature_that_training_never_had_is_not_read():
    torch.manual_seed(1)
    embedding = FeatureEmbedding(features_named(("rsrp", "cqi")), 8)
    embedding.set_statistics({"rsrp": (-95.0, 12.0)})
    assert not embedding(torch.tensor([[7.0]]), torch.zeros(1, 1), ("cqi",)).any()
    assert embedding(torch.tensor([[-90.0]]), torch.zeros(1, 1), ("rsrp",)).any()


@pytest.mark.parametrize("token", ["cell", "serving", "beam"])
def test_a_new_row_of_the_table_is_read(monkeypatch, token):
    row = dataclasses.replace(features.SCHEMA[0], name="novelty", unit="1", low=0.0, high=8.0, token=token)
    monkeypatch.setitem(features._BY_NAME, "novelty", row)
    place = synthetic_place(1, size=128.0, sites=2, beams=4)
    sequences = sequence_tensors(synthetic_reports(place, 3, 3), place.deployment)
    torch.manual_seed(1)
    encoder = RadioEncoder(dataclasses.replace(SMALL, features=(*SMALL.features, "novelty"))).eval()
    poses = place_maps(place).poses

    def summary(value: float) -> torch.Tensor:
        base = sequences.beams if token == "beam" else sequences.observed[..., 0]
        column = torch.where(base.isnan(), torch.nan, value)[..., None]
        if token == "beam":
            censored = torch.cat([sequences.censored_beams, torch.zeros_like(column)], -1)
            changed = dict(further_beams=column, further_beam_names=("novelty",), censored_beams=censored)
        else:
            censored = torch.cat([sequences.censored, torch.zeros_like(column)], -1)
            changed = dict(further=column, further_names=("novelty",), censored=censored)
        return encoder(dataclasses.replace(sequences, **changed), poses).summary

    assert (summary(1.0) - summary(7.0)).abs().max() > 1e-3
    torch.testing.assert_close(summary(torch.nan), encoder(sequences, poses).summary)


def test_any_number_of_layers():
    place = synthetic_place(1, size=128.0, sites=2, beams=4)
    sequences = sequence_tensors(synthetic_reports(place, 3, 3), place.deployment)
    deep = RadioEncoder(dataclasses.replace(SMALL, cell_layers=6, report_layers=6))
    assert torch.isfinite(deep(sequences, place_maps(place).poses).summary).all()


def test_reports_that_share_only_a_timing_advance_are_heard():
    place = synthetic_place(1, size=128.0, sites=2, beams=4)
    sequences = sequence_tensors(synthetic_reports(place, 3, 3), place.deployment)
    observed = sequences.observed.clone()
    observed[..., :3] = torch.nan
    bare = dataclasses.replace(
        sequences, observed=observed, beams=torch.full_like(sequences.beams, torch.nan)
    )
    assert torch.equal(bare.reported, ~observed[..., 3].isnan() | bare.serving)
