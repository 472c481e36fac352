"""Who answers in a place or an area: a trained network on maps where they are traced, else sites, levels and timing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from raylocus.errors import InputError, PlaceError
from raylocus.geo import Extent
from raylocus.inference.area_locator import AreaLocator, answers_in
from raylocus.inference.area_windows import WindowLocator
from raylocus.inference.explanation import CellResidual, explained
from raylocus.inference.fix import Answers, Fix
from raylocus.inference.locator import Locator
from raylocus.inference.opinion_of_sites import Densities, FromElsewhere
from raylocus.inference.place_method import PlaceMethod
from raylocus.models.area.ground_masses import Located
from raylocus.models.area.trained import is_area_network
from raylocus.models.checkpoint import TrainedNetwork
from raylocus.models.physics.live import PhysicsVariant
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import known_reports
from raylocus.propagation.maps.traced_area import TracedArea, open_traced_area
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.scenes.area import extent_of, is_area
from raylocus.scenes.sites import Deployment


@dataclass(frozen=True)
class MapAnswers:
    """A traced place with a locator of its own, so that maps and their encoding go together."""

    place: TracedPlace
    locator: Locator
    without_cells: str = "fixed by the map alone"
    judges_maps: bool = True

    @property
    def deployment(self) -> Deployment:
        """Its sites and cells."""
        return self.place.deployment

    @property
    def method(self) -> PlaceMethod:
        """What answers, as it is scored in areas."""
        return PlaceMethod(self.locator, self.place)

    def answers(self, reports: Reports) -> Answers:
        """Whether the map fits is judged by all sequences. Raises PlaceError where it has none of their cells."""
        known = known_reports(reports, self.place.deployment)
        return Answers(self.locator.fixes(known.reports, self.place), [bool(each) for each in known.hears])

    def separate_fixes(self, reports: Reports) -> list[Fix]:
        """Whether the map fits is judged by each alone. Raises PlaceError where it has none of their cells."""
        return self.locator.separate_fixes(reports, self.place)

    def opinion_of_sites(self, reports: Reports) -> Densities:
        """What `separate_fixes` pools with the maps, for another process that reads these meanwhile."""
        known = self.locator.known(reports, self.deployment)
        each = np.arange(len(reports))
        return self.locator.without_maps.on_grid(known, self.deployment, self.place.tile, each)

    def with_opinion(self, others: Callable[[], Densities | None]) -> MapAnswers:
        """The same where `opinion_of_sites` is worked out by another process; None where it is not."""
        without_maps = FromElsewhere(self.locator.without_maps, others)
        return replace(self, locator=replace(self.locator, without_maps=without_maps))

    def fixes_among(self, asked: Reports, others: Reports) -> list[Fix]:
        """The others say nothing that the map does not; a phone may have heard nothing of the place yet."""
        known = self.place.deployment.candidates(asked).known
        return self.locator.fixes(asked.select_tokens(known), self.place)

    def levels_at(self, position: Float[np.ndarray, "2"]) -> Float[np.ndarray, " cell"]:
        """RSRP of each cell by R [dBm]; NaN where it has none."""
        return self.place.levels_at(position)

    def refined(self, by: PhysicsVariant) -> MapAnswers:
        """The same with estimates moved by gradient, see `inference.refinement`."""
        return replace(self, locator=replace(self.locator, refine=by))

    def residuals(self, reports: Reports, fixes: Sequence[Fix]) -> list[CellResidual]:
        """What the fixes of the reports rest on."""
        return explained(
            self.locator, known_reports(reports, self.place.deployment).reports, self.place, fixes
        )


@dataclass(frozen=True)
class NetworkAnswers:
    """A network of which the sites are known, and perhaps traced windows."""

    network: TracedArea | TracedPlace
    method: AreaLocator | WindowLocator
    without_cells: str = "anywhere in the area"

    @property
    def judges_maps(self) -> bool:
        """Whether there are maps, so that a fix's fit says anything."""
        return isinstance(self.method, WindowLocator)

    @property
    def deployment(self) -> Deployment:
        """Its sites and cells."""
        return self.network.deployment

    def answers(self, reports: Reports) -> Answers:
        """The network's law, and its clocks, are taken from all sequences."""
        return self._answers(self.method.located(reports, self.network.deployment), len(reports))

    def separate_fixes(self, reports: Reports) -> list[Fix]:
        """Each alone: a stream of several phones would make the answer of one depend on the others."""
        if isinstance(self.method, AreaLocator):
            each = np.arange(len(reports))
            located = self.method.located_by_stream(reports, self.network.deployment, each)
            return self._answers(located, len(reports)).fixes
        ones = (reports.select(np.array([number])) for number in range(len(reports)))
        return [self.answers(one).fixes[0] for one in ones]

    def _answers(self, located: Iterable[Located], sequences: int) -> Answers:
        return answers_in(located, sequences, self.network.frame, extent_of(self.network))

    def fixes_among(self, asked: Reports, others: Reports) -> list[Fix]:
        """The network's law is taken from all of them."""
        return self.answers(Reports.concatenate([asked, others])).fixes[: len(asked)]

    def levels_at(self, position: Float[np.ndarray, "2"]) -> Float[np.ndarray, " cell"]:
        """RSRP of each cell by R, where the network is traced [dBm]; NaN where it has none."""
        return self.network.levels_at(position)


#: A place or an area with all that locating in it needs.
Answering = MapAnswers | NetworkAnswers


@dataclass(frozen=True)
class Locators:
    """Those that come with raylocus, or that of a checkpoint in the place of one of them."""

    given: TrainedNetwork | AreaLocator | None = None
    """What a checkpoint holds: a network for traced maps, or one for areas."""

    @classmethod
    def of(cls, checkpoint: Path | None) -> Locators:
        """With the locator of a checkpoint of either kind.

        Raises:
            CheckpointError: it cannot be read.
        """
        if checkpoint is None:
            return cls()
        of_area = is_area_network(checkpoint)
        return cls(AreaLocator.load(checkpoint) if of_area else Locator.load(checkpoint).trained)

    @cached_property
    def maps(self) -> TrainedNetwork:
        """Locates on traced maps."""
        return self.given if isinstance(self.given, TrainedNetwork) else Locator.pretrained().trained

    @property
    def sites(self) -> AreaLocator:
        """Locates by sites, levels and timing."""
        return self.given if isinstance(self.given, AreaLocator) else AreaLocator.pretrained()

    def answering(self, folder: Path) -> Answering:
        """Who answers in a place or an area: on its maps where all of them are traced, and no area network is given.

        Raises:
            PlaceError: there is neither a place nor an area.
        """
        network = open_traced_area(folder) if is_area(folder) else open_place(folder)
        by_sites = replace(self.sites, mapped=_mapped(network))
        if isinstance(self.given, AreaLocator) or not network.traced:
            return NetworkAnswers(network, by_sites)
        if isinstance(network, TracedPlace):
            return MapAnswers(network, Locator(self.maps))
        return NetworkAnswers(
            network, WindowLocator(by_sites, Locator(self.maps), network, network.tile.size)
        )


def _mapped(network: TracedArea | TracedPlace) -> Extent | None:
    """Ground that a map was made of; that around the sites of a list nobody has asked for."""
    return None if isinstance(network, TracedArea) and not network.tiles else extent_of(network)


def answering_by(folder: Path, checkpoint: Path | None) -> Answering:
    """Who answers in a place or an area by a checkpoint, which must be of use there, or by what comes with raylocus.

    Raises:
        PlaceError: there is neither a place nor an area, or the checkpoint needs maps that are not traced.
        CheckpointError: the checkpoint cannot be read.
    """
    locators = Locators.of(checkpoint)
    answering = locators.answering(folder)
    by_sites = isinstance(answering, NetworkAnswers) and isinstance(answering.method, AreaLocator)
    if by_sites and isinstance(locators.given, TrainedNetwork):
        raise PlaceError(
            f"{checkpoint} locates on traced maps, which {folder} does not have; run: raylocus maps trace {folder}, or "
            "leave out --model to locate by sites, levels and timing"
        )
    return answering


def on_maps(answering: Answering, asked: str) -> MapAnswers:
    """The same, where a traced place answers.

    Args:
        answering: who answers.
        asked: the option that needs it.

    Raises:
        InputError: it is an area, or has no maps.
    """
    if not isinstance(answering, MapAnswers):
        raise InputError(
            f"{asked} needs the maps of one traced place; leave it out, or trace the place first"
        )
    return answering
