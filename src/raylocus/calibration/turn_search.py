"""Antennas that point elsewhere than listed: every azimuth is tried, because descent does not leave a lobe."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from raylocus.calibration.beam_contrasts import contrast_term
from raylocus.calibration.labelled_model import LawOfErrors
from raylocus.calibration.parameters import Prior
from raylocus.calibration.silence import log_silence

#: Azimuth errors that are tried [rad]: steps of less than half a beam's width; level offsets with each [dB].
TURNS = np.deg2rad(np.arange(-180.0, 180.0, 5.0))
OFFSETS = np.arange(-9.0, 10.0, 3.0)
#: Azimuths of a cell that are looked at with all other cells, and how far apart they are [rad].
CANDIDATES, APART = 5, np.deg2rad(5.0)
#: What another azimuth must be better by [nats].
BETTER = 0.3


class TurnSearch:
    """Levels of all cells for every azimuth, computed once; the levels' common error is taken as it comes."""

    def __init__(self, errors: LawOfErrors, prior: Prior):
        """For the measurements under a law of errors."""
        self._errors, self._prior = errors, prior
        model = errors.model
        self._own = [np.flatnonzero(model.cell == cell) for cell in range(model.layout.cells)]

    def better(self, values: Float[np.ndarray, " value"]) -> Float[np.ndarray, " value"] | None:
        """Values with antennas turned to where the posterior is higher; None where every one is right already."""
        model, layout = self._errors.model, self._prior.layout
        values, beams = values.copy(), model.levels.beams(model.antennas(values))
        turned, changed = self._table(values), False
        for cell, own in enumerate(self._own):
            if not len(own):
                continue
            azimuth, level = (layout.index(name).start + cell for name in ("azimuth", "level"))
            best = self._errors.loss(beams) + self._prior.loss(values) - BETTER
            for turn, offset in self._candidates(cell, values, turned):
                shifted, tried = values.copy(), beams.copy()
                shifted[azimuth], shifted[level] = TURNS[turn], values[level] + offset
                tried[own] = turned[turn][own] + offset
                loss = self._errors.loss(tried) + self._prior.loss(shifted)
                if loss < best:
                    best, kept, changed = loss, (shifted, tried), True
                    values, beams = kept
        return values if changed else None

    def _table(self, values: Float[np.ndarray, " value"]) -> list[Float[np.ndarray, "point beam"]]:
        model, found = self._errors.model, []
        for turn in TURNS:
            trial = values.copy()
            trial[self._prior.layout.index("azimuth")] = turn
            found.append(model.levels.beams(model.antennas(trial)).astype(np.float32))
        return found

    def _candidates(
        self,
        cell: int,
        values: Float[np.ndarray, " value"],
        turned: list[Float[np.ndarray, "point beam"]],
    ) -> list[tuple[int, float]]:
        """The likeliest azimuths of a cell by its own measurements, with the likeliest offset of its level."""
        score = self._own_losses(cell, values, turned)
        chosen: list[int] = []
        for turn in np.argsort(score.min(axis=1), kind="stable").tolist():
            if all(np.cos(TURNS[turn] - TURNS[other]) < np.cos(APART) for other in chosen):
                chosen.append(turn)
            if len(chosen) == CANDIDATES:
                break
        return [(turn, float(OFFSETS[score[turn].argmin()])) for turn in chosen]

    def _own_losses(
        self,
        cell: int,
        values: Float[np.ndarray, " value"],
        turned: list[Float[np.ndarray, "point beam"]],
    ) -> Float[np.ndarray, "turn offset"]:
        """−ln posterior of one cell's azimuth and level, its levels taken as independent of the other cells'."""
        model, law = self._errors.model, self._errors.law
        measured = model.measured
        heard, silent, beamed = (
            np.flatnonzero(each.cell == cell) for each in (measured.heard, measured.silent, measured.beamed)
        )
        ends = np.stack([measured.silent.audible[silent], measured.silent.strongest[silent]])
        out, offset = np.empty((len(TURNS), len(OFFSETS))), OFFSETS[:, None]
        for row, there in enumerate(turned):
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
        return out + self._priors(cell, values)

    def _priors(self, cell: int, values: Float[np.ndarray, " value"]) -> Float[np.ndarray, "turn offset"]:
        """−ln prior of each azimuth and offset of a cell, but for a constant."""
        index = {name: self._prior.layout.index(name).start + cell for name in ("azimuth", "level")}
        by_turn, by_offset = np.empty(len(TURNS)), np.empty(len(OFFSETS))
        for out, name, tried in (
            (by_turn, "azimuth", TURNS),
            (by_offset, "level", values[index["level"]] + OFFSETS),
        ):
            trial = values.copy()
            for row, value in enumerate(tried):
                trial[index[name]] = value
                out[row] = self._prior.loss(trial)
        return by_turn[:, None] + by_offset
