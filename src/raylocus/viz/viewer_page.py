"""The viewer: a place with its maps, paths and phones as one HTML page that fetches nothing."""

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

from raylocus.propagation.antennas.antennas import BEAMWIDTH
from raylocus.viz.style import PALETTE
from raylocus.viz.viewer.content import ViewerContent
from raylocus.viz.viewer.packing import PackedArray
from raylocus.viz.viewer.tracks import Track, credible_levels, mapped_level

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


class _Arrays:
    """Arrays of a page, numbered as they come."""

    def __init__(self) -> None:
        self.arrays: list[PackedArray] = []

    def add(self, array: PackedArray) -> int:
        self.arrays.append(array)
        return len(self.arrays) - 1


def viewer_page(content: ViewerContent) -> str:
    """The whole page; it opens from a file, and its policy forbids it every request.

    Args:
        content: see `viz.viewer.content.viewer_content`.
    """
    arrays = _Arrays()
    data = _page_data(content, arrays)
    data["arrays"] = [array.record() for array in arrays.arrays]
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
        attribution=escape(content.place.attribution),
        data=json.dumps(data, allow_nan=False).replace("<", "\\u003c"),  # a name must not end the script
        arrays="\n".join(
            f'<script id="array-{number}" type="application/octet-stream">{array.text}</script>'
            for number, array in enumerate(arrays.arrays)
        ),
        program=program,
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _title(content: ViewerContent) -> str:
    deployment = content.place.deployment
    return f"{content.place.name}: {len(deployment.sites)} sites, {len(deployment.cells)} cells"


def _page_data(content: ViewerContent, arrays: _Arrays) -> dict[str, Any]:
    place = content.place
    return {
        "grid": _grid(content),
        "corners": _corners(content),
        "scales": {name: _scale(name) for name in ("viridis", "twilight")},
        "classColours": [[int(each[i : i + 2], 16) for i in (1, 3, 5)] for each in PALETTE],
        "materials": MATERIAL_COLOURS,
        "sites": [{"name": site.name, "position": site.position} for site in place.deployment.sites],
        "cells": [
            {
                "label": f"PCI {cell.pci}",
                "site": cell.site,
                "azimuth": cell.azimuth,
                "downtilt": cell.downtilt,
                "beamwidth": float(np.deg2rad(BEAMWIDTH)),
            }
            for cell in place.deployment.cells
        ],
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
        "tracks": [_track(track, content, arrays) for track in content.tracks],
        "notes": list(content.notes),
    }


def _grid(content: ViewerContent) -> dict[str, float]:
    tile, maps = content.place.tile, content.place.geometry_maps
    return {
        "size": tile.size,
        "count": tile.count,
        "resolution": tile.resolution,
        "west": float(maps["x"].values[0]) - tile.resolution / 2,
        "south": float(maps["y"].values[0]) - tile.resolution / 2,
        "ground": float(np.median(maps["terrain"].values)),
        "top": float(maps["surface"].values.max()) + 1.0,
    }


def _corners(content: ViewerContent) -> list[list[float]] | None:
    """Latitude and longitude of the tile's corners, row by row from the south-west; None without georeference."""
    frame, grid = content.place.frame, _grid(content)
    if not frame.georeferenced:
        return None
    ends = [grid["west"], grid["west"] + grid["size"]], [grid["south"], grid["south"] + grid["size"]]
    latitude, longitude = frame.to_wgs84(np.array([(x, y) for y in ends[1] for x in ends[0]]))
    return [[float(one), float(other)] for one, other in zip(latitude, longitude, strict=True)]


def _scale(name: str) -> str:
    """256 colours of a scale of matplotlib, three bytes each, in base64."""
    colours = matplotlib.colormaps[name](np.linspace(0, 1, 256))[:, :3]
    return base64.b64encode(np.round(255 * colours).astype(np.uint8).tobytes()).decode()


def _track(track: Track, content: ViewerContent, arrays: _Arrays) -> dict[str, Any]:
    return {
        "sequence": track.sequence,
        "time": _numbers(track.time),
        "truth": [_numbers(point) if np.isfinite(point).all() else None for point in track.truth],
        "heard": [_heard(track, report, content) for report in range(len(track.time))],
        "fixes": [
            {
                "position": _numbers(fix.position),
                "radius50": _number(fix.radius(0.5)),
                "radius90": _number(fix.radius(0.9)),
                "trusted": bool(fix.trusted),
                "credible": arrays.add(credible_levels(fix.heatmap)),
            }
            for fix in track.fixes
        ],
    }


def _heard(track: Track, report: int, content: ViewerContent) -> list[dict[str, Any]]:
    heard = track.heard[report]
    nowhere = np.full(2, np.nan)
    estimate = track.fixes[report].position if track.fixes else nowhere
    levels = {
        where: mapped_level(content.place, heard.cell, position)
        for where, position in (("estimate", estimate), ("truth", track.truth[report]))
    }
    return [
        {
            "cell": int(cell),
            "rsrp": _number(heard.rsrp[index]),
            "serving": bool(heard.serving[index]),
            **{where: _number(level[index]) for where, level in levels.items()},
        }
        for index, cell in enumerate(heard.cell)
    ]


def _numbers(values: Float[np.ndarray, " n"]) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: float) -> float | None:
    """To a hundredth; None where it is not finite."""
    return round(float(value), 2) if np.isfinite(value) else None
