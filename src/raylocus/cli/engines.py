"""The options of the verbs that run units of work: which engine, and how many workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from raylocus.errors import InputError

if TYPE_CHECKING:
    from raylocus.cli.console import VerbParser
    from raylocus.execution.task import Engine


def add_engine_arguments(parser: VerbParser) -> None:
    """Adds `--workers`, `--engine` and `--address`."""
    parser.add_argument("--workers", type=int, help="worker processes; by default as many as memory allows")
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="what performs the work")
    parser.add_argument("--address", type=str, help="Ray cluster to use; one is started here by default")


def engine_of(name: str, workers: int | None, address: str | None, fitting: Callable[[], int]) -> Engine:
    """The engine of a name.

    Args:
        name: local or ray.
        workers: how many, or None.
        address: of a Ray cluster, or None.
        fitting: how many workers memory allows; asked where no number is given.

    Raises:
        InputError: the options contradict each other.
    """
    from raylocus.execution.engines import LocalProcesses, RayCluster
    from raylocus.execution.task import ThisProcess

    if workers is not None and workers < 1:
        raise InputError(f"--workers takes 1 or more, not {workers}")
    if address is not None and name != "ray":
        raise InputError("--address is that of a Ray cluster; give --engine ray with it")
    count = workers or fitting()
    if name == "ray":
        return RayCluster(count, address)
    return ThisProcess() if count == 1 else LocalProcesses(count)
