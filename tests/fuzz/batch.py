"""A batch of cases in a process of its own, which a broken input may take down.

`python -m fuzz.batch NAME SEED FIRST END`. Each case is announced on standard output before it is tried, and its
outcome follows as JSON. Whatever else is printed, also by native libraries, is thrown away.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import sys
import tempfile
from pathlib import Path

from fuzz.cases import outcome, reader_named, whole_inputs
from raylocus.cli.main import DONE

#: Inputs that are refused even when whole: nothing reads them so far.
NOT_READ = ("overpass json",)
#: What an input may take beyond what its whole seed takes [byte].
MEMORY = 2 << 30


def main(arguments: list[str]) -> None:
    """Tries the cases FIRST to END − 1 of a reader."""
    name, seed, first, end = arguments[0], *map(int, arguments[1:])
    reader = reader_named(name)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with tempfile.TemporaryDirectory(prefix="raylocus-fuzz-") as folder:
        whole = whole_inputs(reader, Path(folder) / "whole")
        others = Path(folder) / "whole" / "others"
        # Imports and caches first, so that no case pays for them.
        code = reader.read(whole, Path(folder) / reader.output, others)
        assert code == DONE or name in NOT_READ, f"the whole input of {name} is refused"
        _limit_memory()
        for case in range(first, end):
            print(json.dumps({"case": case}), file=answers)
            found = outcome(reader, whole, others, case, seed, Path(folder) / f"case-{case}")
            print(json.dumps(dataclasses.asdict(found)), file=answers)


def _limit_memory() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
