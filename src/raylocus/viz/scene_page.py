"""A place as one HTML page that can be turned, moved and zoomed; nothing is fetched."""

from __future__ import annotations

import base64
import json
from html import escape
from importlib.resources import files

import numpy as np
from jaxtyping import Float

from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.sites import Deployment
from raylocus.scenes.triangles import Triangles

#: Coordinates are stored in steps of this [m].
STEP = 0.05
#: Colour of each of MATERIALS.
PALETTE = {
    "concrete": (190, 190, 186),
    "brick": (186, 120, 96),
    "marble": (226, 217, 198),
    "metal": (150, 162, 175),
    "wood": (170, 132, 88),
    "glass": (140, 180, 205),
    "ground": (168, 178, 150),
}
#: Where the light comes from.
LIGHT = np.array([0.45, -0.35, 0.82])


def scene_page(triangles: Triangles, deployment: Deployment, size: float, title: str) -> str:
    """The page of a place.

    Args:
        triangles: the place's scene.
        deployment: its sites.
        size: side of the tile [m]; what lies wholly outside is left out.
        title: what the page says on top.
    """
    kept = triangles.crop((0.0, 0.0), size)
    order = np.argsort(~kept.ground, kind="stable")
    kept = Triangles(kept.vertices[order], kept.material[order], kept.ground[order])
    # A flat terrain is two large triangles that would hide what stands in front of their middle.
    flat = np.ptp(kept.vertices[kept.ground][..., 2]) == 0 if kept.ground.any() else False
    data = {
        "step": STEP,
        "size": size,
        "ground": int(kept.ground.sum()) if flat else 0,
        "middle": float(np.median(kept.vertices[..., 2])),
        "palette": [PALETTE[name] for name in MATERIALS],
        "corners": _encoded(np.round(np.clip(kept.vertices / STEP, -32768, 32767)).astype("<i2")),
        "colours": _encoded(kept.material.astype(np.uint8)),
        "shades": _encoded(_shades(kept.vertices)),
        "sites": [{"name": site.name, "position": site.position} for site in deployment.sites],
    }
    text = json.dumps(data).replace("<", "\\u003c")  # a name must not end the script
    script = files("raylocus.viz").joinpath("scene_page.js").read_text()
    style = "html,body{margin:0;height:100%;font:14px sans-serif}canvas{width:100%;height:100%;display:block}"
    caption = f"{escape(title)} · drag turns, shift-drag moves, the wheel zooms"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{style}p{{position:absolute;margin:8px}}</style></head>\n"
        f'<body><p>{caption}</p><canvas id="view"></canvas>\n'
        f'<script id="scene" type="application/json">{text}</script>\n'
        f"<script>{script}</script></body></html>\n"
    )


def _shades(vertices: Float[np.ndarray, "triangle 3 3"]) -> np.ndarray:
    """Brightness of each triangle, 0 to 255."""
    normal = np.cross(vertices[:, 1] - vertices[:, 0], vertices[:, 2] - vertices[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return np.round(255 * (0.62 + 0.38 * np.clip(normal @ LIGHT, 0, 1))).astype(np.uint8)


def _encoded(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
