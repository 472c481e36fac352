"""The page of the viewer: its data, and its program in one file that fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from raylocus.geo import Grid
from raylocus.inference.fix import PLAUSIBLE_FIT
from raylocus.scenes.sites import Cell, Deployment
from raylocus.viz.style import PALETTE
from raylocus.viz.viewer.packing import PackedArray
from raylocus.viz.viewer.place_content import ViewerContent
from raylocus.viz.viewer.tracks import Heard, Track, credible_levels

#: Colour of each material, 0 to 255.
MATERIAL_COLOURS = {
    "concrete": (190, 190, 186),
    "brick": (186, 120, 96),
    "marble": (226, 217, 198),
    "metal": (150, 162, 175),
    "wood": (170, 132, 88),
    "glass": (140, 180, 205),
    "ground": (168, 178, 150),
}

#: Length of a sector's wedge where sites stand far apart, as a share of the grid's side.
LONGEST_SECTOR = 0.07


class _Arrays:
    """Arrays of a page, numbered as they come."""

    def __init__(self) -> None:
        self.arrays: list[PackedArray] = []

    def add(self, array: PackedArray) -> int:
        self.arrays.append(array)
        return len(self.arrays) - 1


def page_data(content: ViewerContent) -> tuple[dict[str, Any], list[PackedArray]]:
    """The record of a page, and its arrays in their order."""
    arrays = _Arrays()
    data = _page_data(content, arrays)
    return data | {"arrays": [array.record() for array in arrays.arrays]}, arrays.arrays


def _page_data(content: ViewerContent, arrays: _Arrays) -> dict[str, Any]:
    deployment = content.deployment
    return {
        "grid": _grid(content),
        "corners": _corners(content),
        "scales": {name: _scale(name) for name in ("viridis", "twilight")},
        "classColours": [[int(each[i : i + 2], 16) for i in (1, 3, 5)] for each in PALETTE],
        "materials": MATERIAL_COLOURS,
        "sites": [{"name": site.name, "position": site.position} for site in deployment.sites],
        "cells": [_cell(cell, deployment) for cell in deployment.cells],
        "meshes": [
            {"material": mesh.material, "corners": arrays.add(mesh.corners), "index": arrays.add(mesh.index)}
            for mesh in content.meshes
        ],
        "layers": [
            layer.record() | {"slices": [arrays.add(each) for each in layer.slices]}
            for layer in content.layers
        ],
        "paths": {name: arrays.add(each) for name, each in content.paths.packed().items()}
        if content.paths
        else None,
        "tracks": [_track(track, arrays) for track in content.tracks],
        "notes": list(content.notes),
    }


def _cell(cell: Cell, deployment: Deployment) -> dict[str, Any]:
    carrier = deployment.carriers[cell.carrier]
    several = f" · {carrier.name}" if len(deployment.carriers) > 1 else ""
    round_about = cell.pattern.back_lobe_floor == 0
    return {
        "label": f"PCI {cell.pci}{several}",
        "site": cell.site,
        "azimuth": cell.azimuth,
        "downtilt": cell.downtilt,
        "beamwidth": 2 * np.pi if round_about else float(np.deg2rad(cell.pattern.beamwidth_azimuth)),
    }


def _grid(content: ViewerContent) -> dict[str, float]:
    terrain, surface = (content.ground[name].values for name in ("terrain", "surface"))
    return _square(content.grid) | {
        "ground": float(np.median(terrain)),
        "top": float(np.nanmax(surface)) + 1.0,
        "sector": _sector_length(content),
    }


def _square(grid: Grid) -> dict[str, float]:
    west, south, _, _ = grid.bounds
    return {
        "size": grid.size,
        "count": grid.count,
        "resolution": grid.resolution,
        "west": west,
        "south": south,
    }


def _sector_length(content: ViewerContent) -> float:
    """How long sectors are drawn [m]: short enough for most sites to stand apart."""
    position = content.deployment.site_positions[:, :2]
    distance = cKDTree(position).query(position, 2)[0][:, 1]
    apart = distance[np.isfinite(distance) & (distance > 0)]
    longest = LONGEST_SECTOR * content.grid.size
    return float(min(longest, max(np.median(apart) / 3, longest / 8))) if len(apart) else longest


def _corners(content: ViewerContent) -> list[list[float]] | None:
    """Latitude and longitude of the grid's corners, row by row from the south-west; None without georeference."""
    if not content.frame.georeferenced:
        return None
    west, south, east, north = content.grid.bounds
    corners = np.array([(x, y) for y in (south, north) for x in (west, east)])
    latitude, longitude = content.frame.to_wgs84(corners)
    return [[float(one), float(other)] for one, other in zip(latitude, longitude, strict=True)]


def _scale(name: str) -> str:
    """256 colours of a scale of matplotlib, three bytes each, in base64."""
    colours = matplotlib.colormaps[name](np.linspace(0, 1, 256))[:, :3]
    return base64.b64encode(np.round(255 * colours).astype(np.uint8).tobytes()).decode()


def _track(track: Track, arrays: _Arrays) -> dict[str, Any]:
    return {
        "sequence": track.sequence,
        "time": _numbers(track.time),
        "truth": [_numbers(point) if np.isfinite(point).all() else None for point in track.truth],
        "heard": [_heard(heard) for heard in track.heard],
        "fixes": [
            {
                "position": _numbers(fix.position),
                "radius50": _number(fix.radius(0.5)),
                "radius90": _number(fix.radius(0.9)),
                "trusted": bool(fix.trusted and hears),
                "fits": bool(fix.fit >= PLAUSIBLE_FIT),
                "grid": _square(fix.grid),
                "credible": arrays.add(credible_levels(fix.heatmap)),
            }
            for fix, hears in zip(track.fixes, track.hears, strict=False)
        ],
    }


def _heard(heard: Heard) -> list[dict[str, Any]]:
    return [
        {
            "cell": int(cell),
            "rsrp": _number(heard.rsrp[index]),
            "serving": bool(heard.serving[index]),
            "truth": _number(heard.at_truth[index]),
            "estimate": _number(heard.at_estimate[index]),
        }
        for index, cell in enumerate(heard.cell)
    ]


def _numbers(values: Float[np.ndarray, " n"]) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: float) -> float | None:
    """To a hundredth; None where it is not finite."""
    return round(float(value), 2) if np.isfinite(value) else None


#: The program's files, in the order in which they are joined.
PROGRAM = (
    "arrays.js",
    "colours.js",
    "camera.js",
    "drawing.js",
    "ground.js",
    "world.js",
    "marks.js",
    "answer.js",
    "track.js",
    "controls.js",
    "main.js",
    "start.js",
)


def viewer_page(content: ViewerContent) -> str:
    """The whole page; it opens from a file, and its policy forbids it every request.

    Args:
        content: see `viz.viewer.place_content` and `area_content`.
    """
    data, arrays = page_data(content)
    folder = files("raylocus.viz").joinpath("viewer/web")
    style = folder.joinpath("style.css").read_text()
    parts = "\n".join(folder.joinpath(name).read_text() for name in PROGRAM)
    program = (
        '(() => {\n"use strict";\n'
        'const page = JSON.parse(document.getElementById("page").textContent);\n'
        f"{parts}}})();"
    )
    return Template(folder.joinpath("page.html").read_text()).substitute(
        policy=f"default-src 'none'; script-src '{_hash(program)}'; style-src '{_hash(style)}'; base-uri 'none'; "
        "form-action 'none'",
        title=escape(_title(content)),
        style=style,
        attribution=escape(content.attribution),
        data=json.dumps(data, allow_nan=False).replace("<", "\\u003c"),  # a name must not end the script
        arrays="\n".join(
            f'<script id="array-{number}" type="application/octet-stream">{array.text}</script>'
            for number, array in enumerate(arrays)
        ),
        program=program,
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _title(content: ViewerContent) -> str:
    deployment = content.deployment
    return f"{content.name}: {len(deployment.sites)} sites, {len(deployment.cells)} cells"
