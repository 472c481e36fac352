"""Fits what distinguishes maps that are not the world's, on validation phones under right and wrong maps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from raylocus.execution.side_by_side import side_by_side
from raylocus.execution.threads import one_thread
from raylocus.models.evidence.cell_order import CellOrder
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.location_network import LocationNetwork
from raylocus.models.misfit import LARGEST_DEVIATION, MisfitCalibration

#: Penalty on the squared weights, of standardised statistics.
DECAY = 0.005
#: Parts of the places that are left out of a fit in turn.
FOLDS = 8
#: Wrong maps that each world is judged under.
WRONG = 2


@torch.no_grad()
def calibrate_misfit(
    network: LocationNetwork, worlds: Iterable[tuple[PlaceMaps, SequenceTensors]]
) -> MisfitCalibration:
    """The score of a wrong map, fitted on all worlds, and their mean scores where their place was left out of a fit.

    Args:
        network: the trained network.
        worlds: validation phones of one world each.
    """
    network.eval()
    kept = list(worlds)
    places = list({id(maps): maps for maps, _ in kept}.values())
    if len(kept) < FOLDS or len(places) < 2:
        return MisfitCalibration()

    @torch.no_grad()
    def judged(number: int) -> list[Tensor]:
        maps, sequences = kept[number]
        given = [maps, *(with_cells(other, sequences) for other in _wrong_maps(kept, number))]
        return [_statistics(network, sequences, each) for each in given]

    with one_thread() as threads:
        statistics = list(side_by_side(judged, range(len(kept)), threads))
    right = [of_right for of_right, *_ in statistics]
    wrong = [torch.cat(of_wrong) for _, *of_wrong in statistics]
    place_of_world = [next(i for i, place in enumerate(places) if place is maps) for maps, _ in kept]
    held_out = _held_out_scores(right, wrong, np.array(place_of_world) % FOLDS)
    return _grouped(_fitted(torch.cat(right), torch.cat(wrong)), *held_out)


def _wrong_maps(worlds: Sequence[tuple[PlaceMaps, SequenceTensors]], number: int) -> list[PlaceMaps]:
    """Maps of other places for one of the worlds."""
    others = [other for other, _ in worlds if other is not worlds[number][0]]
    # Steps that share no factor with the number of others take them all in turn.
    return [others[(7 * number + len(others) * step // WRONG) % len(others)] for step in range(WRONG)]


def _statistics(
    network: LocationNetwork, sequences: SequenceTensors, maps: PlaceMaps
) -> Float[Tensor, "phone statistic"]:
    place = network.encode_place(maps)
    return network.misfit(network(sequences, place), place)


def with_cells(maps: PlaceMaps, sequences: SequenceTensors) -> PlaceMaps:
    """A place with as many cells and beams as sequences of another one have, its own taken again or left out."""
    cells, beams = sequences.beams.shape[2:4]
    order = torch.arange(cells, device=maps.poses.device) % len(maps.poses)
    taken = CellOrder(order).place(maps)
    columns = torch.arange(beams, device=maps.poses.device).clamp(max=taken.beam_relative.shape[1] - 1)
    return dataclasses.replace(
        taken,
        beam_relative=taken.beam_relative[:, columns],
        sharp_beams=taken.sharp_beams[:, columns],
        beams_of_cell=taken.beams_of_cell.clamp(max=beams),
    )


def _held_out_scores(
    right: Sequence[Tensor], wrong: Sequence[Tensor], fold: Int[np.ndarray, " world"]
) -> tuple[list[Tensor], list[Tensor]]:
    """Scores of each world under its own map and under each wrong one, by fits without its part of the places."""
    right_scores: list[Tensor] = []
    wrong_scores: list[Tensor] = []
    for part in np.unique(fold):
        rest = np.flatnonzero(fold != part).tolist()
        fitted = _fitted(*(torch.cat([each[index] for index in rest]) for each in (right, wrong)))
        for index in np.flatnonzero(fold == part).tolist():
            right_scores.append(fitted.score(right[index]))
            wrong_scores += fitted.score(wrong[index]).chunk(WRONG)
    return right_scores, wrong_scores


def _fitted(
    right: Float[Tensor, "right statistic"], wrong: Float[Tensor, "wrong statistic"]
) -> MisfitCalibration:
    """Logistic regression with a penalty on the squared weights."""
    statistics = torch.cat([right, wrong])
    label = torch.cat([torch.zeros(len(right)), torch.ones(len(wrong))])
    centre, scale = statistics.mean(0), statistics.std(0).clamp(min=1e-3)
    standard = ((statistics - centre) / scale).clamp(-LARGEST_DEVIATION, LARGEST_DEVIATION)
    weights = torch.zeros(standard.shape[1] + 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        score = standard @ weights[:-1] + weights[-1]
        surprise = functional.binary_cross_entropy_with_logits(score, label)
        value = surprise + DECAY * weights[:-1].square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
    *values, offset = weights.detach().tolist()
    return MisfitCalibration(tuple(centre.tolist()), tuple(scale.tolist()), tuple(values), offset)


def _grouped(
    fitted: MisfitCalibration, right: Sequence[Tensor], wrong: Sequence[Tensor]
) -> MisfitCalibration:
    """The same with the scores of groups of phones."""
    within = torch.cat([each - each.mean() for each in right])
    return MisfitCalibration(
        fitted.centre,
        fitted.scale,
        fitted.weights,
        fitted.offset,
        right_groups=tuple(float(each.mean()) for each in right),
        wrong_groups=tuple(float(each.mean()) for each in wrong),
        deviation=float((within.square().sum() / max(len(within) - len(right), 1)).sqrt()),
        group_size=len(within) / len(right),
    )
