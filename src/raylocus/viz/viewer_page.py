"""The viewer: a place or area with its maps, paths and phones as one HTML page that fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from importlib.resources import files
from string import Template

from raylocus.viz.viewer.page_data import page_data
from raylocus.viz.viewer.place_content import ViewerContent

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
