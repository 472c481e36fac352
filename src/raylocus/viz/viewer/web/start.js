// Fills the controls, shows the first picture, and only then unpacks what a click will need.

const MOST_LABELS = 60;

function listen(id, act) {
  by(id).addEventListener("change", (event) => act(event.target));
}

function fillControls() {
  by("layer").append(new Option("map only", -1),
    ...page.layers.map((layer, index) => new Option(`${layer.source} · ${layer.name}`, index)));
  by("cell").append(...page.cells.map((cell, index) => new Option(`${cell.label} · ${page.sites[cell.site].name}`, index)));
  by("sequence").append(new Option("no phone", -1),
    ...page.tracks.map((track, index) => new Option(`phone ${track.sequence}`, index)));
  by("paths-line").hidden = !page.paths;
  by("track").classList.toggle("seen", page.tracks.length > 0);
  by("residuals").hidden = !page.tracks.length;
  by("residuals").open = window.innerWidth > 700;
  by("notice").textContent = page.notes.join(" ");
  listen("layer", (select) => { state.layer = Number(select.value); showLayer(); });
  listen("cell", (select) => chooseCell(Number(select.value)));
  listen("part", (select) => { state.part = Number(select.value); showLayer(); });
  listen("buildings", (select) => { state.buildings = select.value; draw(); });
  listen("paths", (select) => { state.paths = select.selectedIndex; showPaths(); });
  listen("sequence", (select) => chooseTrack(Number(select.value)));
  by("step").addEventListener("input", (event) => { stop(); state.step = Number(event.target.value); showTrack(); });
}

function chooseTrack(track) {
  stop();
  state.track = track;
  state.step = Math.max(0, (page.tracks[track]?.time.length ?? 0) - 1);
  by("sequence").value = String(track);
  showTrack();
}

function fillButtons() {
  const middle = () => ask(gl.canvas.clientWidth / 2, gl.canvas.clientHeight / 2);
  const reset = () => { Object.assign(view, startView()); draw(); };
  const fromAbove = () => { Object.assign(view, { azimuth: 0, elevation: 1.57 }); draw(); };
  const help = () => by("keys").showModal();
  by("above").addEventListener("click", fromAbove);
  by("reset").addEventListener("click", reset);
  by("help").addEventListener("click", help);
  by("close").addEventListener("click", () => by("keys").close());
  by("play").addEventListener("click", play);
  const act = { draw, ask, askMiddle: middle, reset, fromAbove, help, step: (count) => { stop(); stepBy(count); }, play, forget };
  listenToKeys(view, act);
  listenToPointers(by("view"), view, act);
  window.addEventListener("resize", draw);
}

function fail(sentence) {
  by("failure").hidden = false;
  by("failure").textContent = sentence;
}

async function start() {
  if (!window.DecompressionStream) return fail("This browser cannot unpack the page's data; use one of 2023 or later.");
  if (!startDrawing(by("view"))) return fail("This browser shows no WebGL 2, which the picture is drawn with.");
  readScales();
  view = startView();
  fillControls();
  fillHelp();
  fillButtons();
  if (window.innerWidth <= 700) by("panel").open = by("answer").open = false;
  await readMap();
  drawn.ground = groundMesh();
  drawn.buildings = await buildingMeshes();
  drawn.sectors = sectorMesh(page.cells);
  drawn.chosen = sectorMesh([page.cells[state.cell]]);
  drawn.masts = mastLines();
  if (page.sites.length <= MOST_LABELS) page.sites.forEach((site) => addMark("site", site.name, site.position));
  const first = page.layers.findIndex((layer) => layer.name === "rsrp");
  state.layer = page.tracks.length ? -1 : first;
  by("layer").value = String(state.layer);
  if (page.tracks.length) {
    by("buildings").value = state.buildings = "clear";
    chooseTrack(0);
  }
  showLayer();
  await repaint();
  requestAnimationFrame(() => requestAnimationFrame(() => {
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
  }));
}

by("view").addEventListener("webglcontextlost", () => fail("The picture was lost to the graphics driver; load the page again."));
start().catch((error) => fail(`The page could not be shown: ${error.message}`));
