"""What bounds a calibration by known positions: errors that are left where more of the world is known."""

from __future__ import annotations

import dataclasses

import numpy as np
from calibration_trials import Trial, level_deviation, true_values

from raylocus.calibration.calibrate import Calibration
from raylocus.calibration.error_law import ErrorLaw
from raylocus.calibration.labelled_calibration import CalibrationLaw
from raylocus.calibration.labelled_fit import climb
from raylocus.calibration.labelled_model import LabelledModel, NoiseLaw
from raylocus.calibration.measured import Heard, Measured, measured_at
from raylocus.calibration.parts_of_ground import restricted, spread_out
from raylocus.calibration.severity import (
    DISTANCES,
    EVIDENCE,
    SEVERITIES,
    Severity,
    over_distances,
    severity_of,
)
from raylocus.calibration.silence import silence_distance
from raylocus.propagation.maps.world_maps import world_radio_maps

#: Half of Gaussian errors are below so many standard deviations.
HALF = 0.6745


def bounds(one: Trial, found: Calibration, law: CalibrationLaw, severity: float) -> dict[str, np.ndarray]:
    """Errors of levels where all else of the world is known, the law of its errors included; none without positions.

    And the same where each report names every cell without noise, which no estimate that is given less is nearer than
    in the mean; and the severity where the antennas are known.
    """
    if found.labelled is None:
        return {}
    layout, known = found.prior.layout, severity_of_known(one, found.labelled.model, law)
    out = {
        "level, expected": HALF * level_deviation(found.labelled.posterior, layout),
        "severity, antennas known": np.array(known.value - severity),
        "severity, antennas known, in 90": np.array(known.low <= severity <= known.high),
    }
    truth, free = true_values(one, layout), layout.mask(("level",))
    free[layout.index("scatter")] = False
    every = LabelledModel(every_cell_heard(one), one.place)
    for name, model in (("all else known", found.labelled.model), ("all else known and heard", every)):
        best = climb((model.under(law.noise()),), found.prior, free, truth)
        level = (best.values - truth)[layout.index("level")] + best.values[layout.index("common")]
        out[f"level, {name}"] = np.abs(level)
        out[f"level, {name}, expected"] = HALF * level_deviation(best, layout)
    return out


def severity_of_known(one: Trial, model: LabelledModel, law: CalibrationLaw) -> Severity:
    """The severity by the errors about the true antennas and levels."""
    levels, evidence = (
        model.modelled(true_values(one, model.layout)),
        np.empty((len(SEVERITIES), len(DISTANCES))),
    )
    for row, each in enumerate(SEVERITIES.tolist()):
        for column, distance in enumerate((law.world.residual_distance * DISTANCES).tolist()):
            world = dataclasses.replace(law.world, severity=each, residual_distance=distance)
            errors = model.under(NoiseLaw(ErrorLaw.of(world), dropout=None))
            evidence[row, column] = -errors.objective_of(levels).loss
    return severity_of(EVIDENCE * over_distances(evidence))


def every_cell_heard(one: Trial) -> Measured:
    """The true level of every cell where the tagged reports were made, and nothing else."""
    measured = measured_at(one.tagged, one.place)
    apart = spread_out(measured, one.place.tile, silence_distance(CalibrationLaw().noise().levels))
    ground = np.unique(np.concatenate([apart.heard.ground, apart.silent.ground]))
    maps = world_radio_maps(one.place, one.world)["rsrp"].values.reshape(len(one.place.deployment.cells), -1)
    cell, where = (each.ravel() for each in np.meshgrid(np.arange(len(maps)), ground, indexing="ij"))
    alone = restricted(measured, ground[:0], inside=True)
    heard = Heard(where, cell, np.ones(len(cell)), maps[cell, where].astype(float), np.zeros(len(cell)))
    return dataclasses.replace(alone, heard=heard)
