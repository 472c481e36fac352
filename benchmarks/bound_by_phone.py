"""Where the locator loses to the bound: both on the same phones, by what is true of each.

    python benchmarks/bound_by_phone.py PLACE … [--model CKPT] [--severity 0.25 0.5 1] [--worlds 6] [--sequences 8]

In traced places, worlds and reports are drawn by the law of each severity, as `critical_set.py` draws them, and located
by the bound, which knows that law, and by the locator, which does not. A line for each class of phones: how many there
are, median error and negative log-likelihood of both, and how much larger the locator's is, with its standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from bound_gap import laws_of, words_of
from jaxtyping import Float

from raylocus.evaluation.bound.bound import Bound, KnownLaw
from raylocus.evaluation.evaluation import Evaluation, evaluation_of, truth_of
from raylocus.evaluation.observations import observations
from raylocus.inference.locator import Locator
from raylocus.models.inputs.nominal_maps import MappedPlace, nominal_maps
from raylocus.network.reports.reports import Reports
from raylocus.scenes.world import World, sample_world

#: What phones are divided by, and the ends of the classes: mean speed [m/s], reports, cells of the last report, serving
#: site in line of sight, and how far the serving cell's antenna is off its listed azimuth [°].
EDGES: Mapping[str, tuple[float, ...]] = {
    "all": (-np.inf, np.inf),
    "speed": (0, 0.05, 2.5, np.inf),
    "reports": (5, 9, 15, 21),
    "cells heard": (1, 4, 7, np.inf),
    "line of sight": (0, 0.5, 1.5),
    "antenna off": (0, 3, 8, 16, np.inf),
    "beams": (0, 0.5, 1.5),
}


@dataclass(frozen=True)
class Compared:
    """Both answers to some phones, and the phones by each of `EDGES`."""

    locator: Evaluation
    bound: Evaluation
    phones: dict[str, Float[np.ndarray, " sample"]]

    @classmethod
    def concatenate(cls, parts: list[Compared]) -> Compared:
        """All phones, one after the other."""
        return cls(
            Evaluation.concatenate([part.locator for part in parts]),
            Evaluation.concatenate([part.bound for part in parts]),
            {name: np.concatenate([part.phones[name] for part in parts]) for name in EDGES},
        )


def speeds(reports: Reports) -> Float[np.ndarray, " sample"]:
    """Length of each way over its time [m/s]."""
    found = []
    for start, stop in pairwise(reports.report_offsets):
        steps = np.diff(reports.position[start:stop, :2], axis=0)
        found.append(np.hypot(*steps.T).sum() / max(reports.time[stop - 1] - reports.time[start], 0.01))
    return np.array(found)


def phones(reports: Reports, place: MappedPlace, world: World) -> dict[str, Float[np.ndarray, " sample"]]:
    """What is true of each phone of one world, by the names of `EDGES`."""
    truth = truth_of(reports, place)
    seen = observations(reports, place.deployment)
    last = reports.last_report
    off = np.remainder(world.azimuth_error + np.pi, 2 * np.pi) - np.pi
    return {
        "all": np.zeros(len(reports)),
        "speed": speeds(reports),
        "reports": np.diff(reports.report_offsets).astype(float),
        "cells heard": truth.heard_cells.astype(float),
        "line of sight": truth.line_of_sight,
        "antenna off": np.abs(np.rad2deg(off[seen.serving[last]])),
        "beams": np.isfinite(seen.beam_rsrp[last]).any(axis=1).astype(float),
    }


def compared(known: KnownLaw, locator: Locator, maps: MappedPlace, words: argparse.Namespace) -> Compared:
    """Both answers to the phones of some worlds of one place."""
    # The first that a draw draws are its worlds.
    generator = np.random.default_rng(words.seed)
    worlds = [sample_world(known.place.deployment, known.world_law, generator) for _ in range(words.worlds)]
    drawn = known.draw(words.worlds, words.sequences, np.random.default_rng(words.seed))
    parts = [(world, reports) for world, (_, reports) in zip(worlds, drawn, strict=True) if len(reports)]
    answers = [
        evaluation_of("locator", locator.posterior(each, maps), truth_of(each, maps), 0.0)
        for _, each in parts
    ]
    every, bound = Reports.concatenate([each for _, each in parts]), Bound(known)
    own = [phones(each, maps, world) for world, each in parts]
    return Compared(
        Evaluation.concatenate(answers),
        evaluation_of("bound", bound.locate(every, known.place), truth_of(every, maps), 0.0),
        {name: np.concatenate([each[name] for each in own]) for name in EDGES},
    )


def lines(found: Compared) -> list[str]:
    """One for each class of phones that there are any of."""
    gap = found.locator.negative_log_likelihood - found.bound.negative_log_likelihood
    out = []
    for name, edges in EDGES.items():
        for low, high in pairwise(edges):
            own = (found.phones[name] >= low) & (found.phones[name] < high)
            if not own.any():
                continue
            both = [each.select(own).summary() for each in (found.locator, found.bound)]
            numbers = "  ".join(f"{each['p50']:6.1f} m {each['nll']:6.2f}" for each in both)
            error = gap[own].std() / np.sqrt(own.sum())
            named = name if len(edges) == 2 else f"{name} {low:g} to {high:g}"
            out.append(f"{named:24s} {own.sum():5d}  {numbers}  {gap[own].mean():+6.2f} ± {error:.2f}")
    return out


def main() -> None:
    """Prints the lines of each severity."""
    words = words_of(__doc__, [0.25, 0.5, 1.0], 6)
    locator = Locator.load(words.model) if words.model else Locator.pretrained()
    found: dict[float, list[Compared]] = {}
    for folder in words.places:
        for known in laws_of(folder, words.severity):
            own = compared(known, locator, nominal_maps(known.place), words)
            found.setdefault(known.world_law.severity, []).append(own)
    for severity, parts in found.items():
        print(f"severity {severity:g}: phones, locator, bound, difference")
        print("\n".join(lines(Compared.concatenate(parts))), flush=True)


if __name__ == "__main__":
    main()
