"""Questions along a sequence: each ends with the report asked about, none knows a later one."""

from __future__ import annotations

import numpy as np
import pytest

from raylocus.errors import InputError
from raylocus.network.reports.questions import HISTORY, asked_every
from raylocus.network.reports.reports import Reports


def walk(*times: list[float]) -> Reports:
    """Sequences of one cell a report, whose level is the time."""
    time = np.concatenate(times)
    count = len(time)
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in times])])
    features = np.full((count, 5), np.nan)
    features[:, 0] = -time
    return Reports(
        report_offsets=offsets,
        token_offsets=np.arange(count + 1),
        time=time,
        position=np.column_stack([time, time, np.zeros(count)]),
        line_of_sight=np.full(count, np.nan),
        pci=np.arange(count),
        technology=np.ones(count, np.int8),
        channel=np.full(count, -1),
        identity=np.full(count, -1),
        serving=np.ones(count, bool),
        beam=np.full(count, -1),
        features=features,
        censored=np.zeros((count, 5), np.int8),
    )


def test_each_question_has_what_came_before_it_and_nothing_later() -> None:
    asked = asked_every(walk([0.0, 1.0, 5.0, 11.0, 12.0], [0.0], [0.0, 100.0]), 10.0)
    ends = [asked.features[end - 1, 0] for end in asked.report_offsets[1:]]
    # The last report, and from there back by 10 s or more; a sequence's first may be one.
    assert ends == [-1.0, -12.0, 0.0, 0.0, -100.0]
    assert np.diff(asked.report_offsets).tolist() == [2, 5, 1, 1, 1]
    assert (asked.time[asked.report_offsets[:-1]] == 0).all()
    assert asked.position[asked.last_report, 0].tolist() == [1.0, 12.0, 0.0, 0.0, 100.0]


def test_a_question_forgets_what_is_old_and_short_times_ask_at_every_report() -> None:
    times = np.arange(0.0, 200.0, 20.0)
    asked = asked_every(walk(times.tolist()), 0.1)
    assert len(asked) == len(times)
    assert asked.time.max() == HISTORY and np.diff(asked.report_offsets).max() == 4
    assert len(asked_every(walk(times.tolist()), 1e9)) == 1


@pytest.mark.parametrize("seconds", [0.0, -1.0, np.nan])
def test_times_between_questions_are_above_zero(seconds: float) -> None:
    with pytest.raises(InputError, match="above 0"):
        asked_every(walk([0.0]), seconds)
