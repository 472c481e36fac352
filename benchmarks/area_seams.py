"""How far levels step at the seams of an area, where a tile traces a mast and its neighbour reads it from far.

    python benchmarks/area_seams.py [--near 64 200] [--styles perimeter-blocks european-core] [--seeds 3 4]

Towns of 256 m in tiles of 128 m at 4 m, masts some 190 m apart that reach 380 m beyond, one reflection and no
diffraction. For each `--area.near` it prints 10, 50 and 90 % of the level of the ground cell on the far side minus that
of its neighbour on the traced side; and the same where both tiles treat the mast alike, which is what a step of one
ground cell is anyway.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from area_cost import trace
from jaxtyping import Float

from raylocus.propagation.maps.path_loss import heard_cells
from raylocus.propagation.maps.traced_area import TracedArea, open_traced_area
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.build import build_source
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
from raylocus.scenes.deployment import DeploymentConfiguration
from raylocus.scenes.siting.macro import MacroLayout

NETWORK = DeploymentConfiguration(macro=MacroLayout(site_distance=190.0), edge_distance=5.0)


def town(folder: Path, style: str, seed: int, near: float) -> TracedArea:
    scene = SceneConfiguration(tile_size=128.0, resolution=4.0, seed=seed, deployment=NETWORK)
    area = AreaConfiguration(reach=380.0, near=near, side=256.0)
    build_source(f"procedural:{style}", folder, (scene, area), heard_cells)
    trace(folder)
    return open_traced_area(folder)


def levels(place: TracedPlace, cells: tuple[int, ...]) -> dict[int, tuple[str, Float[np.ndarray, "y x"]]]:
    """How its mast is treated and its RSRP [dBm], by the cell's index in the area."""
    kinds, maps = place.radio_maps.attrs["site_treatment"], place.radio_maps["rsrp"].values
    return {
        cell: (kinds[place.deployment.site_of_cell[index]], maps[index]) for index, cell in enumerate(cells)
    }


def steps(area: TracedArea) -> tuple[list[float], list[float]]:
    """Far minus traced, and second minus first tile of the same treatment, over all seams [dB]."""
    tiles = {(tile.column, tile.row): levels(area.place(tile), tile.cells) for tile in area.tiles}
    unlike: list[float] = []
    alike: list[float] = []
    for column, row in tiles:
        for other, along in (((column + 1, row), True), ((column, row + 1), False)):
            for cell in tiles[(column, row)].keys() & tiles.get(other, {}).keys():
                (kind, level), (next_kind, next_level) = tiles[(column, row)][cell], tiles[other][cell]
                step = next_level[:, 0] - level[:, -1] if along else next_level[0] - level[-1]
                step = step[np.isfinite(step)]
                (alike if kind == next_kind else unlike).extend(step if next_kind == "far" else -step)
    return unlike, alike


def row(name: str, values: list[float]) -> str:
    low, middle, high = np.percentile(values, [10, 50, 90]) if values else [np.nan] * 3
    return f"  {name:14} {low:6.1f} {middle:6.1f} {high:6.1f} dB, {len(values)} pairs of ground cells"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--near", type=float, nargs="+", default=[64.0, 200.0])
    parser.add_argument("--styles", nargs="+", default=["perimeter-blocks", "european-core"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4])
    given = parser.parse_args()
    for near in given.near:
        unlike: list[float] = []
        alike: list[float] = []
        for style in given.styles:
            for seed in given.seeds:
                with tempfile.TemporaryDirectory() as folder:
                    found = steps(town(Path(folder) / "area", style, seed, near))
                unlike += found[0]
                alike += found[1]
        print(f"--area.near {near:g}\n{row('far − traced', unlike)}\n{row('alike', alike)}", flush=True)


if __name__ == "__main__":
    main()
