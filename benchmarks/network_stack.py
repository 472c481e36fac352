"""Complete reports per second, against the straight Sionna way; the ToA detector against its bound; statistics.

    python benchmarks/network_stack.py speed PLACE [--ues 64] [--straight 10] [--rounds 3]
    python benchmarks/network_stack.py sets PLACE [--ues 400] [--severity 0.5]
    python benchmarks/network_stack.py toa OUT.png
    python benchmarks/network_stack.py statistics PLACE OUT.png [--severity 1]

"Straight" is what the pieces of Sionna offer for the same report of one UE: PathSolver with the tracer's
path types for every sector and receiver, the CFR of the 127 SSS subcarriers of every element, DFT beams,
and Sionna SYS's link adaptation. Its positioning, MAC, RRC and RLC parts do not exist and cost nothing here.
Both take turns in one run. They are quoted in CPU seconds too, which a busy machine changes less than the
clock's. raylocus runs on one core, Sionna on all of them.

Field figures next to the statistics: Glasgow5GDataset2025 (A. Hart, CC BY 4.0: some 1200 tests of four operators
at 15 places of a city), and sutd_5g_dataset_2023 (FCCLab: walk test of a 3.4 GHz campus network with a phone,
2 Hz; pairs of SINR and RSRQ read off two of its files).
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# raylocus runs on one core here; BLAS would wake the others for matrices that are too small for them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from raylocus.network.channel.world_channel import WorldChannel
from raylocus.network.configuration import CoherentFading, DetectedTiming, NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.observe import observe
from raylocus.network.phy.time_of_arrival import delay_bound, first_path_delay, noisy_response
from raylocus.network.reports.features import feature_set
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.units import SPEED_OF_LIGHT

#: Every layer over coherent paths, times of arrival by the detector.
EVERYTHING = NetworkConfiguration(
    feature_set="all", fading=CoherentFading(), timing=DetectedTiming(), receiver_noise_db=1.0
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    speed = verbs.add_parser("speed")
    speed.add_argument("place", type=Path)
    speed.add_argument("--ues", type=int, default=64)
    speed.add_argument("--straight", type=int, default=10)
    speed.add_argument("--rounds", type=int, default=3)
    sets = verbs.add_parser("sets")
    sets.add_argument("place", type=Path)
    sets.add_argument("--ues", type=int, default=400)
    sets.add_argument("--severity", type=float, default=0.5)
    verbs.add_parser("toa").add_argument("out", type=Path)
    statistics = verbs.add_parser("statistics")
    statistics.add_argument("place", type=Path)
    statistics.add_argument("out", type=Path)
    statistics.add_argument("--severity", type=float, default=1.0)
    statistics.add_argument("--ues", type=int, default=120)
    given = parser.parse_args(sys.argv[1:] or ["toa", "build/first_path_detector.png"])
    if given.verb == "speed":
        compare_speed(open_place(given.place), given.ues, given.straight, given.rounds)
    elif given.verb == "sets":
        compare_sets(open_place(given.place), given.severity, given.ues)
    elif given.verb == "toa":
        draw_detector(given.out)
    else:
        draw_statistics(open_place(given.place), given.out, given.severity, given.ues)


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
    reports = observe(WorldChannel(place, place.radio_maps), walked, EVERYTHING, 3, batch)
    return reports, watch.elapsed()


def compare_speed(place: TracedPlace, ues: int, straight: int, rounds: int) -> None:
    deployment = place.deployment
    print(
        f"{len(deployment.cells)} cells × {deployment.beam_count} beams, {len(deployment.sites)} sites, ",
        end="",
    )
    print(f"{len(feature_set(EVERYTHING.feature_set))} features")
    observed(place, 2, 2)
    for count in (ues // 4, ues // 2, ues):
        reports, seconds = observed(place, count, 16)
        print(
            f"{count} UEs: {len(reports.time)} reports in {seconds[0]:.2f} s ({seconds[1]:.2f} CPU s), ",
            end="",
        )
        print(f"{1e3 * seconds[1] / len(reports.time):.2f} CPU ms each, peak {peak(place, count):.0f} MiB")
    sionna = straight_way(place, observed(place, ues, 16)[0].position[:straight])
    ratios = []
    for _ in range(rounds):
        reports, seconds = observed(place, ues // 2, 16)
        rate, slow = len(reports.time) / seconds, straight / sionna()
        ratios.append(rate / slow)
        print(f"raylocus {rate[0]:.0f} a second, {rate[1]:.0f} a CPU second; ", end="")
        print(f"straight Sionna {slow[0]:.3f} and {slow[1]:.3f}; ", end="")
        print(f"ratio {ratios[-1][0]:.0f} and {ratios[-1][1]:.0f}")
    clock, processor = np.median(ratios, axis=0)
    print(f"median ratio {clock:.0f} by the clock, {processor:.0f} in CPU time")


def peak(place: TracedPlace, ues: int) -> float:
    """Most memory that arrays took in addition to the place itself [MiB]."""
    tracemalloc.start()
    observed(place, ues, 16)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 2**20


def straight_way(place: TracedPlace, position: np.ndarray) -> Callable[[], np.ndarray]:
    """Sets Sionna up; what it returns takes the seconds for RSRP of all beams, CQI and throughput of the UEs."""
    from raylocus.propagation.runtime.runtime import activate

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

    def once() -> np.ndarray:
        watch = Stopwatch.started()
        paths = sionna.rt.PathSolver()(scene, max_depth=4, refraction=False, diffraction=True)
        frequencies = 30e3 * (np.arange(127) - 63)
        response = paths.cfr(frequencies=frequencies, normalize_delays=False, out_type="numpy")
        power_per_beam = np.stack(
            [
                np.abs(np.einsum("...xtsf,t->...xsf", response[:, 0], np.repeat(beam.numpy(), array.rows)))
                ** 2
                for beam in grid_of_beams_dft_ula(array.columns)
            ]
        )
        rsrp = power_per_beam.mean(axis=(-1, -2))
        sinr = torch.tensor(np.maximum(rsrp.max(axis=0).max(axis=-1) / 1e-14, 1e-3), dtype=torch.float32)
        adaptation(
            num_allocated_re=torch.full(sinr.shape, 10_000), sinr_eff=sinr, mcs_table_index=1, mcs_category=1
        )
        return watch.elapsed()

    return once


def draw_detector(out: Path) -> None:
    """RMS error of the detector compared with the Cramér–Rao bound, for some bandwidths."""
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
        bound = np.asarray(delay_bound(levels, count, 30e3)) * SPEED_OF_LIGHT
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
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=120)


#: Features of the serving cell that are drawn, and their titles.
STATISTICS = {
    "rsrp": "SS-RSRP of the serving cell [dBm]",
    "rsrq": "SS-RSRQ of the serving cell [dB]",
    "sinr": "SS-SINR of the serving cell [dB]",
    "timing_advance": "timing advance [steps]",
}
#: Mean 5G signal [dBm] at the 15 places of Glasgow5GDataset2025.
GLASGOW_DBM = (
    *(-77.62, -77.81, -77.06, -78.31, -77.94, -76.31, -79.38, -78.44),
    *(-78.00, -76.75, -78.62, -77.88, -77.62, -77.88, -78.19),
)
#: SINR and RSRQ [dB] of a phone, as sutd_5g_dataset_2023 has them.
SUTD_PAIRS = np.array(
    [
        *((36.0, -10.3), (33.4, -10.3), (29.1, -10.4), (19.8, -10.5), (15.5, -10.5), (13.1, -10.6)),
        *((8.2, -11.1), (5.4, -12.3), (3.7, -12.6), (2.7, -12.9), (1.8, -13.8), (-0.4, -14.5)),
        *((-2.1, -16.0), (-3.7, -17.8), (-5.2, -17.2), (-7.2, -17.2), (-7.7, -19.1)),
    ]
)
#: Cells that a report of a campus network of nine 3.5 GHz cells named, on the average (docs/network.md).
CAMPUS_CELLS = 2.0


def draw_statistics(place: TracedPlace, out: Path, severity: float, ues: int) -> None:
    """Histograms of what the network sees in a world of a place, next to field figures."""
    import matplotlib.pyplot as plt

    reports = observe(*in_a_world(place, severity, ues), EVERYTHING.at_severity(severity), 3)
    serving = reports.serving & (reports.beam < 0)
    found = {name: reports.features[serving, reports.feature_names.index(name)] for name in STATISTICS}
    figure, axes = plt.subplots(2, 3, figsize=(12, 6.5))
    for axis, (name, values) in zip(axes.flat, found.items(), strict=False):
        known = values[np.isfinite(values)]
        axis.hist(known, bins=whole_steps(known))
        axis.set(title=STATISTICS[name])
        low, middle, high = np.quantile(known, [0.05, 0.5, 0.95])
        print(f"{name}: p5 {low:.1f}, median {middle:.1f}, mean {known.mean():.1f}, p95 {high:.1f}")
    axes.flat[0].axvspan(min(GLASGOW_DBM), max(GLASGOW_DBM), color="C1", alpha=0.6, label="means, Glasgow")
    axes.flat[0].legend(loc="upper left")
    axes.flat[1].axvline(SUTD_PAIRS[0, 1], color="C1", label="near a lone cell, SUTD")
    axes.flat[1].legend()
    axes.flat[4].plot(found["sinr"], found["rsrq"], ".", ms=3, alpha=0.4, label="raylocus")
    axes.flat[4].plot(*SUTD_PAIRS.T, "C1o", ms=4, label="phone, SUTD")
    axes.flat[4].set(title="RSRQ over SINR", xlabel="SINR [dB]", ylabel="RSRQ [dB]")
    axes.flat[4].legend()
    cells = reports.heard_cells
    axes.flat[5].hist(cells, bins=np.arange(0.5, 10.5))
    axes.flat[5].axvline(CAMPUS_CELLS, color="C1", label="mean, 5G campus")
    axes.flat[5].set(title="cells in a report")
    axes.flat[5].legend()
    print(f"cells in a report: mean {cells.mean():.2f}; field {CAMPUS_CELLS:.0f}")
    print(f"mean RSRP of the field, by place: {min(GLASGOW_DBM)} to {max(GLASGOW_DBM)} dBm")
    gap = rsrq_gap(found["sinr"], found["rsrq"])
    print(f"RSRQ at the field's SINRs less the field's: mean {np.nanmean(gap):+.1f} dB, ", end="")
    print(f"worst {np.nanmax(np.abs(gap)):.1f}")
    for axis in axes.flat[[0, 1, 2, 3, 5]]:
        axis.set(ylabel="reports")
    figure.tight_layout()
    figure.savefig(out, dpi=100)


def whole_steps(values: np.ndarray) -> np.ndarray:
    """Edges of some thirty bins that hold equally many report steps each."""
    step = np.diff(np.unique(values)).min(initial=1.0)
    width = step * np.ceil(np.ptp(values) / step / 30)
    return np.arange(values.min() - step / 2, values.max() + width, width)


def in_a_world(place: TracedPlace, severity: float, ues: int) -> tuple[WorldChannel, Trajectories]:
    """The channel of one world of a place, and UEs in it."""
    from raylocus.propagation.maps.world_maps import world_radio_maps
    from raylocus.scenes.world import WorldLaw, sample_world

    world = sample_world(place.deployment, WorldLaw(severity=severity), np.random.default_rng(4))
    walked = sample_trajectories(place.geometry_maps, ues, MobilityConfiguration(), np.random.default_rng(1))
    return WorldChannel(place, world_radio_maps(place, world), world), walked


def compare_sets(place: TracedPlace, severity: float, ues: int) -> None:
    """Cost of the smallest and the largest feature set by either fading and timing, and what they report."""
    laws = {"statistical fading, map timing": NetworkConfiguration(), "coherent, detected": EVERYTHING}
    for name in ("critical", "all"):
        for title, law in laws.items():
            chosen = dataclasses.replace(law.at_severity(severity), feature_set=name)
            fast = name == "critical" and law is not EVERYTHING
            channel, walked = in_a_world(place, severity, ues if fast else ues // 10)
            seconds = []
            for _ in range(9 if fast else 3):
                watch = Stopwatch.started()
                reports = observe(channel, walked, chosen, 3)
                seconds.append(watch.elapsed()[1] / len(reports.time))
            print(f"{name}, {title}: {1e6 * min(seconds):.1f} CPU µs a report")
            if name == "critical":
                print_distributions(observe(*in_a_world(place, severity, ues), chosen, 3))


def print_distributions(reports: Reports) -> None:
    """5 %, median and 95 % of the serving cell's features, and how many cells and beams there are."""
    cells = reports.beam < 0
    serving = reports.serving & cells
    for name in ("rsrp", "sinr", "rsrq", "timing_advance"):
        values = reports.features[serving, reports.feature_names.index(name)]
        low, middle, high = np.nanquantile(values, [0.05, 0.5, 0.95])
        print(f"  {name} of the serving cell: {low:.1f} / {middle:.1f} / {high:.1f}")
    beams = np.bincount(reports.report_of_token[~cells], minlength=len(reports.time))
    print(f"  {reports.heard_cells.mean():.2f} cells in a report, beams in {(beams > 0).mean():.2f} of them")
    changes = np.diff(reports.pci[serving]) != 0
    inside = ~np.isin(np.arange(1, len(reports.time)), reports.report_offsets)
    print(f"  another serving cell in {changes[inside].mean():.3f} of the reports after the first")


def rsrq_gap(sinr: np.ndarray, rsrq: np.ndarray) -> np.ndarray:
    """Median RSRQ of reports within 1.5 dB of each of the field's SINRs, less the field's RSRQ [dB]."""
    near = [np.abs(sinr - each) < 1.5 for each in SUTD_PAIRS[:, 0]]
    return (
        np.array([np.nanmedian(rsrq[own]) if own.sum() >= 3 else np.nan for own in near]) - SUTD_PAIRS[:, 1]
    )


if __name__ == "__main__":
    main()
