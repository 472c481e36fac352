"""The path atlas beside Sionna's PathSolver: accuracy at random outdoor points, and links a second.

Reference: PathSolver with first-order diffraction (unless --specular-only) and without refraction, from an
isotropic vertical transmitter to a dual-polarised isotropic receiver. Points are the centres of outdoor
ground cells; only points where either sees anything above −130 dB count. A link is one (site, ground
cell). Both run on the same machine, one after the other; compiling is not counted. Over-rooftop paths,
which PathSolver lacks, are off.

PathSolver loses strong paths when it is asked for many receivers at once (its candidates share one hash
table), so accuracy is measured with few at a time (--receivers) and its speed with 40. The first arrival
is also compared among the paths within 40 dB of the strongest, because PathSolver lists any path, however
weak.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from raylocus.propagation.atlas import PathAtlas, reorder
from raylocus.propagation.fields import path_fields
from raylocus.propagation.point_paths import PointPaths
from raylocus.propagation.reference import ReferenceSettings, reference_paths
from raylocus.propagation.trace import TraceConfiguration
from raylocus.propagation.trace_place import tracer_of
from raylocus.propagation.traced_place import TracedPlace, open_place
from raylocus.scenes.build import SceneConfiguration, build_place

#: Tile centres that lie inside each city's scene [m].
CENTRES = {
    "munich": (-44.0, -4.0),
    "florence": (21.0, 0.0),
    "etoile": (25.0, 20.0),
    "san_francisco": (30.0, 0.0),
}
#: First arrivals weaker than this beside the strongest path are left out in the second comparison (power).
FAINT = 1e-4
#: Power gain below which a point counts as dark.
DARK = 1e-13


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cities",
        nargs="*",
        default=[*CENTRES, "procedural:perimeter-blocks"],
        help="built-in cities, or any other source of a place",
    )
    parser.add_argument("--receivers", type=int, default=2, help="receivers of one call, for accuracy")
    parser.add_argument("--resolution", type=float, default=2.0, help="side of a ground cell [m]")
    parser.add_argument("--points", type=int, default=200, help="points a city")
    parser.add_argument("--depth", type=int, default=4, help="most reflections")
    parser.add_argument(
        "--rays", type=float, default=TraceConfiguration.rays_per_cell, help="rays per ground cell"
    )
    parser.add_argument("--mirrors", type=int, default=2, help="most reflections of a path over an edge")
    parser.add_argument("--samples", type=int, default=2_000_000, help="PathSolver's samples_per_src")
    parser.add_argument("--specular-only", action="store_true", help="no diffraction on either side")
    given = parser.parse_args()
    print(HEADER)
    for city in given.cities:
        with tempfile.TemporaryDirectory() as folder:
            configuration = SceneConfiguration(resolution=given.resolution, centre=CENTRES.get(city), seed=1)
            build_place(city, Path(folder) / "place", configuration)
            print(row(Path(city).stem[-14:], compare(open_place(Path(folder) / "place"), given)), flush=True)


HEADER = (
    f"{'city':14s} {'points':>6s} {'gain dB':>13s} {'first arrival m':>17s} {'above −40 dB':>17s} "
    f"{'LoS':>6s} {'azimuth °':>13s} {'spread':>7s} {'one sees':>8s} {'atlas/s':>8s} {'solver/s':>8s} {'ratio':>6s}"
)


def row(city: str, figures: dict[str, float]) -> str:
    """One line of the table: medians and 90 % (first arrival 95 %) of the absolute differences."""
    f = figures
    return (
        f"{city:14s} {f['points']:6.0f} {f['gain50']:5.2f} / {f['gain90']:5.2f} {f['toa50']:7.3f} / {f['toa95']:7.2f} "
        f"{f['strong50']:7.3f} / {f['strong95']:7.2f} "
        f"{f['sight']:6.1%} {f['turn50']:5.2f} / {f['turn90']:5.1f} {f['spread50']:7.1%} {f['one']:8.1%} "
        f"{f['ours']:8.0f} {f['theirs']:8.2f} {f['ours'] / f['theirs']:6.0f}"
    )


def compare(place: TracedPlace, given: argparse.Namespace) -> dict[str, float]:
    """All figures of one place's first site."""
    site = place.deployment.site_positions[0]
    diffraction = not given.specular_only
    configuration = TraceConfiguration(
        depth=given.depth,
        rays_per_cell=given.rays,
        over_rooftop=False,
        diffraction=diffraction,
        edge_mirrors=given.mirrors,
    )
    tracer = tracer_of(place, configuration)
    tracer.trace(0, site)  # compiles the kernels
    started = time.perf_counter()
    atlas = tracer.trace(0, site)
    ours = time.perf_counter() - started

    outdoor = np.flatnonzero(place.geometry_maps["footprint"].values.ravel() == 0)
    cells = np.random.default_rng(1).choice(outdoor, given.points, replace=False)
    height = place.geometry_maps["terrain"].values.ravel()[cells] + configuration.ue_height
    points = np.column_stack([place.tile.centres[cells], height])
    arguments = place.scene_file, place.deployment.carrier.frequency, site
    settings = ReferenceSettings(given.depth, given.samples, diffraction)
    reference_paths(*arguments, points[:2], settings)
    started = time.perf_counter()
    reference_paths(*arguments, points[:80], settings)
    theirs = time.perf_counter() - started
    reference = reference_paths(*arguments, points, replace(settings, receivers=given.receivers))
    rates = {"ours": len(outdoor) / ours, "theirs": len(points[:80]) / theirs}
    return {**differences(atlas, reference, cells), **rates}


def differences(atlas: PathAtlas, reference: PointPaths, cells: np.ndarray) -> dict[str, float]:
    """Quantiles of the differences over the points that either sees."""
    atlas = reorder(atlas, np.flatnonzero(atlas.at_centre))
    power = (np.abs(path_fields(atlas, atlas.materials)[:, :, 0]) ** 2).sum(axis=1)
    rows, one_sees, seen = [], 0, 0
    for number, cell in enumerate(cells):
        ours, theirs = np.flatnonzero(atlas.ground_cell == cell), np.flatnonzero(reference.point == number)
        gains = power[ours].sum(), reference.gain[theirs].sum()
        seen += max(gains) > DARK
        one_sees += (max(gains) > DARK) and (min(gains) < DARK / 100)
        if min(gains) < DARK / 100 or max(gains) < DARK:
            continue
        mine = (
            atlas.length[ours],
            power[ours],
            atlas.arrival[ours],
            atlas.line_of_sight[ours],
        )
        other = (
            reference.length[theirs],
            reference.gain[theirs],
            reference.arrival[theirs],
            reference.line_of_sight[theirs],
        )
        rows.append(_differences_at(mine, other))
    gain, toa, strong, sight, turn, spread = np.array(rows).T
    return {
        "points": seen, "one": one_sees / max(seen, 1), "sight": sight.mean(),
        "gain50": np.median(np.abs(gain)), "gain90": np.quantile(np.abs(gain), 0.9),
        "toa50": np.median(np.abs(toa)), "toa95": np.quantile(np.abs(toa), 0.95),
        "strong50": np.median(np.abs(strong)), "strong95": np.quantile(np.abs(strong), 0.95),
        "turn50": np.median(turn), "turn90": np.quantile(turn, 0.9), "spread50": np.nanmedian(spread),
    }  # fmt: skip


def _differences_at(mine: tuple, other: tuple) -> tuple[float, ...]:
    azimuths = []
    for _, power, arrival, _ in (mine, other):
        strongest = arrival[np.argmax(power)]
        azimuths.append(np.arctan2(strongest[1], strongest[0]))
    turn = np.rad2deg(np.abs(np.angle(np.exp(1j * (azimuths[0] - azimuths[1])))))
    gain = 10 * np.log10(mine[1].sum() / other[1].sum())
    spreads = [_spread(length, power) for length, power, _, _ in (mine, other)]
    relative = abs(spreads[0] - spreads[1]) / spreads[1] if spreads[1] > 0.1 else np.nan
    strong = [length[power > FAINT * power.max()].min() for length, power, _, _ in (mine, other)]
    first = mine[0].min() - other[0].min()
    return gain, first, strong[0] - strong[1], mine[3].any() == other[3].any(), turn, relative


def _spread(length: np.ndarray, power: np.ndarray) -> float:
    """RMS delay spread, in metres."""
    mean = np.average(length, weights=power)
    return float(np.sqrt(np.average((length - mean) ** 2, weights=power)))


if __name__ == "__main__":
    main()
