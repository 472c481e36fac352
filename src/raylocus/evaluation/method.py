"""What can be evaluated: anything that answers reports in a place with a posterior."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.posterior import Posterior
from raylocus.network.reports.reports import Reports

#: Reports and the place that they were made in, one pair a place.
TrainingPlaces = Iterable[tuple[Reports, MappedPlace]]


@runtime_checkable
class Method(Protocol):
    """A way of locating, learned or classical."""

    @property
    def name(self) -> str:
        """What tables and figures call it."""

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of each sequence's last position, on the grid of the place."""


@dataclass(frozen=True)
class Contestant:
    """A trained model that is put to a test."""

    method: Method
    digest: str
    """Of its weights and all else that decides its answers."""
