"""Building a dataset: plan, trace the places, observe the worlds, finalise.

Every place and every world is one unit of work that leaves a whole artefact or none, named by what it is
made from. A build that was killed finds the units that are there, makes the others, and ends with the
same bytes as one that was not; so does one whose units were made by other processes, in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from raylocus.datasets.building.work import Progress, UnitReports, Work
from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.folders import folder_at
from raylocus.datasets.store import open_report_dataset
from raylocus.datasets.store_writing import Skipped, save_report_dataset
from raylocus.errors import InputError, StoreError
from raylocus.execution.task import Engine, ThisProcess

#: Given the name of a stage's units, gives the callback for their progress.
Listener = Callable[[str], Progress]


def _silent(_: str) -> Progress:
    return lambda done, total: None


@dataclass(frozen=True)
class BuildPart:
    """One of several shares of a build's work: neighbouring worlds of the plan, and the places they begin."""

    number: int = 1
    """From 1."""
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise InputError(f"there is no part {self.number} of {self.count}; parts run from 1/N to N/N")

    def rows(self, total: int) -> range:
        """Which of so many worlds are this part's."""
        return range(total * (self.number - 1) // self.count, total * self.number // self.count)


@dataclass(frozen=True)
class Remaining:
    """What is left to do of a build, and what failed so far."""

    places: int
    worlds: int
    skipped: tuple[Skipped, ...] = ()


def build_dataset(
    configuration: DatasetConfiguration,
    out: Path | str,
    listener: Listener = _silent,
    engine: Engine = ThisProcess(),
    left_out: Mapping[int, str] | None = None,
) -> tuple[Skipped, ...]:
    """Builds the dataset at `out`, or does nothing where it is whole already.

    Units are kept next to it in `<out>.units`. The bytes do not depend on the engine.

    Args:
        configuration: what to build.
        out: folder, or URL that fsspec knows, such as s3://bucket/name.zarr.
        listener: called with the progress, stage by stage.
        engine: what performs the units of work.
        left_out: why some places are not built, by their index; all others have the worlds that they have with them.

    Returns:
        The places that are left out or could not be built or traced, and why.

    Raises:
        PlaceError: more places failed than the configuration allows.
        InputError: places were traced by different versions, or no UE was detected anywhere.
        StorageFullError: the disk filled up; the same command goes on.
        StoreUnreachableError: the store behind the URL does not answer; the same command goes on.
    """
    work = Work(configuration, folder_at(f"{out}.units"), dict(left_out or {}))
    everything = range(len(work.worlds))
    work.trace(everything, listener("places"), engine)
    if not _is_whole(out, work):
        work.observe(everything, listener("worlds"), engine)
        units = UnitReports(work.world_tasks(everything))
        save_report_dataset(units, configuration, work.provenance(), out, work.left_out)
    return work.left_out


def is_built(configuration: DatasetConfiguration, out: Path | str) -> bool:
    """Whether the dataset of a configuration and all places that it is made from stand whole."""
    return _is_whole(out, Work(configuration, folder_at(f"{out}.units")))


def build_part(
    configuration: DatasetConfiguration,
    out: Path | str,
    part: BuildPart,
    listener: Listener = _silent,
    engine: Engine = ThisProcess(),
) -> Remaining:
    """Does one part's share of the work; the dataset itself is written by `build_dataset`.

    A world whose place another part traces is left where that place is not ready yet.

    Returns:
        What remains of the whole build, all parts together. Raises as `build_dataset` does.
    """
    work = Work(configuration, folder_at(f"{out}.units"))
    rows = part.rows(len(work.worlds))
    work.trace(rows, listener("places"), engine)
    work.observe(rows, listener("worlds"), engine)
    return Remaining(*work.remaining(), work.left_out)


def _is_whole(out: Path | str, work: Work) -> bool:
    """Whether the dataset of this build stands whole at `out`."""
    try:
        found = open_report_dataset(out)
    except StoreError:
        return False
    return found.provenance.digest == work.provenance().digest
