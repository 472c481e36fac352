// Phones over time: the posterior after each report, its regions, the truth, and what each cell's level misses by.

const REGIONS = [[0.9, [0, 114, 178, 230]], [0.5, [8, 48, 107, 255]]];
const RESIDUAL_SPAN = 40;

function trackLines(track, step) {
  const known = track.truth.slice(0, step + 1).filter((point) => point);
  const lifted = ([x, y]) => [x, y, heightAt(x, y) + 1.5];
  return known.slice(1).map((point, i) => [...lifted(known[i]), ...lifted(point), 0, 0, 0, 200]);
}

async function regionLines(track, step) {
  if (!track.fixes.length) return [];
  const credible = await valuesOf(track.fixes[step].credible);
  return REGIONS.flatMap(([probability, colour]) => outline(credible, track.fixes[step].grid, probability, colour));
}

function markTrack(track, step) {
  removeMarks("truth");
  removeMarks("estimate");
  const [truth, fix] = [track.truth[step], track.fixes[step]];
  const lifted = ([x, y]) => [x, y, heightAt(x, y) + 2];
  if (truth) addMark("truth", "★", lifted(truth), "true position");
  if (fix) addMark("estimate", "✕", lifted(fix.position), "estimate");
}

function trackWords(track, step) {
  const [truth, fix] = [track.truth[step], track.fixes[step]];
  const words = [`report ${step + 1} of ${track.time.length}, ${shown(track.time[step], "s")}`];
  if (fix) words.push(`50\u202f% within ${shown(fix.radius50, "m")}, 90\u202f% within ${shown(fix.radius90, "m")}`);
  if (fix && truth) words.push(`off by ${shown(Math.hypot(fix.position[0] - truth[0], fix.position[1] - truth[1]), "m")}`);
  if (fix) words.push(fix.trusted ? "trusted" : `not trusted${fix.fits ? "" : ": the map does not fit"}`);
  return words.join(" · ");
}

function residualBar(residual) {
  const bar = element("span", "bar");
  if (Number.isNaN(residual)) return bar;
  const width = Math.min(50, 50 * Math.abs(residual) / RESIDUAL_SPAN);
  const fill = element("i", residual < 0 ? "below" : "above");
  fill.style.width = `${width}%`;
  fill.style.left = `${residual < 0 ? 50 - width : 50}%`;
  bar.append(fill);
  return bar;
}

function number(value) {
  return value === null || value === undefined ? NaN : value;
}

// Residual: reported minus mapped RSRP, at the estimate; at the truth where nobody was asked.
function residualTable(track, step, choose) {
  const heard = track.heard[step];
  const where = track.fixes.length ? "estimate" : "truth";
  const table = element("table");
  const head = element("tr");
  const mappedHeads = hasLevels() ? [`map, ${where}`, "residual"] : [];
  for (const text of ["cell", "reported", ...mappedHeads]) head.append(element("th", "", text));
  table.append(head);
  for (const each of heard) {
    const mapped = number(each[where]);
    const line = element("tr");
    const button = element("button", "", page.cells[each.cell].label);
    button.addEventListener("click", () => choose(each.cell));
    const first = element("td");
    first.append(button);
    line.append(first, element("td", "", shown(each.rsrp, "dBm")));
    table.append(line);
    if (!hasLevels()) continue;
    const residual = element("td", "residual", shown(each.rsrp - mapped, "dB"));
    residual.prepend(residualBar(each.rsrp - mapped));
    line.append(element("td", "", Number.isNaN(mapped) ? "no path" : shown(mapped, "dBm")), residual);
  }
  return table;
}

function hasLevels() {
  return page.layers.some((layer) => layer.source === "R" && layer.name === "rsrp");
}

function residualWords(track, step) {
  if (!hasLevels()) return "There are no radio maps here to compare with.";
  const where = track.fixes.length ? "estimate" : "truth";
  const all = track.heard[step].map((each) => each.rsrp - number(each[where])).filter((each) => !Number.isNaN(each));
  if (!all.length) return "No reported cell has a mapped level here.";
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  return `Reported minus mapped RSRP: ${shown(mean, "dB")} on average. A level common to all cells is the `
    + "device's or the map's; what differs between cells speaks against the point.";
}

// What the marks and shades of a phone mean; those of an answer only where there is one.
function drawTrackLegend(track, box) {
  box.replaceChildren();
  const middle = HEAT.outer.map((outer, i) => (outer + HEAT.inner[i]) / 2);
  if (track.fixes.length) box.append(element("span", "patch", "✕ estimate"), patch(HEAT.inner, "most likely"), patch(middle, "likely"),
    patch(HEAT.outer, "edge of 99\u202f%"), patch(REGIONS[0][1].slice(0, 3), "outline: 90\u202f%"), patch(REGIONS[1][1].slice(0, 3), "outline: 50\u202f%"));
  if (track.truth.some((point) => point)) box.append(element("span", "patch", "★ true position"));
}
