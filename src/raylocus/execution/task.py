"""A unit of work: idempotent, named by what it is made from, performed by any process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from threadpoolctl import threadpool_limits

from raylocus.errors import InputError, RaylocusError, RuntimeUnavailableError

#: How often a unit is tried whose worker dies.
ATTEMPTS = 3


@runtime_checkable
class Task(Protocol):
    """A unit of work. Performing it leaves a whole artefact or none."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def place_index(self) -> int:
        """The place it belongs to."""

    def perform(self) -> None:
        """Does the work. Raises InputError where its inputs cannot be used."""


@dataclass(frozen=True)
class TaskOutcome:
    """How a unit of work ended."""

    task: Task
    failure: str | None = None
    """One sentence where its inputs cannot be used; None where its artefact is there."""


@runtime_checkable
class Engine(Protocol):
    """What performs units of work, in any order; used as a context that ends its workers."""

    def __enter__(self) -> Engine:
        """Itself."""

    def __exit__(self, *error: object) -> None:
        """Ends its workers."""

    def run(self, tasks: Sequence[Task]) -> Iterator[TaskOutcome]:
        """Performs all tasks and reports each outcome as it comes.

        Raises:
            WorkerLostError: a task's worker died again and again.
            RaylocusError: what concerns the whole build, such as a full disk.
        """


class WorkerLostError(RaylocusError):
    """The worker of a unit died again and again."""

    @classmethod
    def of(cls, task: Task) -> WorkerLostError:
        """The sentence for a task."""
        return cls(
            f"the worker died {ATTEMPTS} times at {task.name}, perhaps for lack of memory; "
            "run the command again with fewer --workers, and it continues from what is complete"
        )


def perform(task: Task) -> TaskOutcome:
    """Performs a task in this process.

    Linear algebra runs in one thread, so that its sums do not depend on how many there are.

    Raises:
        RaylocusError: what concerns the whole build, such as a full disk.
    """
    try:
        with threadpool_limits(1):
            task.perform()
    except RuntimeUnavailableError:
        raise
    except InputError as error:
        return TaskOutcome(task, " ".join(str(error).split()))
    return TaskOutcome(task)


class ThisProcess:
    """Performs tasks one after the other, here."""

    def __enter__(self) -> ThisProcess:
        return self

    def __exit__(self, *error: object) -> None:
        """There are no workers to end."""

    def run(self, tasks: Sequence[Task]) -> Iterator[TaskOutcome]:
        """Performs all tasks in their order."""
        yield from map(perform, tasks)
