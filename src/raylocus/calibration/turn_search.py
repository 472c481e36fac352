"""Antennas that point elsewhere than listed: every azimuth is tried, because descent does not leave a lobe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from raylocus.calibration.beam_contrasts import contrast_term
from raylocus.calibration.labelled_model import LawOfErrors
from raylocus.calibration.parameters import Prior
from raylocus.calibration.silence import log_silence

#: Azimuth errors that are tried of every antenna [rad], in steps of less than half a beam's width.
ANYWHERE = np.deg2rad(np.arange(-180.0, 180.0, 5.0))
#: Azimuths about where an antenna points [rad]: reports of beams make the posterior jagged.
NEARBY = np.deg2rad(np.arange(-6.0, 6.1, 0.75))
#: Offsets of a cell's level that are tried with each [dB].
OFFSETS = np.arange(-24.0, 25.0, 4.0)
#: Azimuths of a cell that are looked at with all other cells, and how many steps apart they are.
CANDIDATES, APART = 5, 1
#: What is far from where an antenna points [rad], and how many such azimuths are climbed from.
FAR, CLIMBED = np.deg2rad(25.0), 2
#: What another azimuth must be better by [nats].
BETTER = 0.3

#: Levels of all cells with all azimuths off by one of those that are tried.
_Table = list[Float[np.ndarray, "point beam"]]


class TurnSearch:
    """Tries azimuths of every cell, all other cells as they are."""

    def __init__(self, errors: LawOfErrors, prior: Prior):
        """For the measurements under a law of errors."""
        self._errors, self._prior = errors, prior
        model = errors.model
        self._own = [np.flatnonzero(model.cell == cell) for cell in range(model.layout.cells)]

    def better(self, values: Float[np.ndarray, " value"]) -> Float[np.ndarray, " value"] | None:
        """Values with antennas turned to where the posterior is higher; None where every one is right already."""
        anywhere = np.repeat(ANYWHERE[:, None], len(self._own), axis=1)
        nearby = values[self._prior.layout.index("azimuth")] + NEARBY[:, None]
        return self._better(values, np.concatenate([anywhere, nearby]))

    def starts(
        self, values: Float[np.ndarray, " value"], cells: Sequence[int]
    ) -> Iterator[Float[np.ndarray, " value"]]:
        """Values to climb from, each with one of the cells turned far away to where its own levels fit best.

        A level or two cannot say where to without the others' values giving way, so nothing is compared here.
        """
        turns = np.repeat(ANYWHERE[:, None], len(self._own), axis=1)
        table, layout = self._table(values, turns), self._prior.layout
        for cell in cells:
            azimuth, level = (layout.index(name).start + cell for name in ("azimuth", "level"))
            found = self._candidates(cell, values, ANYWHERE, table)
            away = [each for each in found if np.cos(ANYWHERE[each[0]] - values[azimuth]) < np.cos(FAR)]
            for turn, offset in away[:CLIMBED]:
                start = values.copy()
                start[azimuth], start[level] = ANYWHERE[turn], values[level] + offset
                yield start

    def _better(
        self, values: Float[np.ndarray, " value"], turns: Float[np.ndarray, "turn cell"]
    ) -> Float[np.ndarray, " value"] | None:
        model, layout = self._errors.model, self._prior.layout
        best_values, beams = values.copy(), model.levels.beams(model.antennas(values))
        table, changed = self._table(values, turns), False
        best = self._errors.loss(beams) + self._prior.loss(values) - BETTER
        for cell, own in enumerate(self._own):
            if not len(own):
                continue
            azimuth, level = (layout.index(name).start + cell for name in ("azimuth", "level"))
            others, levels = best_values, beams
            for turn, offset in self._candidates(cell, values, turns[:, cell], table):
                shifted, tried = others.copy(), levels.copy()
                shifted[azimuth], shifted[level] = turns[turn, cell], values[level] + offset
                tried[own] = table[turn][own] + offset
                loss = self._errors.loss(tried) + self._prior.loss(shifted)
                if loss < best:
                    best, best_values, beams, changed = loss, shifted, tried, True
        return best_values if changed else None

    def _table(self, values: Float[np.ndarray, " value"], turns: Float[np.ndarray, "turn cell"]) -> _Table:
        model = self._errors.model
        found = []
        for turn in turns:
            trial = values.copy()
            trial[self._prior.layout.index("azimuth")] = turn
            found.append(model.levels.beams(model.antennas(trial)).astype(np.float32))
        return found

    def _candidates(
        self,
        cell: int,
        values: Float[np.ndarray, " value"],
        turns: Float[np.ndarray, " turn"],
        table: _Table,
    ) -> list[tuple[int, float]]:
        """The likeliest azimuths of a cell by its own measurements, with the likeliest offset of its level."""
        score = self._own_losses(cell, table) + self._priors(cell, values, turns)
        chosen: list[int] = []
        for turn in np.argsort(score.min(axis=1), kind="stable").tolist():
            if all(abs(turn - other) > APART for other in chosen):
                chosen.append(turn)
            if len(chosen) == CANDIDATES:
                break
        return [(turn, float(OFFSETS[score[turn].argmin()])) for turn in chosen]

    def _own_losses(self, cell: int, table: _Table) -> Float[np.ndarray, "turn offset"]:
        """−ln likelihood of one cell's azimuth and level, its levels taken as independent of the other cells'."""
        model, law = self._errors.model, self._errors.law
        measured = model.measured
        heard, silent, beamed = (
            np.flatnonzero(each.cell == cell) for each in (measured.heard, measured.silent, measured.beamed)
        )
        ends = np.stack([measured.silent.audible[silent], measured.silent.strongest[silent]])
        out, offset = np.empty((len(table), len(OFFSETS))), OFFSETS[:, None]
        for row, there in enumerate(table):
            best = there.max(axis=1).astype(float)
            modelled = there[model.beamed_point[beamed]].astype(float)
            reported, share = measured.beamed.level[beamed], model.beam_share[beamed]
            out[row] = contrast_term(reported, modelled, law.beams, share).loss
            error = measured.heard.level[heard] - best[model.heard_point[heard]] - offset
            out[row] -= np.log(law.levels.density(error)) @ model.heard_share[heard]
            if law.dropout is not None and len(silent):
                margin = law.levels.scores((ends - best[model.silent_point[silent]])[:, None] - offset)
                unsaid = log_silence(margin, law.dropout)
                out[row] -= unsaid @ self._errors.silent_share[silent]
        return out

    def _priors(
        self, cell: int, values: Float[np.ndarray, " value"], turns: Float[np.ndarray, " turn"]
    ) -> Float[np.ndarray, "turn offset"]:
        """−ln prior of each azimuth and offset of a cell, but for a constant."""
        azimuth, level = (self._prior.layout.index(name).start + cell for name in ("azimuth", "level"))

        def losses(index: int, tried: Float[np.ndarray, " tried"]) -> Float[np.ndarray, " tried"]:
            trial, out = values.copy(), np.empty(len(tried))
            for row, value in enumerate(tried):
                trial[index] = value
                out[row] = self._prior.loss(trial)
            return out

        return losses(azimuth, turns)[:, None] + losses(level, values[level] + OFFSETS)
