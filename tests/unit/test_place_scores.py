"""Scores of a place on disk, the benchmark's blocks, and an ablation's intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from raylocus.errors import StoreError
from raylocus.evaluation.ablation.run import Trial
from raylocus.evaluation.ablation.summary import ablation_text, lines_of
from raylocus.evaluation.benchmark.blocks import benchmark_record, benchmark_text, blocks_of
from raylocus.evaluation.bound.self_check import SelfCheck
from raylocus.evaluation.breakdown import Circumstances, bound_among, weighted_percentile
from raylocus.evaluation.evaluation import Evaluation, Truth
from raylocus.evaluation.place_scores import PlaceScores, stored_scores
from raylocus.viz.curves import ablation_figure, severity_figure

SEVERITIES = np.repeat([0.5, 1.0], 30)
WORLDS = np.arange(60) // 10


def scores(
    place: str = "north", factor: float = 1.0, seed: int = 0, names: tuple[str, ...] = ("raylocus", "bound")
) -> PlaceScores:
    """Errors of two methods, the second half as large, in six worlds of which three are of each severity."""
    generator = np.random.default_rng(seed)
    truth = Truth(np.zeros((60, 2)), np.full(60, 3), np.ones(60))
    error = factor * generator.gamma(2.0, 10.0, 60) * (1 + WORLDS)
    rank = generator.uniform(0, 1, 60)
    evaluations = tuple(
        Evaluation(name, truth, error / (1 + number), np.log(error), rank, np.zeros(60), 0.6)
        for number, name in enumerate(names)
    )
    circumstances = Circumstances(np.full(60, place), np.full(60, "village"), SEVERITIES, WORLDS)
    checks = {severity: SelfCheck(0.5, 0.9, 0.95, 40, 7.0) for severity in (0.5, 1.0)}
    return PlaceScores(place, circumstances, evaluations, {"true maps": "it is not there"}, checks)


def test_scores_survive_on_disk_and_only_for_what_they_were_made_from(tmp_path: Path) -> None:
    file, made = tmp_path / "north.npz", scores()
    made.save(file, "digest")
    found = stored_scores(file, "digest")
    assert found is not None
    assert (found.place, found.refusals, found.self_checks) == (made.place, made.refusals, made.self_checks)
    np.testing.assert_array_equal(found.circumstances.place, made.circumstances.place)
    for one, other in zip(found.evaluations, made.evaluations, strict=True):
        assert (one.name, one.seconds, one.summary()) == (other.name, other.seconds, other.summary())
    assert stored_scores(file, "another") is None and stored_scores(tmp_path / "south.npz", "digest") is None
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(StoreError, match="run the command again"):
        stored_scores(file, "digest")


def test_a_block_holds_one_severity_of_all_places() -> None:
    places = [scores("north"), scores("south", factor=2.0)]
    low, high = blocks_of({"critical": places})
    assert (low.severity, high.severity) == (0.5, 1.0)
    assert low.title == "critical, severity 0.5: 2 places, 60 sequences"
    whole = Evaluation.concatenate([place.evaluations[0] for place in places])
    of_low = whole.select(np.tile(SEVERITIES == 0.5, 2))
    assert low.evaluations[0].summary() == of_low.summary() and low.evaluations[0].seconds == pytest.approx(
        0.6
    )
    bound = bound_among(low.evaluations)
    assert bound is not None and low.evaluations[0].summary(bound)["error_over_bound"] == 2.0
    # Worlds are numbered alike in both places and are different ones: six of them say more than three.
    three, six = (
        blocks_of({"critical": each})[0].quotes["raylocus"][90]
        for each in ([scores("north")], [scores("north"), scores("south")])
    )
    assert six.high - six.low < 0.9 * (three.high - three.low)


def test_the_table_says_what_must_be_read_with_it() -> None:
    blocks = blocks_of({"critical": [scores("north")], "level only": [scores("north", 3.0)]})
    text = benchmark_text(blocks, ["Left out by --only: south."])
    assert "critical, severity 0.5: 1 places, 30 sequences" in text and "Left out by --only: south." in text
    assert text.count("of 40 sequences drawn from its own law in all places, feature set ") == 4
    assert "true maps of north: it is not there" in text
    assert "10.0" in text  # 0.6 s for 60 sequences
    record = benchmark_record(blocks, [])
    first = record["blocks"][0]
    assert first["methods"]["raylocus"]["p50_by_place"]["north"] == first["methods"]["raylocus"]["p50"]
    assert first["self_check"]["sequences"] == 40 and len(record["blocks"]) == 4
    assert len(severity_figure(blocks).axes) == 2


def test_a_method_that_refuses_one_place_is_not_in_the_block() -> None:
    (block, _) = blocks_of({"critical": [scores("north"), scores("south", names=("raylocus",))]})
    assert [one.name for one in block.evaluations] == ["raylocus"] and bound_among(block.evaluations) is None


def test_a_resampled_percentile_is_that_of_the_resample() -> None:
    generator = np.random.default_rng(1)
    error, weight = generator.gamma(2, 10, 9), generator.integers(0, 3, (20, 9)).astype(float)
    for percent in (50, 90):
        expected = [np.percentile(np.repeat(error, row.astype(int)), percent) for row in weight]
        np.testing.assert_allclose(weighted_percentile(error, weight, percent), expected)


def test_an_ablation_compares_variants_in_the_same_worlds_and_seeds() -> None:
    one = ("raylocus",)
    trials = [Trial("as it is", seed, scores(seed=seed, names=one)) for seed in (1, 2, 3)]
    trials += [Trial("worse", seed, scores(seed=seed, factor=1.3, names=one)) for seed in (1, 2, 3)]
    long = "one seed, " + "and a name that is longer than the table has room for, " * 3
    trials += [Trial(long, 1, scores(seed=1, factor=2.0, names=one))]
    lines = lines_of(trials)
    assert [(line.severity, line.variant, line.seeds, line.sequences) for line in lines[:3]] == [
        (0.5, "as it is", 3, 30),
        (0.5, "worse", 3, 30),
        (0.5, long, 1, 30),
    ]
    assert lines[0].change is None
    # Worlds differ by much more than 30 %; drawn alike for both, they are no uncertainty of the difference.
    worse = lines[1].change
    assert worse is not None and worse.value == pytest.approx(30)
    assert worse.low == pytest.approx(30) and worse.high == pytest.approx(30)
    assert lines[1].p50.high / lines[1].p50.low > 1.3
    text = ablation_text("Does it pay?", lines)
    assert "Does it pay?" in text and "+30.0 (+30.0 to +30.0)" in text
    assert text.count("longer") == 3 * len({line.severity for line in lines})
    assert len(ablation_figure("Does it pay?", lines).axes) == 2
