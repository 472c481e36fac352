"""What delay spread and CQI of the serving cell add to the answers by the maps, and how far they lie from the maps.

    python benchmarks/serving_cell_evidence.py DATASET [--phones 15] [--model CKPT]

A dataset whose reports have `delay_spread` and `cqi`, such as of `network: {feature_set: all}`. For each severity:

* "law": of all reports, the logarithm of the delay spread less the map's at the truth, and the middle of the CQI's
  SINRs less the map's [dB]: median, robust spread (1.48 × the median deviation) and standard deviation.
* "gain": nats by which the truth is more likely where the feature is used, and the standard error of their mean. The
  reports have the critical features and those named, of all cells ("all"), of the serving cell alone ("serving"), or of
  that cell only RSRP and RSRQ ("level").
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.evaluation.evaluation import negative_log_likelihood
from raylocus.inference.locator import Locator
from raylocus.models.inputs.delay_spread import log_delay_spread
from raylocus.models.inputs.nominal_maps import NominalMaps, nominal_maps
from raylocus.models.posterior import posterior_of
from raylocus.network.reports.features import CRITICAL
from raylocus.network.reports.reports import Reports, without_features
from raylocus.network.reports.token_cells import token_cells

FEATURES = ("delay_spread", "cqi")
#: Features that reports go without, and whether they have the serving cell alone.
GIVEN: dict[str, tuple[tuple[str, ...], bool]] = {
    "all": ((), False),
    "serving": ((), True),
    "level": (("sinr", "l1_rsrp", "timing_advance"), True),
}
ADDED = ((), ("delay_spread",), ("cqi",), FEATURES)


def worlds(dataset: ReportDataset, phones: int) -> Iterator[tuple[float, Reports, NominalMaps]]:
    """Severity, phones and maps of each world."""
    places: dict[int, NominalMaps] = {}
    for world in np.unique(dataset.world_index):
        part = dataset.select(dataset.world_index == world)
        index = int(part.place_index[0])
        places.setdefault(index, nominal_maps(dataset.place(index)))
        reports = part.reports.select(np.arange(min(phones, len(part.reports))))
        yield dataset.worlds[world].law.severity, reports, places[index]


def deviations(reports: Reports, place: NominalMaps) -> Float[np.ndarray, "report 2"]:
    """Logarithm of delay spread and SINR of CQI of each serving cell, less the maps'; NaN where there is no path."""
    own = np.flatnonzero(reports.serving & (reports.beam < 0))
    cell = token_cells(reports, place.deployment)[own]
    ground = place.tile.index(reports.position[reports.report_of_token[own]])
    row, column = np.divmod(ground, place.tile.count)
    spread, index = (reports.features[own, reports.feature_names.index(name)] for name in FEATURES)
    mapped = place.delay_spread[place.deployment.site_of_cell[cell], row, column]
    longer = [log_delay_spread(torch.from_numpy(each)).numpy() for each in (spread, mapped)]
    middle = (place.cqi_sinr[:, 1:] + place.cqi_sinr[:, :-1])[cell] / 2
    known = (index > 0) & (index < middle.shape[1] + 1)
    sinr = middle[np.arange(len(own)), np.where(known, index - 1, 0).astype(int)]
    sinr = np.where(known, sinr, np.nan) - place.sinr[cell, row, column]
    return np.column_stack([longer[0] - longer[1], sinr])


def given_reports(reports: Reports, given: str, added: tuple[str, ...]) -> Reports:
    """The reports with the features of one row of the table."""
    lacking, alone = GIVEN[given]
    kept = set(CRITICAL) - set(lacking) | set(added)
    found = without_features(reports, [name for name in reports.feature_names if name not in kept])
    return found.select_tokens(found.serving) if alone else found


def likelihoods(
    locator: Locator, reports: Reports, place: NominalMaps, given: str
) -> Float[np.ndarray, "added phone"]:
    """−ln density of each phone's truth by the maps, for each of `ADDED`."""
    truth = reports.position[reports.last_report, :2]
    found = []
    for added in ADDED:
        density, _ = locator.on_maps(given_reports(reports, given, added), place)
        found.append(negative_log_likelihood(posterior_of(place.tile, density.numpy(), truth), truth))
    return np.stack(found)


def law_line(name: str, off: Float[np.ndarray, " report"]) -> str:
    """Median, robust spread and standard deviation of what is not NaN."""
    off = off[np.isfinite(off)]
    robust = 1.4826 * np.median(np.abs(off - np.median(off)))
    return f"  law  {name:14s} {len(off):6d} reports  {np.median(off):7.2f} {robust:7.2f} {off.std():7.2f}"


def gain_line(given: str, added: tuple[str, ...], gain: Float[np.ndarray, " phone"], base: float) -> str:
    error = gain.std() / np.sqrt(len(gain))
    return f"  gain {given:8s} {' and '.join(added):22s} {gain.mean():7.3f} ± {error:.3f} of {base:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--phones", type=int, default=15, help="of each world at most")
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    locator = Locator.load(arguments.model) if arguments.model else Locator.pretrained()
    observed = list(worlds(open_report_dataset(arguments.dataset), arguments.phones))
    for severity in sorted({severity for severity, _, _ in observed}):
        own = [each[1:] for each in observed if each[0] == severity]
        print(f"severity {severity:g}, {sum(len(reports) for reports, _ in own)} phones", flush=True)
        off = np.concatenate([deviations(reports, place) for reports, place in own])
        for name, column in zip(FEATURES, off.T, strict=True):
            print(law_line(name, column))
        for given in GIVEN:
            nll = np.concatenate([likelihoods(locator, *each, given) for each in own], axis=1)
            for added, other in zip(ADDED[1:], nll[1:], strict=True):
                print(gain_line(given, added, nll[0] - other, nll[0].mean()), flush=True)


if __name__ == "__main__":
    main()
