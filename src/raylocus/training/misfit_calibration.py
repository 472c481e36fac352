"""Fits what distinguishes maps that are not the world's, on validation phones under right and wrong maps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from raylocus.models.evidence.cell_order import CellOrder
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.location_network import LocationNetwork
from raylocus.models.misfit import LARGEST_DEVIATION, MisfitCalibration

#: Penalty on the squared weights, of standardised statistics.
DECAY = 0.005
#: Parts of the worlds that are left out of a fit in turn.
FOLDS = 4


@torch.no_grad()
def calibrate_misfit(
    network: LocationNetwork, worlds: Iterable[tuple[PlaceMaps, SequenceTensors]]
) -> MisfitCalibration:
    """The score of a wrong map, fitted on all worlds, and the worlds' mean scores where they were left out of a fit.

    Args:
        network: the trained network.
        worlds: validation phones of one world each.
    """
    network.eval()
    kept = list(worlds)
    right: list[Tensor] = []
    wrong: list[Tensor] = []
    for number, (maps, sequences) in enumerate(kept):
        others = [other for other, _ in kept if other is not maps]
        if not others:
            continue
        # Steps that share no factor with the number of others take them all in turn.
        tile = with_cells(others[number * 7 % len(others)], sequences)
        for found, given in ((right, maps), (wrong, tile)):
            place = network.encode_place(given)
            found.append(network.misfit(network(sequences, place), place))
    if len(right) < FOLDS:
        return MisfitCalibration()
    right_scores: list[Tensor] = []
    wrong_scores: list[Tensor] = []
    for fold in range(FOLDS):
        fitted = _fitted(_without(right, fold), _without(wrong, fold))
        right_scores += [fitted.score(each) for each in right[fold::FOLDS]]
        wrong_scores += [fitted.score(each) for each in wrong[fold::FOLDS]]
    return _grouped(_fitted(torch.cat(right), torch.cat(wrong)), right_scores, wrong_scores)


def _without(groups: Sequence[Tensor], fold: int) -> Tensor:
    return torch.cat([each for index, each in enumerate(groups) if index % FOLDS != fold])


def with_cells(maps: PlaceMaps, sequences: SequenceTensors) -> PlaceMaps:
    """A place with as many cells and beams as sequences of another one have, its own taken again or left out."""
    cells, beams = sequences.beams.shape[2:4]
    order = torch.arange(cells, device=maps.poses.device) % len(maps.poses)
    taken = CellOrder(order).place(maps)
    columns = torch.arange(beams, device=maps.poses.device).clamp(max=taken.beam_relative.shape[1] - 1)
    return dataclasses.replace(
        taken,
        beam_relative=taken.beam_relative[:, columns],
        beams_of_cell=taken.beams_of_cell.clamp(max=beams),
    )


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
