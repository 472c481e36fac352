"""Complete reports per second, beside the straight Sionna way; and the ToA detector beside its bound.

    python benchmarks/network_stack.py speed PLACE [--ues 200] [--straight 20]
    python benchmarks/network_stack.py toa OUT.png
    python benchmarks/network_stack.py statistics PLACE OUT.png

"Straight" is what the pieces of Sionna offer for the same report of one UE: PathSolver with the tracer's
path types for every sector and receiver, the CFR of the 127 SSS subcarriers of every element, DFT beams,
and Sionna SYS's link adaptation. Its positioning, MAC, RRC and RLC parts do not exist and cost nothing here.
Both are quoted in CPU seconds too, which a busy machine changes less than the clock's.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path

# raylocus runs on one core here; BLAS would wake the others for matrices that are too small for them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from raylocus.network.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.phy.time_of_arrival import delay_bound, first_path_delay, noisy_response
from raylocus.network.reports import Reports
from raylocus.network.stack.configuration import StackConfiguration
from raylocus.network.stack.observe import observe_stack
from raylocus.propagation.traced_place import TracedPlace, open_place
from raylocus.units import SPEED_OF_LIGHT


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    speed = verbs.add_parser("speed")
    speed.add_argument("place", type=Path)
    speed.add_argument("--ues", type=int, default=60)
    speed.add_argument("--straight", type=int, default=10)
    verbs.add_parser("toa").add_argument("out", type=Path)
    statistics = verbs.add_parser("statistics")
    statistics.add_argument("place", type=Path)
    statistics.add_argument("out", type=Path)
    given = parser.parse_args()
    if given.verb == "speed":
        compare_speed(open_place(given.place), given.ues, given.straight)
    elif given.verb == "toa":
        draw_detector(given.out)
    else:
        draw_statistics(open_place(given.place), given.out)


@dataclass(frozen=True)
class Stopwatch:
    """When something began, by the clock and in CPU time."""

    clock: float
    processor: float

    @classmethod
    def started(cls) -> Stopwatch:
        """One that begins now."""
        return cls(time.perf_counter(), time.process_time())

    def elapsed(self) -> np.ndarray:
        """Seconds by the clock, and CPU seconds."""
        return np.array([time.perf_counter() - self.clock, time.process_time() - self.processor])


def observed(place: TracedPlace, ues: int, batch: int) -> tuple[Reports, np.ndarray]:
    """Complete reports of some UEs, and the seconds they took."""
    walked = sample_trajectories(place.geometry_maps, ues, MobilityConfiguration(), np.random.default_rng(1))
    watch = Stopwatch.started()
    reports = observe_stack(place, place.radio_maps, walked, StackConfiguration(), 3, batch)
    return reports, watch.elapsed()


def compare_speed(place: TracedPlace, ues: int, straight: int) -> None:
    deployment = place.deployment
    print(f"{len(deployment.cells)} cells × {deployment.beam_count} beams, {len(deployment.sites)} sites")
    observed(place, 2, 2)
    for count in (ues // 4, ues):
        reports, seconds = observed(place, count, 16)
        rate = len(reports.time) / seconds
        print(
            f"raylocus: {len(reports.time)} reports of {count} UEs, {rate[0]:.0f} a second, {rate[1]:.0f} a CPU second"
        )
    seconds = straight_reports(place, reports.position[:straight])
    slow = straight / seconds
    print(f"straight Sionna: {straight} reports, {slow[0]:.3f} a second, {slow[1]:.3f} a CPU second")
    print(f"ratio {rate[0] / slow[0]:.0f} by the clock, {rate[1] / slow[1]:.0f} in CPU time")


def straight_reports(place: TracedPlace, position: np.ndarray) -> np.ndarray:
    """Seconds for RSRP of all beams, CQI and throughput of some UEs by Sionna's own parts, once set up."""
    from raylocus.propagation.runtime import activate

    activate()
    import sionna.rt
    import torch
    from sionna.phy.mimo import grid_of_beams_dft_ula
    from sionna.sys import InnerLoopLinkAdaptation, PHYAbstraction

    torch.set_num_threads(2)
    start = time.perf_counter()
    abstraction = PHYAbstraction()
    adaptation = InnerLoopLinkAdaptation(abstraction, bler_target=0.1)
    scene = sionna.rt.load_scene(str(place.scene_file))
    scene.frequency = place.deployment.carrier.frequency
    array = place.deployment.cells[0].array
    scene.tx_array = sionna.rt.PlanarArray(
        num_rows=array.rows, num_cols=array.columns, pattern="tr38901", polarization="V"
    )
    scene.rx_array = sionna.rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    print(f"  (set up in {time.perf_counter() - start:.1f} s, which is not counted)")
    for cell in place.deployment.cells:
        at = place.deployment.site_positions[cell.site]
        turn = [cell.azimuth, cell.downtilt, 0.0]
        scene.add(sionna.rt.Transmitter(f"cell{cell.pci}", position=at.tolist(), orientation=turn))
    for index, point in enumerate(position):
        scene.add(sionna.rt.Receiver(f"ue{index}", position=point.tolist()))
    watch = Stopwatch.started()
    paths = sionna.rt.PathSolver()(scene, max_depth=4, refraction=False, diffraction=True)
    frequencies = 30e3 * (np.arange(127) - 63)
    response = paths.cfr(frequencies=frequencies, normalize_delays=False, out_type="numpy")
    power_per_beam = np.stack(
        [
            np.abs(np.einsum("...xtsf,t->...xsf", response[:, 0], np.repeat(beam.numpy(), array.rows))) ** 2
            for beam in grid_of_beams_dft_ula(array.columns)
        ]
    )
    rsrp = power_per_beam.mean(axis=(-1, -2))
    sinr = torch.tensor(np.maximum(rsrp.max(axis=0).max(axis=-1) / 1e-14, 1e-3), dtype=torch.float32)
    adaptation(
        num_allocated_re=torch.full(sinr.shape, 10_000), sinr_eff=sinr, mcs_table_index=1, mcs_category=1
    )
    return watch.elapsed()


def draw_detector(out: Path) -> None:
    """RMS error of the detector beside the Cramér–Rao bound, for some bandwidths."""
    import matplotlib.pyplot as plt

    generator = np.random.default_rng(0)
    levels = np.arange(-20.0, 31.0, 2.5)
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for blocks in (20, 51, 106, 273):
        count = 12 * blocks
        frequencies = 30e3 * (np.arange(count) - count / 2)
        errors = []
        for level in levels:
            delay = generator.uniform(0.1e-6, 2e-6, 300)
            clean = np.exp(-2j * np.pi * (delay[:, None] * frequencies - generator.random((300, 1))))
            noise = np.full(300, 10 ** (-level / 10))
            found = first_path_delay(noisy_response(clean, noise[:, None], generator), noise, 30e3)
            missed = np.isnan(found).mean() > 0.5
            errors.append(np.nan if missed else np.sqrt(np.nanmean((found - delay) ** 2)) * SPEED_OF_LIGHT)
        bound = delay_bound(levels, count, 30e3) * SPEED_OF_LIGHT
        line = axes.semilogy(levels, errors, "o-", ms=3, label=f"{count * 30e3 / 1e6:.0f} MHz")[0]
        axes.semilogy(levels, bound, "--", color=line.get_color(), lw=1)
        middle = levels == 10
        print(
            f"{blocks} resource blocks, 10 dB: {np.array(errors)[middle][0]:.3f} m, bound {bound[middle][0]:.3f} m"
        )
    axes.set(
        xlabel="SNR of a subcarrier [dB]", ylabel="RMS error [m]", title="First-path detector (dashed: bound)"
    )
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.tight_layout()
    figure.savefig(out, dpi=120)


def draw_statistics(place: TracedPlace, out: Path) -> None:
    """Histograms of what the network sees in a world of a place, at severity 0.5."""
    import matplotlib.pyplot as plt

    from raylocus.propagation.world_maps import world_radio_maps
    from raylocus.scenes.world import WorldLaw, sample_world

    world = sample_world(place.deployment, WorldLaw(severity=0.5), np.random.default_rng(4))
    walked = sample_trajectories(place.geometry_maps, 60, MobilityConfiguration(), np.random.default_rng(1))
    reports = observe_stack(
        place, world_radio_maps(place, world), walked, StackConfiguration(), 3, world=world
    )
    serving = reports.serving & (reports.beam < 0)
    figure, axes = plt.subplots(2, 3, figsize=(12, 6))
    for axis, name in zip(axes.flat, ("rsrp", "rsrq", "sinr", "timing_advance", "cqi"), strict=False):
        values = reports.features[serving, reports.feature_names.index(name)]
        values = values[np.isfinite(values)]
        axis.hist(values, bins=30)
        axis.set(title=f"{name} of the serving cell")
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
        print(f"{name}: p5 {low:.1f}, median {middle:.1f}, p95 {high:.1f}")
    neighbours = reports.heard_cells - 1
    axes.flat[5].hist(neighbours, bins=np.arange(-0.5, 9.5))
    axes.flat[5].set(title="reported neighbours")
    print(f"neighbours: mean {neighbours.mean():.1f}")
    figure.tight_layout()
    figure.savefig(out, dpi=100)


if __name__ == "__main__":
    main()
