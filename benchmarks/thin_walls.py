"""A wall across the way, of any thickness and on any grid, compared with the knife edges of a thin screen.

`python benchmarks/thin_walls.py [--figure docs/images/thin_walls.png]` prints how far raylocus' path gain is from that
of a screen of no thickness (Fresnel's integral over the top and around both ends, powers added): the largest and the
mean of the absolute differences over the shadow, dB.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.special import fresnel

from raylocus.geo import Grid
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.materials.materials import itu_materials
from raylocus.propagation.tracing.trace import SiteTracer
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.map_geometry import topmost_surface
from raylocus.scenes.triangles import Triangles

FREQUENCY, UE_HEIGHT = 3.55e9, 1.5
SITE = np.array([-30.0, 0.0, 10.0])
HEIGHT, HALF = 20.0, 10.0
THICKNESSES, GRIDS = (0.1, 0.5, 1.0, 1.5, 3.5, 5.0, 12.0), (1.0, 2.0, 4.0)


def wall(thickness: float) -> Triangles:
    """Ground, and a wall of 20 m by 20 m across x = 0."""
    x, y = np.array([-1, 1, 1, -1]) * thickness / 2, np.array([-1, -1, 1, 1]) * HALF
    low = np.column_stack([x, y, np.zeros(4)])
    high = low + np.array([0, 0, HEIGHT])
    sides = [np.stack([low[a], low[b], high[b], high[a]]) for a, b in ((0, 1), (1, 2), (2, 3), (3, 0))]
    ground = 100.0 * np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    vertices = np.concatenate([face[[[0, 1, 2], [0, 2, 3]]] for face in (ground, *sides, high)])
    of_ground = np.arange(len(vertices)) < 2
    material = np.full(len(vertices), MATERIALS.index("concrete"))
    return Triangles(vertices, material, of_ground)


def traced_gain(thickness: float, resolution: float) -> tuple[Grid, Float[np.ndarray, " cell"]]:
    """Path gain of every ground cell [dB]."""
    grid, triangles = Grid(128.0, resolution), wall(thickness)
    surface, _ = topmost_surface(triangles, grid)
    materials = itu_materials(FREQUENCY)
    tracer = SiteTracer(triangles, surface, np.zeros(grid.shape), grid, materials, TraceConfiguration())
    paths = tracer.trace(0, SITE)
    power = (np.abs(path_fields(paths, materials)) ** 2).sum(axis=(1, 2)) / 2 * paths.visible
    with np.errstate(divide="ignore"):
        return grid, 10 * np.log10(np.bincount(paths.ground_cell, power, grid.count**2))


def screen_gain(xy: Float[np.ndarray, "cell 2"]) -> Float[np.ndarray, " cell"]:
    """Path gain behind a screen at x = 0 [dB]."""
    span = np.column_stack([xy, np.full(len(xy), UE_HEIGHT)]) - SITE
    length, share = np.linalg.norm(span, axis=1), -SITE[0] / span[:, 0]
    middle = SITE + share[:, None] * span
    wavelength = 299_792_458 / FREQUENCY
    scale = np.sqrt(2 / wavelength / (length * share * (1 - share)))
    clearances = np.stack([HEIGHT - middle[:, 2], HALF - middle[:, 1], HALF + middle[:, 1]])
    sine, cosine = fresnel(clearances * scale)
    power = (((0.5 - cosine) ** 2 + (0.5 - sine) ** 2) / 2).sum(axis=0)
    return 20 * np.log10(wavelength / (4 * np.pi * length)) + 10 * np.log10(power)


def main() -> None:
    """Prints the table and draws the cut 30 m behind the wall."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    print("thickness   " + "".join(f"{grid:g} m: largest, mean   " for grid in GRIDS))
    for thickness in THICKNESSES:
        row = []
        for resolution in GRIDS:
            grid, gain = traced_gain(thickness, resolution)
            # Where the straight line passes a metre and more inside the wall's outline, 10 m and more behind it.
            x, y = grid.centres.T
            deep = (x > 10) & (np.abs(y) < (HALF - 1) * (x - SITE[0]) / -SITE[0])
            apart = np.abs(gain[deep] - screen_gain(grid.centres[deep]))
            row.append(f"{apart.max():13.1f} {apart.mean():5.1f}   ")
        print(f"{thickness:8g} m  " + "".join(row), flush=True)
    if given.figure:
        _draw(given.figure)


def _draw(path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure((8, 4), layout="constrained")
    axes = figure.subplots()
    for thickness in (0.1, 1.0, 5.0, 12.0):
        grid, gain = traced_gain(thickness, 1.0)
        cut = np.flatnonzero(grid.centres[:, 0] == 30.5)
        axes.plot(grid.centres[cut, 1], gain[cut], label=f"wall of {thickness:g} m")
    axes.plot(
        grid.centres[cut, 1], screen_gain(grid.centres[cut]), "k--", label="thin screen, Fresnel's integral"
    )
    axes.set(xlabel="across the way [m]", ylabel="path gain 30 m behind the wall [dB]", ylim=(-125, -70))
    axes.legend(loc="lower left")
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
