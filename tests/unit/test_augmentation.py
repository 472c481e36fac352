import torch

from model_fixtures import synthetic_place, synthetic_reports
from raylocus.datasets.packed import sequence_tensors
from raylocus.datasets.tensors import OBSERVED
from raylocus.training.augmentation import (
    AugmentationConfiguration,
    augmented,
    ended_earlier,
    without_features,
)

PLACE = synthetic_place(1, size=128.0, sites=2, beams=4)
SEQUENCES = sequence_tensors(synthetic_reports(PLACE, 12, 5), PLACE.deployment)


def test_an_earlier_ending_is_a_report_of_the_same_walk():
    cut = ended_earlier(SEQUENCES, 1.0, torch.Generator().manual_seed(1))
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


def test_no_earlier_ending_is_no_change():
    same = ended_earlier(SEQUENCES, 0.0, torch.Generator().manual_seed(1))
    torch.testing.assert_close(same.observed, SEQUENCES.observed, equal_nan=True)
    torch.testing.assert_close(same.age, SEQUENCES.age, equal_nan=True)


def test_lost_features_are_missing_and_levels_stay():
    bare = without_features(SEQUENCES, 1.0, torch.Generator().manual_seed(1))
    assert bare.observed[..., 1:].isnan().all()
    assert bare.beams.isnan().all()
    torch.testing.assert_close(bare.observed[..., 0], SEQUENCES.observed[..., 0], equal_nan=True)


def test_an_offset_moves_all_levels_of_a_sequence_alike():
    other = augmented(SEQUENCES, AugmentationConfiguration(0.0, 0.0, 5.0), torch.Generator().manual_seed(1))
    shift = (other.observed - SEQUENCES.observed)[..., OBSERVED.index("rsrp")]
    for sequence in range(len(SEQUENCES)):
        known = shift[sequence][~shift[sequence].isnan()]
        torch.testing.assert_close(known, known[0].expand_as(known), atol=1e-4, rtol=0)
        beams = (other.beams - SEQUENCES.beams)[sequence]
        torch.testing.assert_close(
            torch.nan_to_num(beams, nan=float(known[0])), known[0].expand_as(beams), atol=1e-4, rtol=0
        )
