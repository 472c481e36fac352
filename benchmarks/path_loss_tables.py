"""No dark city: share of served outdoor cells and NLoS path loss, without and with the over-rooftop path.

    python benchmarks/path_loss_tables.py [PLACE …] [--osm FILE] [--figure FILE.png] [--raised METRES]

A PLACE is a built-in city or `procedural:STYLE`. Every site that stands on a roof is traced with specular
paths and diffraction alone (off), with the over-rooftop path (on), and with diffuse scattering as well.
The first table counts outdoor cells: served is a path gain above −130 dB within 256 m, reached is any path
within 300 m. The second is the mean NLoS path loss over TR 38.901 UMa NLOS in 100–400 m, over cells that
have a path, and that of TR 38.901 UMi NLOS; ITU-R P.526 (delta-Bullington) and P.1411 are second
opinions on the over-rooftop path alone: the mean over the same cells of their loss minus ours.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from outdoor_points import CENTRES

from raylocus.propagation.atlas.atlas import OVER_ROOFTOP, SCATTERED, PathAtlas, reorder
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.maps.path_loss import uma_nlos_path_loss, umi_nlos_path_loss
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.oracles.delta_bullington import TerrainProfile, delta_bullington_loss
from raylocus.propagation.oracles.rooftop_formula import RooftopRows, over_rooftop_formula
from raylocus.propagation.search.over_roofs.over_rooftop import over_rooftop_paths
from raylocus.propagation.search.over_roofs.profiles import SurfaceRaster
from raylocus.propagation.tracing.site_parts import tracer_of
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.build import SceneConfiguration, build_place
from raylocus.units import SPEED_OF_LIGHT

PLACES = (
    "munich",
    "florence",
    "etoile",
    "san_francisco",
    "procedural:european-core",
    "procedural:tower-grid",
)
#: Scattering coefficient of the third column, as Degli-Esposti et al. found for city walls.
ROUGHNESS = 0.4
#: Path gain above which a cell is served.
SERVED = 1e-13
#: A site higher than this over what is below it stands on a mast and not on a roof [m].
ROOFTOP = 12.0
BINS = np.arange(50, 401, 25)
#: Path types by column.
COLUMNS = {"off": (OVER_ROOFTOP, SCATTERED), "on": (SCATTERED,), "on, rough walls": ()}


@dataclass(frozen=True)
class Cells:
    """Outdoor cells out of sight of one rooftop site, with what each column says of them."""

    distance: np.ndarray
    """3-D distance [m]."""
    gain: dict[str, np.ndarray]
    """Linear path gain by column; 0 where there is no path."""
    sight: np.ndarray
    """Whether the cell is in line of sight."""
    opinions: dict[str, float]
    """Loss over the roofs of each recommendation minus ours [dB], mean over cells."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "places", nargs="*", default=["etoile", "procedural:tower-grid"], help=f"such as {' '.join(PLACES)}"
    )
    parser.add_argument("--osm", type=Path, help="an OpenStreetMap extract to add")
    parser.add_argument("--resolution", type=float, default=8.0, help="side of a ground cell [m]")
    parser.add_argument("--sites", type=int, default=1, help="rooftop sites a place, at most")
    parser.add_argument(
        "--raised", type=float, default=0.0, help="metres that every rooftop site is raised by"
    )
    parser.add_argument("--figure", type=Path, help="where to draw path loss against distance")
    given = parser.parse_args()
    sources = [*given.places, *([str(given.osm)] if given.osm else [])]
    results = {}
    print(HEADER)
    for source in sources:
        name = Path(source).name.split(".")[0].removeprefix("procedural:")
        cells = measured(source, given.resolution, given.sites, given.raised)
        if cells:
            results[name] = cells
            print(row(name, cells), flush=True)
    print(mean_row(list(results.values())))
    if given.figure:
        draw(results).savefig(given.figure, dpi=110)


def measured(source: str, resolution: float, most_sites: int, raised: float) -> list[Cells]:
    """Every rooftop site of a place."""
    with tempfile.TemporaryDirectory() as folder:
        configuration = SceneConfiguration(resolution=resolution, centre=CENTRES.get(source), seed=1)
        build_place(source, Path(folder) / "place", configuration)
        place = open_place(Path(folder) / "place")
        settings = TraceConfiguration(scattering=ROUGHNESS)
        tracer = tracer_of(place, settings)
        sites = [(site, position + [0, 0, raised]) for site, position in rooftop_sites(place)[:most_sites]]
        return [cells_of(place, position, tracer.trace(site, position)) for site, position in sites]


def rooftop_sites(place: TracedPlace) -> list[tuple[int, np.ndarray]]:
    """Sites on roofs, with their positions."""
    maps = place.geometry_maps
    chosen = []
    for site, position in enumerate(place.deployment.site_positions):
        cell = int(place.tile.index(position))
        roof = float(maps["surface"].values.flat[cell])
        if roof - float(maps["terrain"].values.flat[cell]) > 2 and position[2] - roof < ROOFTOP:
            chosen.append((site, position))
    return chosen


def cells_of(place: TracedPlace, position: np.ndarray, atlas: PathAtlas) -> Cells:
    """What each column says of the outdoor cells."""
    maps, count = place.geometry_maps, place.tile.count**2
    terrain, surface = (maps[name].values.ravel().astype(float) for name in ("terrain", "surface"))
    point = np.column_stack([place.tile.centres, terrain + 1.5])
    outdoor = np.flatnonzero(surface <= point[:, 2])
    smooth = dataclasses.replace(atlas.materials, scattering=0.0)
    gain = {}
    for name, left_out in COLUMNS.items():
        chosen = np.flatnonzero(~np.isin(atlas.kind, left_out))
        paths = reorder(atlas, chosen)
        materials = smooth if SCATTERED in left_out else atlas.materials
        power = (np.abs(path_fields(paths, materials)[:, :, 0]) ** 2).sum(axis=1) * paths.visible
        gain[name] = np.bincount(paths.ground_cell, power, count)[outdoor]
    direct = atlas.line_of_sight
    sight = np.bincount(atlas.ground_cell[direct], atlas.visible[direct], count)[outdoor] > 0.01
    distance = np.linalg.norm(point[outdoor] - position, axis=1)
    hidden = outdoor[~sight & (distance > 100) & (distance < 400)]
    return Cells(distance, gain, sight, opinions(place, position, hidden, point))


def opinions(
    place: TracedPlace, position: np.ndarray, cells: np.ndarray, point: np.ndarray
) -> dict[str, float]:
    """How much more (or less) the recommendations say, over up to 300 hidden cells 100–400 m away."""
    maps, frequency = place.geometry_maps, place.deployment.carrier.frequency
    surface, terrain = maps["surface"].values.astype(float), maps["terrain"].values.astype(float)
    cells = np.random.default_rng(0).permutation(cells)[:300]
    wavelength = SPEED_OF_LIGHT / frequency
    raster = SurfaceRaster(place.tile, surface, surface <= terrain + 1.5)
    ours = over_rooftop_paths(position, point[cells], raster, wavelength)
    plan = np.linalg.norm(point[cells, :2] - position[:2], axis=1)
    free = 20 * np.log10(4 * np.pi * ours.length / wavelength)
    height = surface - terrain
    rows = RooftopRows(roof=float(np.mean(height[height > 2])))
    formula = over_rooftop_formula(plan, position[2] - float(np.median(terrain)), rows, frequency)
    terrestrial = [
        delta_bullington_loss(profile(place, surface, position, end), wavelength) for end in point[cells]
    ]
    return {
        "P.526": float(np.mean(terrestrial - ours.loss_db)),
        "P.1411": float(np.mean(formula - free - ours.loss_db)),
    }


def profile(place: TracedPlace, surface: np.ndarray, site: np.ndarray, end: np.ndarray) -> TerrainProfile:
    """The surface between a site and a UE, a cell apart; neither's own cell is an obstacle."""
    steps = max(int(np.linalg.norm(end[:2] - site[:2]) / place.tile.resolution), 3)
    way = site[:2] + np.linspace(0, 1, steps)[:, None] * (end[:2] - site[:2])
    height = surface.ravel()[np.maximum(place.tile.index(way), 0)]
    height[0], height[-1] = min(height[0], site[2]), end[2] - 1.5
    along = np.linalg.norm(way - way[0], axis=1)
    return TerrainProfile(along, height, float(site[2]), float(end[2]))


HEADER = (
    f"{'':16s} {'sites':>5s}  {'served within 256 m':^22s} {'reached':>9s}   "
    f"{'NLoS loss over UMa NLOS, dB':^30s} {'UMi':>5s}   {'over roofs: P.526':>17s} {'P.1411':>7s}\n"
    f"{'place':16s} {'':>5s}  {'off':>6s} {'on':>6s} {'rough':>7s}  {'off':>5s} {'on':>5s}   "
    f"{'off':>6s} {'on':>6s} {'rough':>6s} {'on, 100 | 200 | 300 m':>24s}"
)


def figures(cells: list[Cells]) -> dict[str, float]:
    """All numbers of a row."""
    distance, sight = (
        np.concatenate([getattr(each, name) for each in cells]) for name in ("distance", "sight")
    )
    gain = {name: np.concatenate([each.gain[name] for each in cells]) for name in COLUMNS}
    hidden = ~sight & (distance > 100) & (distance < 400)
    uma = uma_nlos_path_loss(distance, 3.5e9)
    found = {
        "sites": float(len(cells)),
        "umi": float(np.mean((umi_nlos_path_loss(distance, 3.5e9) - uma)[hidden])),
    }
    for name, values in gain.items():
        found[f"served {name}"] = float(np.mean(values[distance < 256] > SERVED))
        found[f"reached {name}"] = float(np.mean(values[distance < 300] > 0))
        lit = hidden & (values > 0)
        over = -10 * np.log10(values[lit]) - uma[lit]
        found[f"loss {name}"] = float(np.mean(over))
        for start in (100, 200, 300):
            found[f"{start} {name}"] = float(
                np.mean(over[(distance[lit] >= start) & (distance[lit] < start + 100)])
            )
    for name in ("P.526", "P.1411"):
        found[name] = float(np.nanmean([each.opinions[name] for each in cells]))
    return found


def row(name: str, cells: list[Cells]) -> str:
    """One line of the table."""
    return line(name, figures(cells))


def mean_row(places: list[list[Cells]]) -> str:
    """The mean over places."""
    each = [figures(cells) for cells in places]
    return line("mean", {name: float(np.nanmean([row[name] for row in each])) for name in each[0]})


def line(name: str, f: dict[str, float]) -> str:
    """Figures as one line."""
    rough = "on, rough walls"
    return (
        f"{name:16s} {f['sites']:5.0f}  {f['served off']:6.1%} {f['served on']:6.1%} {f[f'served {rough}']:7.1%}  "
        f"{f['reached off']:5.0%} {f['reached on']:6.1%}  {f['loss off']:6.1f} {f['loss on']:6.1f} "
        f"{f[f'loss {rough}']:6.1f} {f['100 on']:8.1f} |{f['200 on']:6.1f} |{f['300 on']:6.1f} {f['umi']:5.1f} "
        f"{f['P.526']:16.1f} {f['P.1411']:8.1f}"
    )


def draw(results: dict[str, list[Cells]]) -> Figure:
    """Median NLoS path loss against distance, every place and column, compared with the formulas."""
    figure = Figure(figsize=(12, 3.4 * int(np.ceil(len(results) / 3))), layout="constrained")
    panels = figure.subplots(
        int(np.ceil(len(results) / 3)), 3, sharex=True, sharey=True, squeeze=False
    ).ravel()
    middle = (BINS[:-1] + BINS[1:]) / 2
    for panel, (name, cells) in zip(panels, results.items(), strict=False):
        distance, sight = (
            np.concatenate([getattr(each, part) for each in cells]) for part in ("distance", "sight")
        )
        for column, colour in zip(COLUMNS, ("0.6", "tab:blue", "tab:orange"), strict=True):
            gain = np.concatenate([each.gain[column] for each in cells])
            chosen = ~sight & (gain > 0)
            loss, where = -10 * np.log10(gain[chosen]), np.digitize(distance[chosen], BINS) - 1
            medians = [
                np.median(loss[where == n]) if np.any(where == n) else np.nan for n in range(len(middle))
            ]
            panel.plot(middle, medians, color=colour, label=f"over roofs {column}")
        panel.plot(middle, uma_nlos_path_loss(middle, 3.5e9), "k--", label="TR 38.901 UMa NLOS")
        panel.plot(middle, umi_nlos_path_loss(middle, 3.5e9), "k:", label="TR 38.901 UMi NLOS")
        panel.set_title(name)
    for panel in panels[len(results) :]:
        panel.set_visible(False)
    panels[0].invert_yaxis()  # shared by all
    figure.supxlabel("distance from the site [m]")
    figure.supylabel("NLoS path loss [dB], median over cells with a path")
    panels[0].legend(fontsize="small")
    return figure


if __name__ == "__main__":
    main()
