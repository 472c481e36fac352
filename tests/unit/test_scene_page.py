"""The 3-D page holds the place's triangles and fetches nothing."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from shapely import Polygon

from map_fixtures import building, map_of, rectangle
from raylocus.scenes.meshing.scene_mesh import scene_mesh
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site
from raylocus.viz.scene_page import STEP, scene_page

#: Runs the page's script on a canvas that counts the faces painted.
PROGRAM = """
const html = require("fs").readFileSync(0, "utf8");
const data = html.match(/<script id="scene"[^>]*>([\\s\\S]*?)<\\/script>/)[1];
const faces = []; let path = [];
const context = { fillRect() {}, beginPath() { path = []; }, moveTo(x, y) { path.push([x, y]); },
  lineTo(x, y) { path.push([x, y]); }, closePath() {}, fill() { if (path.length) faces.push(path); }, stroke() {},
  arc() {}, fillText() {} };
const canvas = { clientWidth: 400, clientHeight: 400, getContext: () => context, addEventListener() {} };
globalThis.document = { getElementById: (id) => (id === "view" ? canvas : { textContent: data }) };
globalThis.window = { addEventListener() {} };
globalThis.requestAnimationFrame = (draw) => draw();
eval(html.match(/<script>([\\s\\S]*?)<\\/script>/)[1]);
console.log(faces.length);
"""


def page() -> str:
    house = building(Polygon(rectangle(20, 40, 30, 10)), 12.0)
    deployment = Deployment((Carrier(),), (Site("mast <1>", (0.0, 0.0, 25.0)),), (Cell(1, 0, 0.0, 0.1),))
    return scene_page(scene_mesh(map_of(house), 200.0).triangles, deployment, 200.0, "a <place>")


def test_the_page_holds_the_triangles() -> None:
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', page(), re.DOTALL)[1])  # type: ignore[index]
    corners = np.frombuffer(base64.b64decode(data["corners"]), "<i2").reshape(-1, 3, 3) * STEP
    assert len(corners) == 2 + 12
    np.testing.assert_allclose(corners[2:].max(axis=(0, 1)), (50, 50, 12), atol=STEP)
    assert data["ground"] == 2


def test_the_page_is_alone_in_the_world() -> None:
    text = page()
    assert "a &lt;place&gt;" in text
    assert not re.search(r"https?://|src=|href=", text)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_script_paints_what_faces_the_viewer() -> None:
    answer = subprocess.run(
        ["node", "-e", PROGRAM], input=page(), capture_output=True, text=True, check=True, timeout=60
    )
    # Two triangles each of ground, roof and the two walls that a viewer from the south-east sees.
    assert int(answer.stdout) == 2 + 2 + 4
