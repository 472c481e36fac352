"""Do no harm: phones of networks that another simulator made, located in an area without its maps and with them.

    python benchmarks/foreign_networks.py OUT [EXTRACT...] [--networks 4] [--phones 40] [--seed 1]

Nothing of what raylocus trains on makes these reports. Each extract of OpenStreetMap (of a folder all, of none two
generated towns) is built twice, with other heights where none are mapped: as the world, whose walls are of other
materials and whose paths are those of Sionna's PathSolver (three reflections, diffraction), and as an area from a list
of its sites, each 15 to 30 m off, which is traced and is all that is known. To the paths comes power over the roofs by
TR 36.942. In each network antennas look 10 to 30° elsewhere than is listed, patterns are smeared and end 8 to 15 dB
below their maximum, all levels are −20 to +30 dB off and each cell's by 4 dB, trees take 0.3 dB a metre, shadowing is
correlated with 6 to 9 dB, and reports name the strongest one to three cells without timing. They are written as CSV
and imported by `raylocus reports import`. Printed are errors, next to serving site and centroid, what 90 % regions
hold, and of all networks errors over the centroid's.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from extracts import extracts
from foreign_world import Network, SiteLinks, reported, world_of

from raylocus.cli import reports_import
from raylocus.evaluation.area_scores import AreaScores, bootstrap, score_in_area
from raylocus.execution.task import ThisProcess
from raylocus.inference.answering import NetworkAnswers, answering_by
from raylocus.inference.area_windows import WindowLocator
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.reports.report_files import checked_reports
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.maps.path_loss import heard_cells
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_area
from raylocus.scenes.area import is_area
from raylocus.scenes.build import build_source
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
from raylocus.scenes.place import Place
from raylocus.scenes.site_files import SiteFile

#: Side of the generated towns [m]: more than one tile, so that an area is built of them.
TOWN_SIDE = 768.0
TRACE = TraceConfiguration(depth=3, diffraction=False, dynamic_range_db=30.0)
MOVEMENT = MobilityConfiguration(fewest_reports=4, most_reports=8, report_intervals=(1.0, 2.0, 5.0))
#: NR-ARFCN of the carrier.
CHANNEL = 633_334
COLUMNS = {
    "time": "time", "device": "phone", "technology": {"value": "NR"}, "channel": {"value": CHANNEL}, "pci": "pci",
    "rsrp": "rsrp", "serving": "serving", "latitude": "latitude", "longitude": "longitude",
}  # fmt: skip


def list_sites(world: Place, path: Path, generator: np.random.Generator) -> SiteFile:
    """A planner's list of the world's network, each site 15 to 30 m off."""
    deployment = world.deployment
    angle = generator.uniform(0, 2 * np.pi, len(deployment.sites))
    off = generator.uniform(15, 30, len(angle))[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    latitude, longitude = world.frame.to_wgs84(deployment.site_positions[:, :2] + off)
    height = deployment.site_positions[:, 2] - world.geometry_maps["terrain"].values.mean()
    rows = [
        {
            "site": deployment.sites[cell.site].name, "technology": "NR", "latitude": latitude[cell.site],
            "longitude": longitude[cell.site], "height (m)": height[cell.site].round(1), "pci": cell.pci,
            "azimuth (deg)": np.rad2deg(np.pi / 2 - cell.azimuth) % 360, "arfcn": CHANNEL,
            "tilt (deg)": np.rad2deg(cell.downtilt), "power (dBm)": cell.power_dbm,
        }
        for cell in deployment.cells
    ]  # fmt: skip
    write_table(path, rows)
    return SiteFile(path)


def write_table(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def imported(rows: list[dict[str, object]], area: Path, name: str) -> Reports:
    """The rows written as CSV and read by `raylocus reports import`."""
    table, columns, out = (area.with_name(f"{name}.{ending}") for ending in ("csv", "yaml", "zarr"))
    write_table(table, rows)
    columns.write_text(yaml.safe_dump(COLUMNS))
    words = [table, "--place", area, "--columns", columns, "--out", out]
    with contextlib.redirect_stdout(io.StringIO()):
        reports_import.run_reports_import([*map(str, words)])
    return checked_reports(out).reports


def area_of(source: Path, folder: Path, sites: SiteFile, seed: int) -> NetworkAnswers:
    """What is known: the extract and the list, traced."""
    if not is_area(folder):
        scene = SceneConfiguration(resolution=4.0, seed=seed, sites=sites)
        build_source(str(source), folder, (scene, AreaConfiguration(reach=600.0)), heard_cells)
    trace_area(folder, TRACE, RadioMapConfiguration(layers=()), ThisProcess(), (silent, silent))
    answering = answering_by(folder, None)
    assert isinstance(answering, NetworkAnswers)
    return answering


def silent(done: int, total: int) -> None:
    """Says nothing."""


@dataclass(frozen=True)
class Foreign:
    """Networks of one extract, and what is known of them."""

    area: NetworkAnswers
    sites: SiteFile
    reports: list[Reports]


def foreign(source: Path, folder: Path, name: str, given: argparse.Namespace) -> Foreign:
    """Networks of an extract, drawn by its name; the folder keeps world, area and reports, once all are made."""
    world = world_of(source, folder / "world", given.seed)
    generator = np.random.default_rng([given.seed, *name.encode()])
    sites = list_sites(world, folder / "sites.csv", generator)
    area = area_of(source, folder / "area", sites, given.seed)
    kept = [folder / f"network-{number}.zarr" for number in range(given.networks)]
    if all(path.exists() for path in kept):
        return Foreign(area, sites, [checked_reports(path).reports for path in kept])
    walks = [
        sample_trajectories(world.geometry_maps, given.phones, MOVEMENT, generator)
        for _ in range(given.networks)
    ]
    points = np.concatenate([walk.position for walk in walks])
    links = [SiteLinks.of(world, site, points) for site in world.deployment.site_positions]
    start = 0
    reports = []
    for path, walked in zip(kept, walks, strict=True):
        own = slice(start, start := start + len(walked.position))
        network = Network.drawn(world, generator)
        rows = reported(world, [each.at(own) for each in links], network, walked, generator)
        reports.append(imported(rows, folder / "area", path.stem))
    return Foreign(area, sites, reports)


def scored(source: Path, folder: Path, given: argparse.Namespace) -> dict[str, list[AreaScores]]:
    """Scores of each network of an extract, by what was known."""
    networks = foreign(source, folder, source.name, given)
    area = networks.area
    assert isinstance(area.method, WindowLocator)
    found: dict[str, list[AreaScores]] = {"sites alone": [], "traced maps": []}
    for number, reports in enumerate(networks.reports):
        for name, method in (("sites alone", area.method.first), ("traced maps", area.method)):
            found[name].append(score_in_area(method, reports, area.deployment))
        fit = area.answers(reports).fixes[0].fit
        tell(
            f"{source.parent.name}, network {number + 1} (fit {fit:.2f})",
            {name: scores[-1:] for name, scores in found.items()},
        )
    return found


def tell(title: str, found: dict[str, list[AreaScores]]) -> None:
    """Percentiles of the errors, what 90 % regions hold, and −ln of the density at the truth."""
    every = {name: AreaScores.concatenate(scores) for name, scores in found.items()}
    first = next(iter(every.values()))
    errors = {name: next(iter(each.errors.values())) for name, each in every.items()}
    errors |= {name: each for name, each in itertools.islice(first.errors.items(), 1, None)}
    print(f"{title}: {len(first.heard)} phones, {first.heard.mean():.1f} cells a report")
    for name, error in errors.items():
        p50, p90 = np.percentile(error, (50, 90))
        held = (
            f"  90 % region holds {every[name].covered(0.9):4.0%}, radius {np.median(every[name].radius):4.0f} m, "
            f"{-every[name].log_density.mean():.2f} nats per m²"
            if name in every
            else ""
        )
        print(f"  {name:14} p50 {p50:5.0f} m  p90 {p90:5.0f} m{held}", flush=True)


def over_centroid(scores: AreaScores, percent: float) -> str:
    """A percentile of the method's errors over the RSRP centroid's, with its 90 % interval."""
    both = np.stack([next(iter(scores.errors.values())), scores.errors["RSRP centroid"]])

    def ratio(kept: np.ndarray) -> np.ndarray:
        own, centroid = np.percentile(both[:, kept], percent, axis=1)
        return np.array([own / centroid])

    low, high = bootstrap(scores, ratio, np.random.default_rng(1))
    return f"{ratio(np.arange(both.shape[1]))[0]:.2f} ({low[0]:.2f}–{high[0]:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("extracts", nargs="*", type=Path)
    for name, count in (("networks", 4), ("phones", 40), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=count)
    given = parser.parse_args()
    every: dict[str, list[AreaScores]] = {}
    with extracts(given.extracts, TOWN_SIDE) as sources:
        for source in sources:
            folder = given.out / source.parent.name
            folder.mkdir(parents=True, exist_ok=True)
            for name, scores in scored(source, folder, given).items():
                every[name] = every.get(name, []) + scores
    tell("all", every)
    by_maps = AreaScores.concatenate(every["traced maps"])
    for percent in (50, 90):
        print(f"p{percent} with traced maps over the RSRP centroid's: {over_centroid(by_maps, percent)}")


if __name__ == "__main__":
    main()
