"""One mutated input through one reader, and what came of it."""

from __future__ import annotations

import contextlib
import io
import shutil
import signal
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import numpy as np

from fuzz.readers import READERS, Reader
from raylocus.cli.main import DONE, USER_ERROR
from raylocus.errors import RaylocusError

#: What may come of an input: read, or refused in one sentence.
READ, REFUSED = "read", "refused"
#: What must not.
TRACEBACK, HANG, LEFT, NO_SENTENCE, KILLED = "traceback", "hang", "partial output", "no sentence", "killed"
#: Longest time for one input [s].
LIMIT = 10


class HangError(BaseException):
    """An input took longer than it may."""


@dataclass(frozen=True)
class Outcome:
    """What came of one input."""

    reader: str
    case: int
    result: str
    detail: str = ""
    """The sentence, or where the error came from."""


def whole_inputs(reader: Reader, folder: Path) -> Path:
    """Makes the whole input of a reader, and in `others` what its command needs in addition; the input's path."""
    (folder / "others").mkdir(parents=True)
    (folder / "seed").mkdir()
    for maker in reader.others:
        maker(folder / "others")
    return reader.seed(folder / "seed")


def broken_input(reader: Reader, seed: Path, case: int, fuzz_seed: int, folder: Path) -> Path:
    """The input of one case; it follows from the reader, the case and the seed alone."""
    path = folder / seed.name
    if seed.is_dir():
        shutil.copytree(seed, path)
    else:
        shutil.copy(seed, path)
    generator = np.random.default_rng([fuzz_seed, sum(reader.name.encode()), case])
    mutation = reader.mutations[case % len(reader.mutations)]
    mutation(path, generator)
    return path


def outcome(reader: Reader, seed: Path, others: Path, case: int, fuzz_seed: int, folder: Path) -> Outcome:
    """Reads one broken input in an empty folder."""
    folder.mkdir()
    path = broken_input(reader, seed, case, fuzz_seed, folder)
    before = {each.name for each in folder.iterdir()}
    result, detail = _answer(reader, path, others, folder / reader.output)
    added = {each.name for each in folder.iterdir()} - before
    if result == REFUSED and added:
        result, detail = LEFT, f"{sorted(added)} after: {detail}"
    shutil.rmtree(folder)
    return Outcome(reader.name, case, result, detail)


def _answer(reader: Reader, path: Path, others: Path, out: Path) -> tuple[str, str]:
    said = io.StringIO()
    try:
        with _time_limit(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            code = reader.read(path, out, others)
    except HangError as error:
        return HANG, _where(error)
    except RaylocusError as error:  # of readers that no command has
        return REFUSED, str(error)
    except Exception as error:
        return TRACEBACK, f"{type(error).__name__}: {str(error)[:160]} {_where(error)}"
    sentences = [line for line in said.getvalue().splitlines() if line.startswith("raylocus: ")]
    if code == DONE:
        return READ, ""
    if code != USER_ERROR or len(sentences) != 1:
        return NO_SENTENCE, f"exit code {code}: {said.getvalue()[-300:]}"
    return REFUSED, sentences[0]


def _where(error: BaseException) -> str:
    """The innermost line of raylocus that an error went through, and the innermost of all."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/src/raylocus/" in frame.filename]
    names = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in [*ours[-1:], *frames[-1:]]]
    return "at " + " < ".join(names)


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise HangError(f"longer than {LIMIT} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)


def reader_named(name: str) -> Reader:
    """One of the readers."""
    return next(reader for reader in READERS if reader.name == name)
