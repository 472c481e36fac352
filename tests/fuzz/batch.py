"""Cases in a process of its own, which a broken input may take down.

`python -m fuzz.batch SEED NAME FIRST END [NAME FIRST END …]`. Each case is announced on standard output before it is
tried, and its outcome follows as JSON. Whatever else is printed, also by native libraries, is thrown away.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import TextIO

from fuzz.cases import outcome, reader_named, whole_inputs
from raylocus.cli.main import DONE

#: Inputs that are refused even when whole: nothing reads them so far.
NOT_READ: tuple[str, ...] = ()
#: What an input may take beyond what its whole seed takes [byte].
MEMORY = 2 << 30


def main(arguments: list[str]) -> None:
    """Tries the cases FIRST to END − 1 of each reader named."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    seed, plan = int(arguments[0]), arguments[1:]
    for name, first, end in zip(plan[::3], plan[1::3], plan[2::3], strict=True):
        with tempfile.TemporaryDirectory(prefix="raylocus-fuzz-") as folder:
            _tried(name, range(int(first), int(end)), seed, Path(folder), answers)


def _tried(name: str, cases: range, seed: int, folder: Path, answers: TextIO) -> None:
    reader = reader_named(name)
    print(json.dumps({"reader": name, "case": -1}), file=answers)
    _limit_memory(None)
    whole, others = whole_inputs(reader, folder / "whole"), folder / "whole" / "others"
    # Imports and caches first, so that no case pays for them.
    code = reader.read(whole, folder / reader.output, others)
    if code != DONE and name not in NOT_READ:
        raise RuntimeError(f"the whole input of {name} is refused")
    _limit_memory(MEMORY)
    for case in cases:
        print(json.dumps({"reader": name, "case": case}), file=answers)
        found = outcome(reader, whole, others, case, seed, folder / f"case-{case}")
        print(json.dumps(dataclasses.asdict(found)), file=answers)


def _limit_memory(more: int | None) -> None:
    """Lets this process take so much more than it does; None lifts the limit."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard if more is None else used + more, hard))


if __name__ == "__main__":
    main(sys.argv[1:])
