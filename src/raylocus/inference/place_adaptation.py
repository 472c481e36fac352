"""Adapts a locator for traced maps to one place: what its regions truly hold, by reports of known position."""

from __future__ import annotations

import dataclasses

import numpy as np

from raylocus.errors import InputError
from raylocus.evaluation.metrics import REGIONS, horizontal_errors, region_ranks
from raylocus.inference.locator import Locator
from raylocus.models.checkpoint import TrainedNetwork
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.regions import conformal_regions
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import known_reports
from raylocus.provenance import Provenance
from raylocus.scenes.networks import deployment_digest
from raylocus.training.adapt.area import require_agreement, require_enough


@dataclasses.dataclass(frozen=True)
class AdaptedToPlace:
    """A network whose regions are those of a place, and what its tags said."""

    trained: TrainedNetwork
    lines: tuple[str, ...]


def adapt_to_place(trained: TrainedNetwork, reports: Reports, place: MappedPlace) -> AdaptedToPlace:
    """Regions by conformal prediction; weights stay, for maps are fitted by `raylocus calibrate fit`.

    Args:
        trained: the network, not yet adapted. No tag was seen by it, so that all of them can be asked.
        reports: one stream, some of whose last reports have a position.
        place: where they were made; no map that was calibrated by the same reports.

    Raises:
        InputError: there are too few tags, or most of them lie where their reports cannot have been made.
        PlaceError: the place has none of their cells.
    """
    if trained.calibration.network:
        raise InputError("this checkpoint is adapted already; adapt the one it was made from, with all tags")
    truth = reports.position[reports.last_report, :2]
    tagged = known_reports(reports, place.deployment).hears & place.tile.contains(
        np.nan_to_num(truth, nan=np.inf)
    )
    require_enough(int(tagged.sum()))
    posterior = Locator(trained).posterior(reports.select(tagged), place)
    denser, tied = region_ranks(posterior, truth[tagged])
    rank = denser + tied / 2
    require_agreement(rank)
    calibration = dataclasses.replace(
        trained.calibration, regions=conformal_regions(rank), network=deployment_digest(place.deployment)
    )
    error = np.median(horizontal_errors(posterior.mean, truth[tagged]))
    held = ", ".join(f"{np.mean(rank <= mass):.0%}" for mass in REGIONS)
    stated = ", ".join(f"{mass:.0%}" for mass in calibration.regions.nominal)
    made = Provenance.collect({"adapted": trained.provenance.digest, "tags": len(rank)})
    return AdaptedToPlace(
        TrainedNetwork(trained.network, calibration, made),
        (
            f"{len(rank)} reports of known position, located to {error:.0f} m (median)",
            f"regions of 50, 90 and 95 % held {held} of them, and are now what the network calls {stated}",
        ),
    )
