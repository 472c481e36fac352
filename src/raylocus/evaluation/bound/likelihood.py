"""p(a sequence's reports | hypothesised way): levels, beams, angles, times and silence, worlds integrated out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from raylocus.evaluation.bound.angles import AngleLaw
from raylocus.evaluation.bound.arrivals import ArrivalLaw
from raylocus.evaluation.bound.beams import BeamLaw
from raylocus.evaluation.bound.ensemble import Ensemble
from raylocus.evaluation.bound.levels import LevelFit, LevelLaw, ResidualLaw
from raylocus.evaluation.bound.silence import SilenceLaw
from raylocus.evaluation.bound.tokens import SequenceTokens
from raylocus.evaluation.bound.tracks import way_error
from raylocus.network.configuration import MapTiming, NetworkConfiguration
from raylocus.scenes.sites import Carrier
from raylocus.scenes.world import WorldLaw
from raylocus.units import timing_advance_step

#: Floor of the probability of a timing advance: what rules a place out is never one number.
ADVANCE_FLOOR = 1e-5
#: Correlation distance of what an outdated map errs by [m], and its correlation between cells of a site: measured on
#: nine draws each of three generated towns.
MAP_DISTANCE, MAP_SHARED_BY_SITE = 15.0, 0.5
#: Places, and ways, this far below the likeliest [nats] by levels and timing are not looked at any closer.
NEGLIGIBLE = 18.0


@dataclass(frozen=True)
class LastReport:
    """What the last report says of every place on its own."""

    log_density: Float[Tensor, " ground"]
    """Of its levels, beams and timing advance; −inf where negligible."""
    silence: Float[Tensor, " ground"]
    """ln probability of what it says without a level, see `SilenceLaw`."""


@dataclass(frozen=True)
class SequenceLikelihood:
    """The law of reports given where the UE was."""

    ensemble: Ensemble
    levels: LevelLaw
    beams: BeamLaw
    arrivals: ArrivalLaw
    silence: SilenceLaw
    network: NetworkConfiguration
    """At the severity of the worlds."""
    carrier: Carrier

    @classmethod
    def of(
        cls,
        ensemble: Ensemble,
        law: WorldLaw,
        network: NetworkConfiguration,
        mismatch_db: float,
        carrier: Carrier,
        angles: AngleLaw | None = None,
    ) -> SequenceLikelihood:
        """The law of an ensemble's worlds, `mismatch_db` the lasting error of its beams."""
        offset = float(np.hypot(law.severity * law.level_offset_db, network.device_bias_db))
        turned = law.turned_share * law.severity
        levels = LevelLaw(ResidualLaw.of(law), max(offset, 0.1), turned)
        return cls(
            ensemble,
            levels,
            BeamLaw(ensemble, network.beam_noise_db, mismatch_db, turned, angles),
            ArrivalLaw.of(ensemble.delay, ensemble.grid),
            SilenceLaw(ensemble, levels.residual, network, carrier),
            network,
            carrier,
        )

    def of_last(self, tokens: SequenceTokens, ground: Int[Tensor, " place"]) -> LastReport:
        """The last report at some places; all others are impossible."""
        final = len(tokens.ago) - 1
        certain = torch.zeros(len(ground), final + 1)
        fit = self.of_levels(tokens, ground[:, None].expand(-1, final + 1), tokens.last_tokens, certain)
        density = fit.log_density + self.of_advances(tokens, ground[:, None], tokens.advance_report == final)
        density += self.arrivals.of_last(tokens.times, ground)
        near = torch.nonzero(density > density.max() - NEGLIGIBLE)[:, 0]
        ways = ground[near][:, None].expand(-1, final + 1)
        density[near] += self.beams.log_density(tokens, ways, torch.arange(final + 1) == final, certain[near])
        whole = torch.full((2, self.ensemble.rsrp.shape[1]), -torch.inf)
        whole[0, ground[near]] = density[near]
        whole[1, ground[near]] = self.silence.log_probability(tokens, ground[near], fit, near)
        return LastReport(whole[0], whole[1])

    def of_ways(
        self, tokens: SequenceTokens, cells: Int[Tensor, "way report"], odds: Float[Tensor, " way"]
    ) -> Float[Tensor, " way"]:
        """ln density of levels, beams and timing advances of all reports that are used.

        −∞ where beams are not looked at: with the `odds` [nats] of each way otherwise, levels and timing say enough.
        """
        error = way_error(cells)
        # Of who stays, levels of one cell repeat each other.
        every = torch.arange(len(tokens.level))
        unlike, repeats = (every, None) if error.any() else tokens.repeated
        density = self.of_levels(tokens, cells, unlike, error, repeats).log_density
        density += self.of_advances(
            tokens, cells[:, tokens.advance_report], torch.ones(len(tokens.advance), dtype=torch.bool)
        )
        density += self.arrivals.of_ways(tokens.times, cells, (error > 0).any(dim=1))
        known = density + odds
        near = torch.nonzero(known > known.max() - NEGLIGIBLE)[:, 0]
        used = torch.ones(len(tokens.ago), dtype=torch.bool)
        whole = torch.full_like(density, -torch.inf)
        whole[near] = density[near] + self.beams.log_density(tokens, cells[near], used, error[near])
        return whole

    def of_levels(
        self,
        tokens: SequenceTokens,
        cells: Int[Tensor, "way report"],
        which: Int[Tensor, " used"],
        error: Float[Tensor, "way report"],
        repeats: Int[Tensor, " token"] | None = None,
    ) -> LevelFit:
        """ln density of some of the levels at the places of each report, and the offset common to them [dB].

        `error` is the variance of what a way leaves open of a level [dB²]. Of ways that stay it may be that of all
        levels: `repeats` says which of some each one repeats.
        """
        cell, site, report = tokens.level_cell[which], tokens.level_site[which], tokens.level_report[which]
        residual, of_map = self.levels.residual, None
        mapped, varied = self.ensemble.level_at(cell, cells[:, report], residual.own_variance)
        if len(self.ensemble.delay) > 1:
            same_site, same_cell = ((each[:, None] == each).float() for each in (site, cell))
            alike = MAP_SHARED_BY_SITE * same_site + (1 - MAP_SHARED_BY_SITE) * same_cell
            spread = self.ensemble.map_spread[cell, cells[:, report]]
            fades = self._fades(cells, report, MAP_DISTANCE)
            of_map = fades * alike * spread[:, :, None] * spread[:, None, :]
        shared = self._fades(cells, report, residual.distance).mul_(residual.shared(cell, site, cell, site))
        if repeats is None:
            noise = tokens.noise[which] + error[:, report]
            return self.levels.fit(tokens.level[which] - mapped, varied, noise, shared, cell, of_map)
        noise = tokens.noise.expand(len(cells), -1)
        return self.levels.fit(
            tokens.level - mapped[:, repeats], varied, noise, shared, cell, of_map, repeats
        )

    def _fades(
        self, cells: Int[Tensor, "way report"], report: Int[Tensor, " token"], distance: float
    ) -> Float[Tensor, "way token token"]:
        """Correlation of what fades over a distance [m], between the reports' places."""
        used = report.unique()
        places = torch.from_numpy(self.ensemble.grid.centres.astype(np.float32))[cells[:, used]]
        at = torch.searchsorted(used, report)
        between = torch.exp(-torch.cdist(places, places) / distance)
        return between.index_select(2, at).index_select(1, at)

    def of_advances(
        self, tokens: SequenceTokens, cells: Int[Tensor, "way _"], used: Bool[Tensor, " timed"]
    ) -> Float[Tensor, " way"]:
        """ln probability of each T_A: the delay and its Gaussian error fall into the bin that was reported.

        Delays are those of one of the places that may stand there, the same in all reports.
        """
        step, timing = timing_advance_step(self.carrier.numerology), self.network.timing
        assert isinstance(timing, MapTiming), "references refuse another law"
        spread = max(2 * timing.noise / step, 1e-3)
        delay = self.ensemble.delay[:, tokens.advance_site[used], cells] * (2 / step)
        off = tokens.advance[used] - delay
        inside = torch.special.ndtr((off + 0.5) / spread) - torch.special.ndtr((off - 0.5) / spread)
        by_place = torch.log(torch.nan_to_num(inside) + ADVANCE_FLOOR).sum(dim=2)
        return torch.logsumexp(by_place, dim=0) - math.log(len(by_place))
