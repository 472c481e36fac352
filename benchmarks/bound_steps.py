"""What each thing that the locator does not know costs, step by step, by the bound of the last report.

    python benchmarks/bound_steps.py PLACE … [--model CKPT] [--severity 0.25 0.5 1] [--worlds 4] [--sequences 8]

In traced places, worlds and reports are drawn by the law of each severity. The bound is given the last report of each
sequence, and knows one thing less in every row; then come the bound's and the locator's answers to the whole sequence.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch
from bound_gap import laws_of, shown, words_of
from jaxtyping import Float
from torch import Tensor

from raylocus.evaluation.bound.bound import Bound
from raylocus.evaluation.bound.likelihood import SequenceLikelihood
from raylocus.evaluation.bound.tokens import SequenceTokens, all_tokens
from raylocus.evaluation.evaluation import Evaluation, evaluation_of, truth_of
from raylocus.evaluation.observations import observations
from raylocus.inference.locator import Locator
from raylocus.models.evidence.likelihoods import student_log_density
from raylocus.models.inputs.nominal_maps import NominalMaps, nominal_maps
from raylocus.models.posterior import posterior_of
from raylocus.network.reports.reports import Reports
from raylocus.units import SPEED_OF_LIGHT, timing_advance_step

#: The locator's scales before training: of a level's own error, a site's and all cells' [dB], of a timing advance that
#: is too short and too long [m].
OWN, SITE, COMMON, SHORT, LONG, FREEDOM = 4.5, 4.0, 5.0, 13.0, 20.0, 3.0
#: Of a beam where antennas point as listed, and where their azimuth is tried [dB]; of that azimuth [rad].
BEAM, TURNED_BEAM, TURN = 4.0, 2.5, 0.1
Found = dict[tuple[float, str], list[Evaluation]]
Ground = Float[Tensor, " place"]


@dataclasses.dataclass(frozen=True)
class LastReport:
    """The last report of one sequence at some places, by the bound's law and by laws that know less."""

    maps: NominalMaps
    tokens: SequenceTokens
    ground: Tensor

    @property
    def _final(self) -> int:
        return len(self.tokens.ago) - 1

    def known(self, law: SequenceLikelihood) -> dict[str, Ground]:
        """ln density of levels, beams, timing advance and silence under a law that knows its severity."""
        tokens, ways = self.tokens, self.ground[:, None].expand(-1, self._final + 1)
        certain = torch.zeros(ways.shape)
        fit = law.of_levels(tokens, ways, tokens.last_tokens, certain)
        everywhere = torch.arange(len(self.ground))
        return {
            "levels": fit.log_density - float(np.log(law.levels.offset_spread_db)),
            "advance": law.of_advances(tokens, self.ground[:, None], tokens.advance_report == self._final),
            "beams": law.beams.log_density(tokens, ways, tokens.beam_report == self._final, certain),
            "silence": law.silence.log_probability(tokens, self.ground, fit, everywhere),
        }

    def advance_by_t(self, law: SequenceLikelihood) -> Ground:
        """Of the timing advance by the locator's law."""
        step = timing_advance_step(law.carrier.numerology) / 2 * SPEED_OF_LIGHT
        used = self.tokens.advance_report == self._final
        length = law.ensemble.delay[self.tokens.advance_site[used]][:, self.ground] * SPEED_OF_LIGHT
        off = self.tokens.advance[used][:, None] * step - length
        scale = torch.where(off > 0, LONG, SHORT)
        return student_log_density(off, scale).nan_to_num(nan=-13.0).sum(0)

    def beams_off(self, turns: Float[np.ndarray, " turn"], scale: float) -> tuple[Ground, int]:
        """Squared distance of the beams from the map's, in deviations, and how many of them there are.

        Of the turns [rad] that are tried, the one that fits best at each place, whose own deviation counts.
        """
        total, count = torch.zeros(len(self.ground)), 0
        tried = [int(np.argmin(np.abs(self.maps.turns - turn))) for turn in turns]
        cost = (torch.from_numpy(turns) / TURN).square()[:, None]
        for index in torch.nonzero(self.tokens.beam_report == self._final)[:, 0].tolist():
            level = self.tokens.beam_level[index]
            named = torch.isfinite(level)
            mapped = self.maps.turned_beam_relative[int(self.tokens.beam_cell[index])][:, tried]
            there = torch.from_numpy(mapped.reshape(*mapped.shape[:2], -1))[: len(level)][named].float()
            off = level[named][:, None, None] - there[:, :, self.ground]
            best = (((off - off.mean(0)) / scale).square().sum(0) + cost).amin(0)
            total, count = total + best, count + int(named.sum())
        return total, count

    def levels_off(self) -> tuple[Ground, int]:
        """The same of the levels."""
        used = self.tokens.last_tokens
        cell, site = self.tokens.level_cell[used], self.tokens.level_site[used]
        covariance = torch.eye(len(cell)) * OWN**2 + SITE**2 * (site[:, None] == site) + COMMON**2
        mapped = torch.from_numpy(self.maps.level.reshape(len(self.maps.level), -1))
        off = self.tokens.level[used][:, None] - mapped[cell][:, self.ground]
        white = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), off, upper=False)
        return white.square().sum(0), len(cell)

    def steps(self, laws: dict[float, SequenceLikelihood], severity: float) -> dict[str, Ground]:
        """ln density of the report, by what is known of it."""
        by_law = {each: self.known(law) for each, law in laws.items()}
        own = by_law[severity]
        heard = own["levels"] + own["advance"]
        listed, beam_count = self.beams_off(np.zeros(1, np.float32), BEAM)
        beams, _ = self.beams_off(self.maps.turns, TURNED_BEAM)
        levels, level_count = self.levels_off()
        count = FREEDOM + beam_count
        both = -0.5 * (count + level_count) * torch.log1p((levels + beams) / FREEDOM)
        return {
            "all known": sum(own.values(), torch.zeros(())),
            "severity unknown": torch.logsumexp(
                torch.stack([sum(each.values(), torch.zeros(())) for each in by_law.values()]), 0
            ),
            "without silence": heard + own["beams"],
            "without silence and levels": own["advance"] + own["beams"],
            "without silence and beams": heard,
            "without silence and timing advance": own["levels"] + own["beams"],
            "timing advance by the locator's law": own["levels"] + self.advance_by_t(laws[severity]) + own["beams"],
            "levels by the locator's law": own["advance"] + own["beams"]
            - 0.5 * (FREEDOM + level_count) * torch.log1p(levels / FREEDOM),
            "beams as antennas are listed": heard - 0.5 * count * torch.log1p(listed / FREEDOM),
            "beams by the locator's law": heard - 0.5 * count * torch.log1p(beams / FREEDOM),
            "all three by the locator's laws": both + self.advance_by_t(laws[severity]),
        }  # fmt: skip


def compared(folder: Path, locator: Locator, words: argparse.Namespace, found: Found) -> None:
    """Adds what is found in one place."""
    known = laws_of(folder, words.severity)
    place, maps = known[0].place, nominal_maps(known[0].place)
    bounds = {law.world_law.severity: Bound(law) for law in known}
    laws = {severity: bound.likelihood for severity, bound in bounds.items()}
    start = known[0].movement.start
    ground = torch.from_numpy(np.flatnonzero(start > 0))
    prior = torch.from_numpy(np.log(start[start > 0])).float()
    for severity, bound in bounds.items():
        drawn = bound.known.draw(words.worlds, words.sequences, np.random.default_rng(words.seed))
        worlds = [reports for _, reports in drawn if len(reports)]
        reports = Reports.concatenate(worlds)
        truth, masses = truth_of(reports, place), dict[str, list[np.ndarray]]()
        network = bound.known.network
        for tokens in all_tokens(observations(reports, place.deployment), place.deployment, network):
            for name, density in LastReport(maps, tokens, ground).steps(laws, severity).items():
                mass = np.zeros(len(start), np.float32)
                mass[ground.numpy()] = (density + prior).softmax(0).numpy()
                masses.setdefault(name, []).append(mass.reshape(place.tile.shape))
        answers = {name: posterior_of(place.tile, np.array(each)) for name, each in masses.items()}
        answers["bound, whole sequence"] = bound.locate(reports, place)
        for name, posterior in answers.items():
            found.setdefault((severity, name), []).append(evaluation_of(name, posterior, truth, 0.0))
        for each in worlds:
            name, posterior = "locator, whole sequence", locator.posterior(each, maps)
            found.setdefault((severity, name), []).append(
                evaluation_of(name, posterior, truth_of(each, place), 0.0)
            )


def main() -> None:
    """Prints a line for each severity and what is known."""
    words = words_of(__doc__, [0.25, 0.5, 1.0], 4)
    locator = Locator.load(words.model) if words.model else Locator.pretrained()
    found: Found = {}
    for folder in words.places:
        compared(folder, locator, words, found)
    for (severity, name), parts in sorted(found.items(), key=lambda each: each[0][0]):
        print(f"{severity:<5g} {name:37s} {shown(parts)}")


if __name__ == "__main__":
    main()
