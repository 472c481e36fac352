"""Augmentation that keeps the physics true: other endings and beginnings, lost features, other levels.

The symmetries of the plane are in `symmetry`, the order of cells is in `cell_order`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from raylocus.models.inputs.map_layer_table import OPTIONAL_GROUPS
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import OBSERVED, SequenceTensors
from raylocus.network.reports.features import features_named


@dataclass(frozen=True)
class AugmentationConfiguration:
    """How sequences are varied in training."""

    earlier_ending: float = 0.4
    """Probability that a sequence ends at an earlier report, whose position is then asked for."""
    feature_dropout: float = 0.1
    """Probability that a feature of a whole sequence is lost: SINR and RSRQ, timing advance, beams, or any further
    feature, each alone."""
    level_offset_db: float = 2.0
    """Standard deviation of an offset added to all levels of a sequence [dB]."""
    later_beginning: float = 0.0
    """Probability that a sequence has lost its first reports; its last report stays what is asked for."""
    listed_azimuths: float = 0.2
    """Probability that a place is one whose R has no layers of turned antennas, of which there are many."""
    layer_dropout: float = 0.2
    """Probability that a group of layers that a place may lack is hidden from a network that sees all layers: each
    group alone, and all of them."""
    cell_permutation: bool = False
    """Whether cells come in a random order: for networks that could learn one, which `LocationNetwork` cannot."""


def augmented(
    sequences: SequenceTensors, configuration: AugmentationConfiguration, generator: torch.Generator
) -> SequenceTensors:
    """Sequences varied at random; any report may be the last, for the law of mobility is the same at all times."""
    sequences = ended_earlier(sequences, configuration.earlier_ending, generator)
    if configuration.later_beginning > 0:
        sequences = begun_later(sequences, configuration.later_beginning, generator)
    sequences = without_features(sequences, configuration.feature_dropout, generator)
    return with_level_offset(sequences, configuration.level_offset_db, generator)


def varied_place(
    maps: PlaceMaps, configuration: AugmentationConfiguration, generator: torch.Generator
) -> PlaceMaps:
    """A place whose R may know antennas as they are listed alone, and whose maps may lack layers."""
    listed = float(torch.rand((), generator=generator)) < configuration.listed_azimuths
    varied = maps.as_listed if listed else maps
    if varied.layers is None:
        return varied
    hidden = torch.rand(1 + len(OPTIONAL_GROUPS), generator=generator) < configuration.layer_dropout
    groups = [group for group, one in zip(OPTIONAL_GROUPS, hidden[1:] | hidden[0], strict=True) if one]
    return dataclasses.replace(varied, layers=varied.layers.without(groups))


def ended_earlier(
    sequences: SequenceTensors, probability: float, generator: torch.Generator
) -> SequenceTensors:
    """Some of the sequences cut after a report drawn at random."""
    dropped = _dropped_reports(sequences, probability, generator)
    source = torch.arange(sequences.age.shape[1], device=dropped.device) - dropped[:, None]
    row = torch.arange(len(sequences), device=dropped.device)[:, None]
    moved = sequences.map_tensors(lambda values: values[row, source.clamp(min=0)])
    cut = _blanked(moved, source < 0)
    return dataclasses.replace(cut, age=cut.age - cut.age[:, -1:]).trimmed()


def begun_later(
    sequences: SequenceTensors, probability: float, generator: torch.Generator
) -> SequenceTensors:
    """Some of the sequences cut before a report drawn at random; the last one stays."""
    dropped = _dropped_reports(sequences, probability, generator)
    times = sequences.age.shape[1]
    first = times - (~sequences.age.isnan()).sum(1) + dropped
    return _blanked(sequences, torch.arange(times, device=first.device) < first[:, None]).trimmed()


def without_features(
    sequences: SequenceTensors, probability: float, generator: torch.Generator
) -> SequenceTensors:
    """Some sequences lose SINR and RSRQ, some their timing advance, some their beams, some any further feature."""
    names = len(sequences.further_names), len(sequences.further_beam_names)
    lost = torch.rand(3 + sum(names), len(sequences), generator=generator) < probability
    lost = lost.to(sequences.age.device)
    observed, beams = sequences.observed.clone(), sequences.beams.clone()
    for name in ("sinr", "rsrq"):
        observed[..., OBSERVED.index(name)][lost[0]] = torch.nan
    observed[..., OBSERVED.index("timing_advance")][lost[1]] = torch.nan
    beams[lost[2]] = torch.nan
    further, further_beams = lost[3:].T.split(names, 1)
    return dataclasses.replace(
        sequences,
        observed=observed,
        beams=beams,
        further=sequences.further.masked_fill(further[:, None, None], torch.nan),
        further_beams=sequences.further_beams.masked_fill(further_beams[:, None, None, None], torch.nan),
    )


def with_level_offset(
    sequences: SequenceTensors, deviation_db: float, generator: torch.Generator
) -> SequenceTensors:
    """All levels of a sequence shifted by one Gaussian offset [dB], as another phone would report them."""
    offset = (deviation_db * torch.randn(len(sequences), generator=generator)).to(sequences.age.device)
    observed = sequences.observed.clone()
    observed[..., OBSERVED.index("rsrp")] += offset[:, None, None]
    further = [feature.unit == "dBm" for feature in features_named(sequences.further_names)]
    levels = torch.tensor(further, dtype=torch.float32, device=offset.device)
    return dataclasses.replace(
        sequences,
        observed=observed,
        beams=sequences.beams + offset[:, None, None, None],
        further=sequences.further + offset[:, None, None, None] * levels,
    )


def _dropped_reports(
    sequences: SequenceTensors, probability: float, generator: torch.Generator
) -> Int[Tensor, " sample"]:
    """How many reports each sequence loses: none, or any number that leaves one."""
    chosen = torch.rand(len(sequences), generator=generator) < probability
    share = torch.rand(len(sequences), generator=generator) * chosen
    return (share.to(sequences.age.device) * (~sequences.age.isnan()).sum(1)).long()


def _blanked(sequences: SequenceTensors, padding: Bool[Tensor, "sample time"]) -> SequenceTensors:
    """The same with some reports taken away."""

    def blank(values: Tensor) -> Tensor:
        over = padding.reshape(*padding.shape, *[1] * (values.dim() - 2))
        return values.masked_fill(over, torch.nan if values.is_floating_point() else False)

    blanked = sequences.map_tensors(blank)
    return dataclasses.replace(
        blanked,
        censored=torch.nan_to_num(blanked.censored),
        censored_beams=torch.nan_to_num(blanked.censored_beams),
    )
