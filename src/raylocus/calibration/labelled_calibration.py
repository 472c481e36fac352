"""Calibrates a place by measurements of known position: antennas and errors in turn, groups kept by held-out blocks."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from raylocus.calibration.error_law import ErrorLaw, spatial_parts
from raylocus.calibration.labelled_fit import Posterior, climb, fit_antennas
from raylocus.calibration.labelled_model import LabelledModel, NoiseLaw
from raylocus.calibration.links import PointChannels
from raylocus.calibration.measured import Measured
from raylocus.calibration.noise_fit import fit_noise
from raylocus.calibration.parameters import Layout, Prior
from raylocus.calibration.parts_of_ground import nearest_to, restricted, spread_out
from raylocus.calibration.silence import silence_distance
from raylocus.network.configuration import NetworkConfiguration
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.world import WorldLaw

#: Groups that held-out blocks decide on, in this order; levels are always fitted.
OPTIONAL = ("azimuth", "pattern", "downtilt", "crowns", "walls")
#: Factor on the deviations of azimuths: reports of beams make the posterior jagged, and its width at the top says too
#: little. On ten simulated networks errors were 1.1 (median) to 1.6 (90 %) of it.
AZIMUTHS_WIDER = 1.5
#: What walls reflect more by ln ε [dB], 8.7 √ε / (ε − 1) of brick, ε = 3.91: materials that are not as listed look like
#: walls that scatter otherwise.
REFLECTED_DB = 5.9
#: Parts of the ground that are held out in turn, each of several blocks.
FOLDS, BLOCKS_OF_FOLD = 3, 3


@dataclass(frozen=True)
class CalibrationLaw:
    """What is expected of a network before anything of it is measured."""

    world: WorldLaw = WorldLaw(severity=1.0)
    """Spreads of antennas, levels and errors; at severity 1 as wrong as the field."""
    network: NetworkConfiguration = NetworkConfiguration()
    """What decides which cells a UE reports."""
    silence: bool = True
    """Whether cells that are not reported say anything."""

    def prior(self, cells: int) -> Prior:
        """Of the values of a network."""
        return Prior.of(self.world, cells)

    def noise(self) -> NoiseLaw:
        """Of the errors."""
        dropout = self.network.at_severity(self.world.severity).neighbour_dropout
        return NoiseLaw(ErrorLaw.of(self.world), dropout=dropout if self.silence else None)


@dataclass(frozen=True)
class GroupScore:
    """What a group of values is worth on ground that was held out."""

    group: str
    gain: float
    """Increase of the held-out blocks' ln density [nats a token]."""
    kept: bool


@dataclass(frozen=True)
class LabelledCalibration:
    """The antennas of a place and the law of its errors, as measurements of known position say."""

    posterior: Posterior
    noise: NoiseLaw
    groups: tuple[GroupScore, ...]
    prior: Prior
    model: LabelledModel


def calibrate_labelled(measured: Measured, place: TracedPlace, law: CalibrationLaw) -> LabelledCalibration:
    """MAP with a Laplace posterior, priors as the law of worlds has them; of dense reports some are used."""
    channels = PointChannels(place)
    apart = spread_out(measured, place.tile, silence_distance(law.noise().levels))
    model = LabelledModel(apart, place, channels)
    prior = law.prior(model.layout.cells)
    whole = ("level", *_optional(model))
    first = fit_antennas(model.under(law.noise()), prior, prior.layout.mask(whole))
    noise = fit_noise(model, law.noise(), prior, first.values)
    scores = _held_out(model, place, channels, prior, noise, first.values)
    kept = ("level", *(each.group for each in scores if each.kept))
    free = prior.layout.mask(kept)
    start = np.where(free, first.values, prior.mean)
    found = fit_antennas(model.under(noise), prior, free, start)
    noise = fit_noise(model, noise, prior, found.values)
    found = climb((model.under(noise),), prior, free, found.values)
    return LabelledCalibration(
        with_honest_deviations(found, prior.layout, law.world), noise, scores, prior, model
    )


def with_honest_deviations(found: Posterior, layout: Layout, law: WorldLaw) -> Posterior:
    """The same with deviations that say how far azimuths and walls truly are off: `AZIMUTHS_WIDER`, `REFLECTED_DB`."""
    wider, walls = np.ones(layout.size), layout.index("walls").start
    wider[layout.index("azimuth")] = AZIMUTHS_WIDER
    covariance = found.covariance * np.outer(wider, wider)
    if found.free[walls]:
        covariance[walls, walls] += (REFLECTED_DB * law.log_deviations(1.0)[0]) ** 2
    return dataclasses.replace(found, covariance=covariance)


def _optional(model: LabelledModel) -> tuple[str, ...]:
    absent = {"crowns": not model.levels.wooded, "walls": not model.levels.rough}
    return tuple(group for group in OPTIONAL if not absent.get(group, False))


def _held_out(
    model: LabelledModel,
    place: TracedPlace,
    channels: PointChannels,
    prior: Prior,
    noise: NoiseLaw,
    start: Float[np.ndarray, " value"],
) -> tuple[GroupScore, ...]:
    """Adds one group after the other where it raises the density of blocks that were not fitted."""
    made = [_Fold.of(model, place, channels, held) for held in held_out_folds(model.heard.xy)]
    folds = [fold for fold in made if fold is not None]
    groups: tuple[str, ...] = ("level",)
    scores = []
    before = _score(folds, prior, noise, groups, start)
    for group in _optional(model):
        after = _score(folds, prior, noise, (*groups, group), start)
        kept = bool(after > before)
        scores.append(GroupScore(group, after - before, kept))
        if kept:
            groups, before = (*groups, group), after
    return tuple(scores)


def held_out_folds(xy: Float[np.ndarray, "token 2"]) -> list[Bool[np.ndarray, " token"]]:
    """Tokens that are held out together: every third of blocks of the ground."""
    parts = spatial_parts(xy, max(len(xy) // (FOLDS * BLOCKS_OF_FOLD), 1))
    folds = [np.zeros(len(xy), bool) for _ in range(FOLDS)]
    for number, part in enumerate(parts):
        folds[number % FOLDS][part] = True
    return folds


@dataclass(frozen=True)
class _Fold:
    """A part of the ground that is held out, and the rest that is fitted."""

    fitted: LabelledModel
    held: LabelledModel

    @classmethod
    def of(
        cls,
        model: LabelledModel,
        place: TracedPlace,
        channels: PointChannels,
        held: Bool[np.ndarray, " token"],
    ) -> _Fold | None:
        """What was measured nearest to a held-out level is held out with it; None where either part has no level."""
        ground = nearest_to(model.measured, place.tile, np.unique(model.measured.heard.ground[held]))
        inside, outside = (restricted(model.measured, ground, chosen) for chosen in (True, False))
        if not len(inside.heard.level) or not len(outside.heard.level):
            return None
        return cls(LabelledModel(outside, place, channels), LabelledModel(inside, place, channels))


def _score(
    folds: list[_Fold],
    prior: Prior,
    noise: NoiseLaw,
    groups: tuple[str, ...],
    start: Float[np.ndarray, " value"],
) -> float:
    """Mean ln density of a held-out level and its beams, blocks fitted without them."""
    free, total, tokens = prior.layout.mask(groups), 0.0, 0.0
    for fold in folds:
        begin = np.where(free, start, prior.mean)
        found = climb((fold.fitted.under(noise),), prior, free, begin)
        held = fold.held.under(dataclasses.replace(noise, dropout=None))
        total -= held.predictive_loss(fold.held.modelled(found.values))
        tokens += fold.held.heard_share.sum()
    return float(total / max(tokens, 1e-9))
