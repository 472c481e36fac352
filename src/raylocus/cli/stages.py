"""Stages of a long job: each is skipped where its outputs are whole and come from the same inputs."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from raylocus.provenance import Provenance, hash_file
from raylocus.storage import written_whole


@dataclass(frozen=True)
class Stage:
    """One step of a job."""

    name: str
    provenance: Callable[[], Provenance]
    """What its outputs would be made from; asked when the stage is reached, after the ones before it."""
    outputs: tuple[Path, ...]
    """Files and folders that the stage leaves whole or not at all."""
    run: Callable[[], None]


@dataclass(frozen=True)
class StageTime:
    """How long one stage took."""

    name: str
    seconds: float
    reused: bool


def run_stages(stages: Sequence[Stage], stamps: Path, tell: Callable[[str], None]) -> list[StageTime]:
    """Runs the stages in order.

    Args:
        stages: what to run.
        stamps: folder that remembers what each stage's outputs were made from.
        tell: called with one line as a stage starts and as it ends.
    """
    times = []
    for number, stage in enumerate(stages, 1):
        label = f"[{number}/{len(stages)}] {stage.name}"
        started = time.perf_counter()
        stamp, digest = stamps / f"{stage.name}.json", stage.provenance().digest
        reused = _read(stamp) == _stamp_of(digest, stage.outputs)
        if not reused:
            tell(f"{label} …")
            stage.run()
            _write(stamp, _stamp_of(digest, stage.outputs))
        seconds = time.perf_counter() - started
        tell(f"{label}: {'whole already' if reused else f'done in {seconds:.0f} s'}")
        times.append(StageTime(stage.name, seconds, reused))
    return times


def fingerprint(path: Path) -> str | None:
    """What tells a whole output from a changed one: a file's hash, a folder's names and sizes; None if none."""
    if path.is_file():
        return hash_file(path)
    if not path.is_dir():
        return None
    files = sorted(
        (str(file.relative_to(path)), file.stat().st_size) for file in path.rglob("*") if file.is_file()
    )
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()


def _stamp_of(digest: str, outputs: Sequence[Path]) -> dict[str, object]:
    return {"digest": digest, "outputs": {str(path): fingerprint(path) for path in outputs}}


def _read(stamp: Path) -> object:
    try:
        return json.loads(stamp.read_text())
    except (OSError, ValueError):
        return None


def _write(stamp: Path, content: dict[str, object]) -> None:
    with written_whole(stamp) as aside:
        aside.write_text(json.dumps(content, indent=1))
