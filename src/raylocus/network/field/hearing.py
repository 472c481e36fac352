"""The law of being heard: which of the cells above the detection level a report names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.field.draws import happens, log_uniform, uniform
from raylocus.network.field.law import FieldLaw
from raylocus.network.field.layout import Layout
from raylocus.network.field.ues import Ues

#: Longest lists of cells in a report, and how often networks have them.
LISTS, LIST_SHARES = (
    np.array([1, 2, 3, 4, 6, 8, 12, 20]),
    np.array([0.06, 0.08, 0.08, 0.1, 0.13, 0.2, 0.15, 0.2]),
)


@dataclass(frozen=True)
class Hearing:
    """What the reports name."""

    reported: Bool[np.ndarray, "ue cell"]
    level: Float[np.ndarray, "ue cell"]
    """Measured level [dBm]."""
    serving: Int[np.ndarray, " ue"]
    """Serving cell; −1 where it is not marked."""


def hear(
    law: FieldLaw, layout: Layout, ues: Ues, levels: Float[np.ndarray, "ue cell"], sends: Bool[np.ndarray, " cell"],
    generator: np.random.Generator,
) -> Hearing:  # fmt: skip
    """Detection, operators, lists of neighbours, dropouts and the length of lists, each as the network has it.

    Args:
        law: the law.
        layout: sites and cells.
        ues: the UEs.
        levels: true levels with an arbitrary constant [dB].
        sends: cells that are on the air.
        generator: decides everything that is drawn.
    """
    audible = sends & _of_operator(layout, ues, generator)
    levels, floor = _absolute(law, levels, audible, generator)
    measured = levels + uniform(generator, law.measurement) * generator.standard_normal(levels.shape)
    limit = floor + uniform(generator, law.cell_detection) * generator.standard_normal(levels.shape[1])
    heard = audible & (
        measured > limit + uniform(generator, (0.0, 4.0)) * generator.standard_normal(levels.shape)
    )
    strength = np.where(heard, measured, -np.inf)
    serving = (strength + uniform(generator, (0.0, 4.0)) * generator.standard_normal(levels.shape)).argmax(1)
    own = np.arange(levels.shape[1]) == serving[:, None]
    heard &= own | ~_drops(law, levels.shape, generator)
    if happens(generator, 0.25):
        heard &= own | _listed(layout, generator)[serving]
    # What is named first: the own cell, then by level.
    first = measured + 1e3 * own
    if happens(generator, 0.25):
        heard &= _first_of_site(layout, np.where(heard, first, -np.inf))
    heard &= _rank(np.where(heard, first, -np.inf)) < int(generator.choice(LISTS, p=LIST_SHARES))
    marked = happens(generator, 0.6)
    return Hearing(
        heard, np.clip(np.round(measured), -150, -30), serving if marked else np.full(len(levels), -1)
    )


def _absolute(
    law: FieldLaw, levels: Float[np.ndarray, "ue cell"], audible: Bool[np.ndarray, "ue cell"],
    generator: np.random.Generator,
) -> tuple[Float[np.ndarray, "ue cell"], float]:  # fmt: skip
    """Levels [dBm] such that a drawn number of cells lies above a drawn detection level on average."""
    wanted, floor = log_uniform(generator, law.heard), uniform(generator, law.detection)
    wanted = min(wanted, uniform(generator, (0.3, 0.9)) * float(audible.sum(1).mean()))
    descending = np.sort(np.where(audible, levels, -1e3), axis=None)[::-1]
    limit = descending[min(int(wanted * len(levels)), len(descending) - 1)]
    return levels - max(limit, -500.0) + floor, floor


def _of_operator(layout: Layout, ues: Ues, generator: np.random.Generator) -> Bool[np.ndarray, "ue cell"]:
    """Which cells are of a UE's operator, where a list holds several operators' sites."""
    operators = int(generator.choice([1, 2, 3], p=[0.6, 0.25, 0.15]))
    of_site = generator.integers(operators, size=len(layout.sites))
    own = ues.of_phones(lambda phones: generator.integers(operators, size=phones))
    return of_site[layout.site] == own[:, None]


def _drops(
    law: FieldLaw, shape: tuple[int, ...], generator: np.random.Generator
) -> Bool[np.ndarray, "ue cell"]:
    return generator.random(shape) < uniform(generator, law.dropout) * happens(generator, 0.7)


def _listed(layout: Layout, generator: np.random.Generator) -> Bool[np.ndarray, "cell cell"]:
    """Whether a cell is on the list of neighbours of another: near ones, not all."""
    position = layout.sites[layout.site]
    distance = np.hypot(*(position[:, None] - position).transpose(2, 0, 1))
    near = np.argsort(np.argsort(distance, axis=1, kind="stable"), axis=1, kind="stable")
    listed = near < round(log_uniform(generator, (4.0, 40.0)))
    return listed & (generator.random(listed.shape) < uniform(generator, (0.5, 1.0)))


def _first_of_site(layout: Layout, strength: Float[np.ndarray, "ue cell"]) -> Bool[np.ndarray, "ue cell"]:
    best = np.full((len(strength), len(layout.sites)), -np.inf)
    for site in range(len(layout.sites)):
        best[:, site] = strength[:, layout.site == site].max(1)
    return strength >= best[:, layout.site]


def _rank(strength: Float[np.ndarray, "ue cell"]) -> Int[np.ndarray, "ue cell"]:
    return np.argsort(np.argsort(-strength, axis=1, kind="stable"), axis=1, kind="stable")
