"""All work of a build: which units there are, which are done, and how many workers have room for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from raylocus.datasets.building.place_tasks import PlaceTask, check_same_solver, place_hashes
from raylocus.datasets.building.world_tasks import WorldTask, unpack_reports
from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.folders import Folder
from raylocus.datasets.plan import WorldRecord, plan_worlds
from raylocus.datasets.splits import PlaceChoice
from raylocus.datasets.store_writing import Skipped
from raylocus.errors import InputError, PlaceError, StoreError
from raylocus.execution.engines import WORKER_BASE, workers_that_fit
from raylocus.execution.task import Engine, Task
from raylocus.network.reports.reports import Reports
from raylocus.provenance import Provenance
from raylocus.scenes.place import load_place

#: Arrays as large as all beams' float64 radio maps that a world's observation holds at its peak.
WORLD_ARRAYS = 12
#: Called with the number of units done and of units in all.
Progress = Callable[[int, int], None]


def workers_for(configuration: DatasetConfiguration) -> int:
    """As many workers as fit for the places of a dataset.

    Places that are built and traced here need what tracing may take, and are taken to be as large as a
    dozen cells of eight beams make them.
    """
    needed = [_memory_of_place(choice) for choice in configuration.places]
    if any(choice.source is not None for choice in configuration.places):
        tracing = WORKER_BASE + int(configuration.trace.memory_budget * 2**30)
        needed += [tracing, worker_memory(12, 8, configuration.scene.tile.count**2)]
    return workers_that_fit(max(needed))


def _memory_of_place(choice: PlaceChoice) -> int:
    try:
        place = load_place(choice.folder)
    except PlaceError:
        return WORKER_BASE
    return worker_memory(len(place.deployment.cells), place.deployment.beam_count, place.tile.count**2)


def worker_memory(cells: int, beams: int, ground_cells: int) -> int:
    """Memory that a worker needs for a place [bytes]."""
    return WORKER_BASE + WORLD_ARRAYS * 8 * cells * beams * ground_cells


@dataclass
class Work:
    """The units of one dataset's build."""

    configuration: DatasetConfiguration
    units: Folder
    """Where the worlds' reports are kept."""
    skipped: dict[int, str] = field(default_factory=dict)
    """Why each place is left out that is, by its index: those given are not asked for, others failed."""
    failed: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        observed = {world.place_index for world in self.worlds}
        for index, choice in enumerate(self.configuration.places):
            if index not in observed:
                raise InputError(
                    f"no world is planned at {choice.folder}; give its split worlds or leave it out"
                )

    @cached_property
    def worlds(self) -> tuple[WorldRecord, ...]:
        """The plan."""
        return plan_worlds(self.configuration)

    def place_tasks(self, rows: range) -> list[PlaceTask]:
        """The places that begin in these rows of the plan, those left out apart."""
        chosen = [self.worlds[row].place_index for row in rows if self.worlds[row].number == 0]
        return [
            PlaceTask(index, self.configuration.places[index], self.configuration)
            for index in chosen
            if index not in self.skipped
        ]

    def trace(self, rows: range, progress: Progress, engine: Engine) -> None:
        """Builds and traces the places that begin in these rows and are not there yet.

        Raises:
            PlaceError: more places failed than may.
            InputError: places were traced by different versions.
        """
        self.__dict__.pop("inputs", None)
        missing = [task for task in self.place_tasks(rows) if task.place_index not in self.inputs]
        if missing:
            self._run(missing, progress, engine)
            del self.inputs
        check_same_solver([self.configuration.places[index] for index in self.inputs])

    @cached_property
    def inputs(self) -> dict[int, dict[str, str]]:
        """Hashes of what the worlds of each place are made from, by its index; places not ready are left out."""
        tasks = self.place_tasks(range(len(self.worlds)))
        return {task.place_index: place_hashes(task.choice.true_folder) for task in tasks if task.is_done()}

    def world_tasks(self, rows: range) -> list[WorldTask]:
        """The worlds of these rows whose places are ready."""
        worlds, ready = (self.worlds[row] for row in rows), self._ready
        return [
            WorldTask.planned(world, self.configuration, self.inputs[world.place_index], self.units)
            for world in worlds
            if world.place_index in ready
        ]

    def observe(self, rows: range, progress: Progress, engine: Engine) -> None:
        """Observes the worlds of these rows that are not there yet.

        Raises:
            PlaceError: more places failed than may.
        """
        self.units.tidy()
        self._run(self._missing(rows), progress, engine)

    def remaining(self) -> tuple[int, int]:
        """Places and worlds that are not there yet."""
        known, left = self.inputs.keys() | self.skipped.keys(), self._missing(range(len(self.worlds)))
        waiting = sum(world.place_index not in known for world in self.worlds)
        return len(self.configuration.places) - len(known), waiting + len(left)

    def provenance(self) -> Provenance:
        """What the dataset is made from."""
        choices = self.configuration.places
        named = {
            f"{folder}/{name}": digest
            for index in sorted(self._ready)
            for folder in {choices[index].folder, choices[index].true_folder}
            for name, digest in place_hashes(folder).items()
        }
        return Provenance.collect(self.configuration, self.configuration.seed, named)

    @property
    def left_out(self) -> tuple[Skipped, ...]:
        """The places that are left out, in order."""
        return tuple(Skipped(index, self.skipped[index]) for index in sorted(self.skipped))

    @property
    def _ready(self) -> set[int]:
        """Places that are there and not left out, by index."""
        return self.inputs.keys() - self.skipped.keys()

    def _missing(self, rows: range) -> list[WorldTask]:
        there = self.units.sizes()
        return [task for task in self.world_tasks(rows) if task.file not in there]

    def _run(self, tasks: Sequence[Task], progress: Progress, engine: Engine) -> None:
        for done, outcome in enumerate(engine.run(tasks), start=1):
            if outcome.failure is not None:
                self.failed += outcome.task.place_index not in self.skipped
                self.skipped[outcome.task.place_index] = outcome.failure
                self._check_share(outcome.failure)
            progress(done, len(tasks))

    def _check_share(self, reason: str) -> None:
        places, allowed = len(self.configuration.places), self.configuration.max_failed_share
        if self.failed > allowed * places:
            raise PlaceError(
                f"{self.failed} of {places} places failed, more than the share of {allowed:g} that may "
                f"(max_failed_share); the last one: {reason}"
            )


@dataclass(frozen=True)
class UnitReports(Iterable[Reports]):
    """The reports of units, as often as they are asked for; one unit at a time is in memory.

    Not a sequence, whose items a runtime type check would read.
    """

    tasks: Sequence[WorldTask]

    def __iter__(self) -> Iterator[Reports]:
        """The reports of each unit.

        Raises:
            StoreError: a file is damaged; it is removed, so that the next build makes it again.
        """
        for task in self.tasks:
            try:
                yield unpack_reports(task.folder.read(task.file) or b"", task.file)
            except StoreError as error:
                task.folder.remove(task.file)
                raise StoreError(
                    f"the reports of {task.name} were damaged ({task.folder.name}/{task.file}) and are removed; "
                    "run the command again, and only they are made"
                ) from error
