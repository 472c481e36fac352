"""`make fuzz`: mutated inputs through every reader, and what came of them; fails unless all are read or refused.

`python -m fuzz.run --inputs 10000 --seed 1 [--first N] [--readers NAME …]`. The same seed gives the same inputs; with
`--first` a run goes on where another stopped.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

from fuzz.cases import KILLED, LIMIT, READ, REFUSED, Outcome
from fuzz.readers import READERS

#: A process that has said nothing for this long is ended [s]: its own limit does not reach into native code.
SILENCE = 3 * LIMIT
#: The same before the first case of a reader, when it imports and reads the whole input.
START = 120

#: Readers, each with its first case and the one behind its last.
Plan = dict[str, tuple[int, int]]


def outcomes(plan: Plan, seed: int) -> Iterator[Outcome]:
    """What comes of some cases; a process that dies is started again behind the case that killed it.

    Raises:
        RuntimeError: a whole input is not read.
    """
    left = dict(plan)
    while left := {name: cases for name, cases in left.items() if cases[0] < cases[1]}:
        words = [word for name, cases in left.items() for word in (name, *map(str, cases))]
        command = [sys.executable, "-m", "fuzz.batch", str(seed), *words]
        tried: dict[str, Any] = {}
        with (
            tempfile.TemporaryFile("w+", errors="replace") as said,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process,
        ):
            for tried in _answers(process):
                if "result" in tried:
                    yield Outcome(**tried)
                    left[tried["reader"]] = (tried["case"] + 1, left[tried["reader"]][1])
            code = process.wait()
            said.seek(0)
            last_words = " ".join(said.read()[-2000:].split())
        if not code:
            return
        if not tried or tried["case"] < 0 or "result" in tried:
            raise RuntimeError(f"exit code {code} after {tried}: {last_words}")
        yield Outcome(tried["reader"], tried["case"], KILLED, f"exit code {code}: {last_words[-200:]}")
        left[tried["reader"]] = (tried["case"] + 1, left[tried["reader"]][1])


def _answers(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
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
        answer = json.loads(line)
        limit = START if answer["case"] < 0 or "result" in answer else SILENCE
        yield answer


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
        for found in outcomes({name: (given.first, share)}, given.seed):
            counts[found.result] += 1
            if found.result not in (READ, REFUSED):
                failures.append(found)
        listed = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
        print(f"{name:14} {counts.total():6} inputs: {listed}", flush=True)
    _say(failures, given.all)
    return 1 if failures else 0


def _say(failures: list[Outcome], everything: bool) -> None:
    """Failures, and how many there are of each kind."""
    shown: Counter[tuple[str, str, str]] = Counter()
    for each in failures:
        kind = each.reader, each.result, each.detail.rpartition(" at ")[2]
        shown[kind] += 1
        if everything or shown[kind] == 1:
            print(f"{each.reader} case {each.case}: {each.result}: {each.detail}")
    for kind, count in shown.most_common():
        print(f"{count:6} × {' · '.join(kind)}")


if __name__ == "__main__":
    sys.exit(main())
