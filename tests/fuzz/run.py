"""`make fuzz`: mutated inputs through every reader, and what came of them; fails unless all are read or refused.

`python -m fuzz.run --inputs 10000 --seed 1 [--first N] [--readers NAME …]`. The same seed gives the same inputs; with
`--first` a run goes on where another stopped.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator

from fuzz.cases import KILLED, LIMIT, READ, REFUSED, Outcome
from fuzz.readers import READERS

#: A process that has said nothing for this long is ended [s]: its own limit does not reach into native code.
SILENCE = 3 * LIMIT
#: The same before its first case, when it imports and reads the whole input.
START = 120


def outcomes(name: str, seed: int, first: int, end: int) -> Iterator[Outcome]:
    """What comes of some cases of a reader; a process that dies is started again behind the case that killed it."""
    while first < end:
        command = [sys.executable, "-m", "fuzz.batch", name, *map(str, (seed, first, end))]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            tried = None
            for answer in _answers(process):
                if "result" in answer:
                    yield Outcome(**answer)
                    first = answer["case"] + 1
                else:
                    tried = answer["case"]
            code = process.wait()
        if first >= end:
            return
        if tried is None:
            raise RuntimeError(f"{name}: the whole input is not read (exit code {code})")
        yield Outcome(name, tried, KILLED, f"exit code {code}")
        first = tried + 1


def _answers(process: subprocess.Popen[str]) -> Iterator[dict]:
    """The lines that a process prints, until it ends or is silent for too long."""
    assert process.stdout is not None
    limit = START
    while True:
        watch = threading.Timer(limit, process.kill)
        watch.start()
        line = process.stdout.readline()
        watch.cancel()
        if not line:
            return
        limit = SILENCE
        yield json.loads(line)


def main() -> int:
    """Runs the fuzzer; 0 where every input was read or refused in one sentence."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Mutated inputs through every reader.")
    parser.add_argument("--inputs", type=int, default=10_000, help="in all, shared evenly by the readers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="case of each reader to go on with")
    parser.add_argument("--readers", nargs="+", default=[reader.name for reader in READERS])
    parser.add_argument("--all", action="store_true", help="print every failure, not one of a kind")
    given = parser.parse_args()
    share = -(-given.inputs // len(given.readers))
    failures: list[Outcome] = []
    for name in given.readers:
        counts: Counter[str] = Counter()
        for found in outcomes(name, given.seed, given.first, share):
            counts[found.result] += 1
            if found.result not in (READ, REFUSED):
                failures.append(found)
        told = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
        print(f"{name:14} {counts.total():6} inputs: {told}", flush=True)
    shown: Counter[tuple[str, str, str]] = Counter()
    for each in failures:
        kind = each.reader, each.result, each.detail.rpartition(" at ")[2]
        shown[kind] += 1
        if given.all or shown[kind] == 1:
            print(f"{each.reader} case {each.case}: {each.result}: {each.detail}")
    for kind, count in shown.most_common():
        print(f"{count:6} × {kind}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
