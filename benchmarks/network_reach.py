"""What a network that goes on beyond the tile changes in reports, next to the island that ends at its edge.

    python benchmarks/network_reach.py [OUT] [--styles european-core,perimeter-blocks] [--reach 1500] [--ues 150]

Each style is built and traced twice as OUT/STYLE-REACH (512 m, 4 m, depth 1, no diffraction), with the same sites in
the tile; phones walk and drive in one world of severity 0.5. Printed are distances to heard cells, cells in a report,
the serving cell's SINR, the interference over the noise that its SINR and RSRP say, and what the place costs: to build
and trace, on disk, and in memory and processor time of a step of training.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from torch import Tensor

from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.rasters import evidence_rasters
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.location_network import LocationNetwork
from raylocus.network.channel.world_channel import WorldChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.maps.path_loss import heard_cells
from raylocus.propagation.maps.radio_maps import NOISE_FIGURE_DB
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import world_radio_maps
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.scenes.build import build_place
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.deployment import DeploymentConfiguration
from raylocus.scenes.world import WorldLaw, sample_world
from raylocus.units import noise_per_resource_element

TRACE = TraceConfiguration(depth=1, diffraction=False)


def place_of(folder: Path, style: str, reach: float) -> TracedPlace:
    scene = SceneConfiguration(resolution=4.0, seed=1, deployment=DeploymentConfiguration(reach=reach))
    build_place(f"procedural:{style}", folder, scene, heard_cells)
    return trace_place(folder, TRACE, maps=RadioMapConfiguration(layers=()))


def reports_of(place: TracedPlace, ues: int) -> Reports:
    world = sample_world(place.deployment, WorldLaw(severity=0.5), np.random.default_rng(0))
    walked = sample_trajectories(place.geometry_maps, ues, MobilityConfiguration(), np.random.default_rng(1))
    channel = WorldChannel(place, world_radio_maps(place, world), world)
    return observe(channel, walked, NetworkConfiguration(), seed=2)


def row(name: str, values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    return f"  {name:38s}" + " / ".join(f"{value:.1f}" for value in np.percentile(known, (10, 50, 90)))


def describe(place: TracedPlace, reports: Reports) -> list[str]:
    deployment = place.deployment
    whole = reports.beam < 0
    order = np.argsort(deployment.pcis, kind="stable")  # no PCI is used twice
    cell = order[np.searchsorted(deployment.pcis, reports.pci[whole], sorter=order)]
    site = deployment.site_positions[deployment.site_of_cell[cell]]
    position = reports.position[reports.report_of_token[whole]]
    distance = np.linalg.norm(site - position, axis=1)
    serving = reports.serving[whole]
    columns = {name: reports.features[whole][:, index] for index, name in enumerate(reports.feature_names)}
    noise = noise_per_resource_element(deployment.carrier.numerology, NOISE_FIGURE_DB)
    # SINR = RSRP − 10·log(noise + interference), so their difference is both together.
    rise = columns["rsrp"] - columns["sinr"] - noise
    outside = ~place.tile.contains(site)
    cells = np.bincount(reports.report_of_token[whole], minlength=len(reports.token_offsets) - 1)
    return [
        f"  {len(deployment.sites)} sites, {len(deployment.cells)} cells; reports {len(cells)}",
        row("distance to a heard cell [m]", distance),
        row("distance to the serving cell [m]", distance[serving]),
        f"  heard cells outside the tile          {outside.mean():.1%}, serving {outside[serving].mean():.1%}",
        row("cells in a report", cells.astype(float)),
        row("serving SINR [dB]", columns["sinr"][serving]),
        row("interference and noise over noise [dB]", rise[serving]),
    ]


def training_cost(place: TracedPlace, reports: Reports) -> str:
    """What the network holds of a place, and a step of training of it with 16 phones."""
    network = LocationNetwork(LocationNetworkConfiguration())
    maps = place_maps(place)
    rasters = evidence_rasters(maps)
    tensors = [each for part in (maps, rasters) for each in vars(part).values() if isinstance(each, Tensor)]
    held = sum(each.numel() * each.element_size() for each in tensors) / 2**20
    sequences = sequence_tensors(reports.select(np.arange(16)), place.deployment)
    spent = []
    for _ in range(3):
        began = time.process_time()
        prediction = network(sequences, network.encode_place(maps, rasters)).prediction
        (-prediction.log_mass).mean().backward()
        spent.append(time.process_time() - began)
    return f"  held of the place {held:.0f} MiB, a step of training {min(spent):.2f} s of processor time"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, nargs="?", default=Path("build/network_reach"))
    parser.add_argument("--styles", default="european-core,perimeter-blocks")
    parser.add_argument("--reach", type=float, default=1500.0)
    parser.add_argument("--ues", type=int, default=150)
    given = parser.parse_args()
    for style in given.styles.split(","):
        for reach in (0.0, given.reach):
            began, folder = time.process_time(), given.out / f"{style}-{reach:.0f}"
            place = place_of(folder, style, reach)
            spent = time.process_time() - began
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20
            print(
                f"{style}, reach {reach:g} m: {spent:.0f} s of processor time, {size:.0f} MiB (10 / 50 / 90 %)"
            )
            reports = reports_of(place, given.ues)
            print("\n".join([*describe(place, reports), training_cost(place, reports)]), flush=True)


if __name__ == "__main__":
    main()
