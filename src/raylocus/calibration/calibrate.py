"""Calibrates one carrier of a place by all reports there are: those of known position, those of unknown, or both."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from raylocus.calibration.blind_turns import BlindTurns
from raylocus.calibration.labelled_calibration import (
    CalibrationLaw,
    GroupScore,
    LabelledCalibration,
    calibrate_labelled,
    with_honest_deviations,
)
from raylocus.calibration.labelled_fit import Posterior, climb
from raylocus.calibration.labelled_model import NoiseLaw
from raylocus.calibration.measured import Measured, is_enough, measured_at
from raylocus.calibration.parameters import Prior
from raylocus.calibration.unlabelled_fit import ASKED, UnlabelledCalibration, calibrate_unlabelled
from raylocus.calibration.unlabelled_model import MarginalModel, of_errors
from raylocus.calibration.unlabelled_reports import FEWEST_REPORTS, UnlabelledReports, unlabelled_reports
from raylocus.errors import InputError
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace


@dataclass(frozen=True)
class Calibration:
    """What reports say of one carrier of a place."""

    posterior: Posterior
    noise: NoiseLaw
    prior: Prior
    kept: tuple[str, ...]
    """Groups of values that were fitted."""
    scores: tuple[GroupScore, ...]
    """What held-out blocks said of them."""
    labelled: LabelledCalibration | None
    """By the reports of known position alone."""
    unlabelled: UnlabelledCalibration | None
    """By those of unknown position alone."""
    notes: tuple[str, ...]


def calibrate(reports: Reports, place: TracedPlace, law: CalibrationLaw) -> Calibration:
    """MAP of antennas, levels and errors; the log-likelihoods of both kinds of reports add up.

    Args:
        reports: of any origin; sequences without any position count as of unknown position.
        place: of one carrier, traced.
        law: priors.

    Raises:
        InputError: there is too little to say anything.
        PlaceError: the place has none of the reports' cells.
    """
    positioned = ~np.isnan(reports.position[:, 0])
    blind = np.bincount(reports.sequence_of_report, weights=positioned, minlength=len(reports)) == 0
    measured = measured_at(reports, place, law.network)
    others = unlabelled_reports(reports.select(blind), place, law.network) if _enough(blind) else None
    if not is_enough(measured) and others is None:
        why = f" ({'; '.join(measured.notes)})" if measured.notes else ""
        raise InputError(
            f"{measured.points} usable reports of known position with {len(measured.heard.level)} levels, and "
            f"{int(blind.sum())} sequences without positions, are too few to calibrate by{why}"
        )
    if not is_enough(measured):
        assert others is not None
        return _by_unlabelled(others, place, law, measured)
    found = calibrate_labelled(measured, place, law)
    return _with_labelled(found, others, place, law, measured)


def _enough(blind: np.ndarray) -> bool:
    return int(blind.sum()) >= FEWEST_REPORTS


def _by_unlabelled(
    reports: UnlabelledReports, place: TracedPlace, law: CalibrationLaw, measured: Measured
) -> Calibration:
    """Levels first, then azimuths, then levels again with these."""
    prior, noise = law.prior(len(place.deployment.cells)), law.noise()
    first = calibrate_unlabelled(reports, place, law)
    turned, size, azimuth = first.values.copy(), prior.layout.size, prior.layout.index("azimuth")
    azimuths = BlindTurns(reports, place, law, first.values).azimuths()
    turned[azimuth] = azimuths.error
    found = calibrate_unlabelled(reports, place, law, turned)
    covariance, free = found.covariance[:size, :size].copy(), np.zeros(size, bool)
    for name in (*ASKED, "azimuth"):
        free[prior.layout.index(name)] = True
    covariance[azimuth, azimuth] = np.diag(azimuths.deviation**2)
    posterior = Posterior(found.values[:size], found.loss, covariance, free)
    fitted = dataclasses.replace(noise, levels=found.law, dropout=found.dropout)
    kept = ("level", "floor", "azimuth")
    return Calibration(posterior, fitted, prior, kept, (), None, found, measured.notes)


def _with_labelled(
    found: LabelledCalibration,
    others: UnlabelledReports | None,
    place: TracedPlace,
    law: CalibrationLaw,
    measured: Measured,
) -> Calibration:
    kept = ("level", *(each.group for each in found.groups if each.kept))
    if others is None:
        return Calibration(
            found.posterior, found.noise, found.prior, kept, found.groups, found, None, measured.notes
        )
    noise, values = found.noise, found.posterior.values
    begin = np.append(values, of_errors(noise.levels.scale, noise.dropout))
    by_others = calibrate_unlabelled(others, place, law, begin)
    marginal = MarginalModel(others, place, law, values).under(noise.levels.scale, by_others.dropout)
    both = (found.model.under(noise), marginal)
    climbed = climb(both, found.prior, found.posterior.free, values)
    posterior = with_honest_deviations(climbed, found.prior.layout, law.world)
    return Calibration(posterior, noise, found.prior, kept, found.groups, found, by_others, measured.notes)
