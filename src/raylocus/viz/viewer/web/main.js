// The page: what is chosen, and what follows from it.

const state = { layer: -1, cell: 0, part: 0, buildings: "solid", paths: 0, track: -1, step: 0, spot: null };
const drawn = { buildings: [], sectors: null, chosen: null, masts: null, ground: null, paint: null, regions: null, paths: null };
let view, atlasPaths, waiting = false, playing = 0, repaints = 0;
const by = (id) => document.getElementById(id);

function draw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    paintFrame();
  });
}

function paintFrame() {
  const canvas = gl.canvas;
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const size = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  gl.viewport(0, 0, canvas.width, canvas.height);
  gl.clearColor(0.914, 0.933, 0.949, 1);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  gl.enable(gl.BLEND);
  gl.depthFunc(gl.LEQUAL);
  const matrix = matrixOf(view, width / height);
  drawGround(drawn.ground, drawn.paint, matrix);
  drawBuildings(drawn.buildings, matrix, state.buildings);
  drawLines(drawn.masts, matrix);
  drawLines(drawn.regions, matrix);
  drawLines(drawn.paths, matrix);
  drawSectors(drawn.sectors, drawn.chosen, matrix);
  moveMarks(matrix, width, height);
}

// Slices of a layer lie one after the other over its axes, the last axis fastest.
function sliceOf(layer) {
  let slice = 0;
  for (const [axis, length] of layer.axes) {
    const index = axis === "cell" ? state.cell : axis === "site" ? page.cells[state.cell].site : state.part;
    slice = slice * length + Math.min(index, length - 1);
  }
  return slice;
}

function partAxis(layer) {
  return layer?.axes.find(([axis]) => axis !== "cell" && axis !== "site");
}

async function repaint() {
  const own = ++repaints;
  const layer = page.layers[state.layer];
  const values = layer ? await valuesOf(layer.slices[sliceOf(layer)]) : null;
  const track = page.tracks[state.track];
  const fix = track?.fixes[state.step];
  const credible = fix ? await valuesOf(fix.credible) : null;
  if (own !== repaints) return;
  drawn.paint = texture(paintedGround(layer, values, credible, fix?.grid), page.grid.count, drawn.paint);
  draw();
}

function showLayer() {
  const layer = page.layers[state.layer];
  const axis = partAxis(layer);
  by("part-line").hidden = !axis;
  if (axis && by("part-name").textContent !== axis[0]) {
    by("part-name").textContent = axis[0];
    by("part").replaceChildren(...Array.from({ length: axis[1] }, (_, i) => new Option(String(i), i)));
    state.part = 0;
  }
  const whose = !layer ? "" : layer.axes.some(([name]) => name === "cell") ? ` · cell ${page.cells[state.cell].label}`
    : layer.axes.some(([name]) => name === "site") ? ` · site ${page.sites[page.cells[state.cell].site].name}` : "";
  by("meaning").textContent = layer ? `${layer.meaning || layer.name}${layer.units ? ` [${layer.units}]` : ""}${whose}` : "";
  drawLegend(layer, by("legend"));
  repaint();
}

function chooseCell(cell) {
  state.cell = cell;
  discard(drawn.chosen);
  drawn.chosen = sectorMesh([page.cells[cell]]);
  by("cell").value = String(cell);
  showLayer();
  showPaths();
}

function siteOfPaths() {
  return state.paths === 1 ? page.cells[state.cell].site : -1;
}

function showPaths() {
  discard(drawn.paths);
  drawn.paths = null;
  if (state.spot && atlasPaths && state.paths < 2) {
    const rows = pathsThere(atlasPaths, state.spot.stored.cell, siteOfPaths());
    drawn.paths = lines(pathSegments(atlasPaths, rows), 2);
    by("path-words").textContent = pathWords(atlasPaths, rows, state.spot.stored);
  } else if (by("path-words")) by("path-words").textContent = "";
  draw();
}

async function askAt(x, y) {
  const ground = groundCell(x, y);
  const rows = await cellRows(ground, x, y);
  atlasPaths = atlasPaths === undefined ? await readPaths() : atlasPaths;
  state.spot = { x, y, ground, stored: atlasPaths && nearestStored(atlasPaths, x, y) };
  const body = by("answer-body");
  const where = [`x ${x.toFixed(0)}\u202fm, y ${y.toFixed(0)}\u202fm`, degrees(x, y), await mapWords(ground)];
  body.replaceChildren(element("p", "", where.filter(Boolean).join(" · ")));
  const layer = page.layers[state.layer];
  if (layer) body.append(element("p", "", `${layer.name}: ${shown(await valueThere(layer, sliceOf(layer), ground), layer.units)}`));
  body.append(cellTable(rows, chooseCell));
  if (!hasLevels()) body.append(element("p", "", "Nothing was traced here, so there are no levels."));
  const words = element("p");
  words.id = "path-words";
  body.append(words);
  by("answer").open = true;
  removeMarks("spot");
  addMark("spot", "◉", [x, y, heightAt(x, y, seenSurface()) + 1.5], "point asked for");
  document.documentElement.dataset.asked = String(ground);
  showPaths();
}

function seenSurface() {
  return state.buildings === "solid" ? "surface" : "terrain";
}

function ask(px, py) {
  const canvas = gl.canvas;
  const spot = met(rayThrough(view, px, py, canvas.clientWidth, canvas.clientHeight), seenSurface());
  if (spot) askAt(...spot);
}

function forget() {
  stop();
  state.spot = null;
  removeMarks("spot");
  by("answer-body").replaceChildren();
  by("cross").classList.remove("seen");
  showPaths();
}

async function showTrack() {
  const track = page.tracks[state.track];
  discard(drawn.regions);
  drawn.regions = null;
  removeMarks("truth");
  removeMarks("estimate");
  if (track) {
    const step = state.step;
    by("step").max = String(track.time.length - 1);
    by("step").value = String(step);
    const segments = [...trackLines(track, step), ...await regionLines(track, step)];
    if (step !== state.step || track !== page.tracks[state.track]) return;
    discard(drawn.regions);
    drawn.regions = lines(segments, 2.5);
    markTrack(track, step);
    drawTrackLegend(track, by("track-legend"));
    by("residual-words").textContent = residualWords(track, step);
    by("residual-body").replaceChildren(residualTable(track, step, chooseCell));
  }
  by("track-words").textContent = track ? trackWords(track, state.step) : "";
  repaint();
}

function stepBy(count) {
  const track = page.tracks[state.track];
  if (!track) return;
  state.step = Math.min(track.time.length - 1, Math.max(0, state.step + count));
  showTrack();
}

function stop() {
  window.clearInterval(playing);
  playing = 0;
  by("play").textContent = "▶";
}

function play() {
  const track = page.tracks[state.track];
  if (playing || !track) return stop();
  if (state.step === track.time.length - 1) state.step = -1;
  by("play").textContent = "❚❚";
  playing = window.setInterval(() => (state.step < track.time.length - 1 ? stepBy(1) : stop()), 700);
}
