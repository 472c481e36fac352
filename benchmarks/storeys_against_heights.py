"""Heights from storeys against tagged heights, of the buildings of real extracts that carry both.

    python benchmarks/storeys_against_heights.py FOLDER

FOLDER holds one folder an extract with a `.osm.pbf` in it. `residual` is the tagged height less the one from
storeys and roof tags, which knows nothing of it; `σ` is the stated deviation; a normal law would have 68 and 95 %
within one and two of them. Parts of buildings count too.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import shapely
from jaxtyping import Float

from raylocus.scenes.buildings.heights import tagged_height
from raylocus.scenes.buildings.roof_tags import roof_of
from raylocus.scenes.map_sources.assemble import frame_of
from raylocus.scenes.osm.reader import read_osm
from raylocus.scenes.osm.tags import is_building
from raylocus.scenes.tagged import in_frame

#: Fewer buildings than this are only counted among all.
FEWEST = 10


def compared(path: Path) -> Float[np.ndarray, "building 3"]:
    """Tagged height, height from storeys and its stated deviation [m] of every building with both."""
    tagged = read_osm(path)
    both = [
        each for each in tagged.areas
        if is_building(each.tags) and "height" in each.tags and "building:levels" in each.tags
    ]  # fmt: skip
    found = []
    for feature in in_frame(both, frame_of(tagged.bounds)[0]):
        storeys = {
            key: value for key, value in feature.tags.items() if key not in ("height", "building:height")
        }
        height = tagged_height({"height": feature.tags["height"]}, Counter())
        footprint = max(shapely.get_parts(feature.geometry), key=shapely.area)
        estimate = tagged_height(storeys, Counter(), roof_of(storeys, footprint))
        if height is not None and estimate is not None:
            found.append((height.height, estimate.height, estimate.deviation))
    return np.array(found, float).reshape(-1, 3)


def line(name: str, rows: Float[np.ndarray, "building 3"]) -> str:
    """One row of the table."""
    residual = rows[:, 0] - rows[:, 1]
    ratio = np.abs(residual) / rows[:, 2]
    low, middle, high = np.quantile(residual, (0.16, 0.5, 0.84))
    return (
        f"{name:23s}{len(rows):9d}{np.median(rows[:, 0]):8.1f}{middle:9.1f}{low:8.1f} to {high:5.1f}"
        f"{np.median(rows[:, 2]):8.1f}{np.mean(ratio < 1):11.0%}{np.mean(ratio < 2):11.0%}"
    )


def main() -> None:
    """Prints the table; generated towns have no storeys, so it takes extracts of real ones."""
    paths = sorted(path for folder in sys.argv[1:] for path in Path(folder).glob("*/*.osm.pbf"))
    if not paths:
        print(
            "give a folder of OpenStreetMap extracts */NAME.osm.pbf whose buildings have heights and storeys"
        )
        sys.exit(2)
    print("extract                buildings  height residual    16 to 84 %       σ   within σ  within 2σ")
    every = []
    for path in paths:
        rows = compared(path)
        every.append(rows)
        if len(rows) >= FEWEST:
            print(line(path.parent.name, rows))
    print(line("all", np.concatenate(every)))


if __name__ == "__main__":
    main()
