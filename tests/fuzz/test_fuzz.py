"""A share of `make fuzz`: broken inputs are refused in one sentence, and the fuzzer finds readers that do not."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fuzz import cases, run
from fuzz.cases import HANG, LEFT, READ, REFUSED, TRACEBACK, broken_input, outcome, reader_named, whole_inputs
from fuzz.mutations import value_changed
from fuzz.readers import READERS, Reader

TESTS = Path(__file__).parents[1]
#: Cases of each reader that continuous integration tries; 10,000 in all are left to `make fuzz`.
FIRST, END = 1000, 1002


def test_broken_inputs_are_read_or_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)]))
    found = list(run.outcomes({reader.name: (FIRST, END) for reader in READERS}, seed=1))
    assert len(found) == len(READERS) * (END - FIRST)
    assert [each for each in found if each.result not in (READ, REFUSED)] == []


def test_a_case_is_the_same_whenever_it_is_tried(tmp_path: Path) -> None:
    reader = reader_named("site csv")
    seed = whole_inputs(reader, tmp_path / "whole")
    contents: list[list[bytes]] = []
    for turn in range(2):
        contents.append([])
        for case in range(12):
            folder = tmp_path / f"{turn}-{case}"
            folder.mkdir()
            contents[turn].append(broken_input(reader, seed, case, 1, folder).read_bytes())
    assert contents[0] == contents[1]
    assert sum(content != seed.read_bytes() for content in contents[0]) > 8


def test_the_mutations_of_a_document_keep_what_they_do_not_touch() -> None:
    document = {"a": [1, 2, {"b": "c"}], "d": None}
    changed = [value_changed(document, np.random.default_rng(seed)) for seed in range(200)]
    assert document == {"a": [1, 2, {"b": "c"}], "d": None}
    assert sum(each != document for each in changed) > 150
    assert sum(isinstance(each, dict) and each.get("d") is None for each in changed) > 80


def bad(path: Path, out: Path, others: Path) -> int:
    """A reader with every fault, by the first byte of its input."""
    kind = path.read_bytes()[:1]
    if kind == b"t":
        raise KeyError("nothing catches this")
    if kind == b"h":
        time.sleep(60)
    out.write_text("half")
    print("raylocus: no", file=sys.stderr)
    return 2


@pytest.mark.parametrize(("first", "expected"), [(b"t", TRACEBACK), (b"h", HANG), (b"p", LEFT)])
def test_the_fuzzer_finds_faults(
    first: bytes, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "LIMIT", 1)
    seed = tmp_path / "input"
    seed.write_bytes(first)
    reader = Reader("bad", lambda folder: seed, bad, (lambda path, generator: None,))
    with contextlib.suppress(KeyboardInterrupt):
        found = outcome(reader, seed, tmp_path, 0, 1, tmp_path / "case")
    assert found.result == expected
