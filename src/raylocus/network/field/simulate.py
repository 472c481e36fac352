"""One network of the field, whole: drawn, heard, and listed as its operator or a crowd would list it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.field.draws import happens, log_uniform, uniform
from raylocus.network.field.heard import HeardNetwork, KnownCells
from raylocus.network.field.hearing import Hearing, hear
from raylocus.network.field.law import FieldLaw
from raylocus.network.field.layout import Layout, draw_layout, draw_ues
from raylocus.network.field.levels import draw_levels
from raylocus.network.field.timing import advances, arrivals, path_lengths
from raylocus.network.field.ues import Ues, draw_tracks
from raylocus.ragged import Rows


@dataclass(frozen=True)
class SimulatedNetwork:
    """What a locator is given, and the truth."""

    heard: HeardNetwork
    position: Float[np.ndarray, "report 2"]
    """Where each UE is [m]."""
    phone: Int[np.ndarray, " report"]
    """Whose report it is, ascending."""
    time: Float[np.ndarray, " report"]
    """Since about the first report of the phone [s]."""


def simulate_network(law: FieldLaw, reports: int, generator: np.random.Generator) -> SimulatedNetwork:
    """Draws a network and reports of it, of which each names a listed cell; drawn again where nobody hears any.

    Args:
        law: what networks are drawn from.
        reports: the most reports, all but those that name no listed cell.
        generator: decides everything that is drawn.
    """
    return _heard_by_any(law, lambda layout: Ues.apart(draw_ues(layout, reports, generator)), generator)


def simulate_tracks(
    law: FieldLaw, phones: int, reports: int, generator: np.random.Generator
) -> SimulatedNetwork:
    """The same for phones that move and report several times; near reports share what the ground decides.

    Args:
        law: what networks are drawn from.
        phones: number of phones.
        reports: the most reports of each, all but those that name no listed cell.
        generator: decides everything that is drawn.
    """
    return _heard_by_any(law, lambda layout: draw_tracks(layout, phones, reports, generator), generator)


def _heard_by_any(
    law: FieldLaw, ues: Callable[[Layout], Ues], generator: np.random.Generator
) -> SimulatedNetwork:
    while True:
        layout = draw_layout(law, generator)
        found = _draw(law, layout, ues(layout), generator)
        if len(found.position):
            return found


def _draw(law: FieldLaw, layout: Layout, ues: Ues, generator: np.random.Generator) -> SimulatedNetwork:
    listed_power = generator.normal(0, uniform(generator, (0.0, 8.0)), len(layout.site)) * happens(
        generator, 0.4
    )
    power = listed_power + uniform(generator, law.cell_offset) * generator.standard_normal(len(layout.site))
    levels, sighted = draw_levels(law, layout, ues, power, generator)
    of_site = generator.random(len(layout.sites))
    silent = uniform(generator, law.silent) * happens(generator, 0.5)
    unlisted = uniform(generator, law.unlisted) * happens(generator, 0.5)
    hearing = hear(law, layout, ues, levels, (of_site >= silent)[layout.site], generator)
    reported = hearing.reported & (of_site < 1 - unlisted)[layout.site]
    cells = _listed(law, layout, ues.position, hearing, listed_power, generator)
    lengths = path_lengths(law, layout, ues, sighted, generator)
    listed = np.flatnonzero((of_site < 1 - unlisted)[layout.site])
    network = _rows(cells, listed, reported, hearing, _timing(law, lengths, hearing, layout, generator))
    network = _misread(law, network, generator)
    kept = np.flatnonzero(network.rows.lengths > 0)
    return SimulatedNetwork(network.select(kept), ues.position[kept], ues.phone[kept], ues.time[kept])


def _misread(law: FieldLaw, network: HeardNetwork, generator: np.random.Generator) -> HeardNetwork:
    share = uniform(generator, law.misread) * happens(generator, 0.2)
    wrong = generator.random(len(network.cell)) < share
    any_cell = generator.integers(len(network.cells.site), size=len(wrong)) if wrong.any() else network.cell
    return replace(network, cell=np.where(wrong, any_cell, network.cell))


def _timing(
    law: FieldLaw, lengths: Float[np.ndarray, "ue site"], hearing: Hearing, layout: Layout,
    generator: np.random.Generator,
) -> tuple[Float[np.ndarray, "ue cell"], Float[np.ndarray, "ue cell"]]:  # fmt: skip
    none = np.full(hearing.level.shape, np.nan)
    kind = generator.choice(["none", "advance", "arrival"], p=[0.5, 0.25, 0.25])
    if kind == "advance":
        strongest = np.where(hearing.reported, hearing.level, -np.inf).argmax(1)
        serving = np.where(hearing.serving >= 0, hearing.serving, strongest)
        some = advances(lengths, serving, layout.site, generator)
        some[generator.random(len(some)) < uniform(generator, (0.0, 0.5))] = np.nan
        return some, none
    return none, arrivals(law, lengths, layout.site, generator) if kind == "arrival" else none


def _listed(
    law: FieldLaw, layout: Layout, ues: Float[np.ndarray, "ue 2"], hearing: Hearing,
    power: Float[np.ndarray, " cell"], generator: np.random.Generator,
) -> KnownCells:  # fmt: skip
    """What is listed: positions surveyed, estimated, or estimated from reports; azimuths known, wrong or unknown."""
    position, deviation = _listed_sites(law, layout, ues, hearing, generator)
    error = np.deg2rad(log_uniform(generator, law.azimuth_error)) * generator.standard_normal(
        len(layout.site)
    )
    blunder = generator.random(len(layout.site)) < uniform(generator, law.azimuth_blunders)
    azimuth = layout.azimuth + np.where(blunder, generator.uniform(-np.pi, np.pi, len(error)), error)
    known = happens(generator, 0.55) & ~layout.omnidirectional
    return KnownCells(
        position[layout.site], np.where(known, azimuth, np.nan), power - np.median(power), deviation[layout.site],
        layout.site,
    )  # fmt: skip


def _listed_sites(
    law: FieldLaw,
    layout: Layout,
    ues: Float[np.ndarray, "ue 2"],
    hearing: Hearing,
    generator: np.random.Generator,
) -> tuple[Float[np.ndarray, "site 2"], Float[np.ndarray, " site"]]:
    count = len(layout.sites)
    kind = generator.choice(["surveyed", "estimated", "crowd"], p=[0.45, 0.35, 0.2])
    scale = log_uniform(generator, law.deviation) if kind != "surveyed" else uniform(generator, (0.0, 10.0))
    own = scale * np.exp(0.5 * generator.standard_normal(count))
    listed = layout.sites + own[:, None] * generator.standard_normal((count, 2)) / np.sqrt(2)
    if kind == "crowd":
        heard = np.zeros((len(ues), count))
        np.maximum.at(heard.T, layout.site, hearing.reported.T.astype(float))
        middle = (heard.T @ ues) / np.maximum(heard.sum(0), 1)[:, None]
        pulled = uniform(generator, law.pull) * (heard.sum(0) >= 2)
        listed = listed + pulled[:, None] * (middle - layout.sites)
    said = kind != "surveyed" and happens(generator, 0.6)
    return listed, own * uniform(generator, (0.6, 1.5)) if said else np.zeros(count)


def _rows(
    cells: KnownCells, listed: Int[np.ndarray, " listed"], reported: Bool[np.ndarray, "ue cell"], hearing: Hearing,
    timing: tuple[Float[np.ndarray, "ue cell"], Float[np.ndarray, "ue cell"]],
) -> HeardNetwork:  # fmt: skip
    """The reports as rows over the listed cells."""
    report, column = np.nonzero(reported[:, listed])
    order = np.lexsort((-hearing.level[report, listed[column]], report))
    report, column = report[order], column[order]
    true = listed[column]
    site = np.unique(cells.site[listed], return_inverse=True)[1].reshape(-1)
    known = KnownCells(
        cells.position[listed], cells.azimuth[listed], cells.power[listed], cells.deviation[listed], site
    )
    return HeardNetwork(
        known, Rows.of(np.bincount(report, minlength=len(reported))), column, hearing.level[report, true],
        hearing.serving[report] == true, timing[0][report, true], timing[1][report, true],
    )  # fmt: skip
