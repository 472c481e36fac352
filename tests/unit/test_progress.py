from __future__ import annotations

import re
import time

from raylocus.cli.console import progress_lines


def test_the_last_step_is_always_line_and_the_rate_counts_only_this_run() -> None:
    lines: list[str] = []
    callback = progress_lines("worlds", lines.append, every=3600.0)
    time.sleep(0.05)
    # An earlier run had done 90 of 100.
    for done in range(91, 101):
        callback(done, 100)
    assert len(lines) == 1
    line = re.fullmatch(r"\s*100 of 100 worlds, (\S+) a second, 0 s left", lines[0])
    assert line is not None
    assert float(line[1]) <= 10 / 0.05


def test_a_line_is_line_as_often_as_asked() -> None:
    lines: list[str] = []
    callback = progress_lines("sites", lines.append, every=0.0)
    for done in range(1, 5):
        callback(done, 4)
    assert [line.split()[0] for line in lines] == ["1", "2", "3", "4"]
