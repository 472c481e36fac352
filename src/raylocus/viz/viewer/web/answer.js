// The answer to a click: what the map says of that point, what every cell would look like there, paths to it.

const KINDS = ["specular", "over roofs", "diffracted", "through walls", "scattered"];
const MOST_ROWS = 40;
const TABLE = [
  { name: "distance", title: "distance", axis: "site" },
  { name: "rsrp", title: "RSRP", axis: "cell" },
  { name: "sinr", title: "SINR", axis: "cell" },
  { name: "toa", title: "first path", axis: "site" },
  { name: "line_of_sight", title: "in sight", axis: "site" },
];

async function valueThere(layer, slice, cell) {
  return (await valuesOf(layer.slices[slice]))[cell];
}

function distanceTo(cell, x, y) {
  const [sx, sy] = page.sites[cell.site].position;
  return { value: Math.hypot(sx - x, sy - y), units: "m" };
}

// Strongest first; where nothing was traced, nearest first.
async function cellRows(ground, x, y) {
  const rows = page.cells.map((cell, index) => ({ cell, index, values: { distance: distanceTo(cell, x, y) } }));
  for (const { name, axis } of TABLE) {
    const layer = page.layers.find((each) => each.source === "R" && each.name === name);
    if (!layer) continue;
    for (const row of rows) {
      const value = await valueThere(layer, axis === "cell" ? row.index : row.cell.site, ground);
      row.values[name] = { value, units: name === "line_of_sight" ? "" : layer.units };
    }
  }
  const level = (row) => (row.values.rsrp?.value > -Infinity ? row.values.rsrp.value : -1e9);
  return rows.sort((a, b) => level(b) - level(a) || a.values.distance.value - b.values.distance.value)
    .slice(0, MOST_ROWS);
}

function degrees(x, y) {
  if (!page.corners) return "";
  const [u, v] = [(x - page.grid.west) / page.grid.size, (y - page.grid.south) / page.grid.size];
  const [a, b, c, d] = page.corners;
  const at = (i) => (1 - v) * ((1 - u) * a[i] + u * b[i]) + v * ((1 - u) * c[i] + u * d[i]);
  return `${at(0).toFixed(6)}°, ${at(1).toFixed(6)}°`;
}

async function mapWords(ground) {
  const built = isBuilt(ground);
  const words = [built ? `building, ${shown(map.surface[ground] - map.terrain[ground], "m")} high` : "outdoors"];
  const road = page.layers.find((each) => each.name === "road_class");
  const kind = road && !built ? await valueThere(road, 0, ground) : NaN;
  if (!Number.isNaN(kind)) words.push(`${road.classes[Math.round(kind)]} road`);
  if (map.water?.[ground] > 0.5) words.push("water");
  if (map.vegetation?.[ground] > 0) words.push("trees");
  return words.join(", ");
}

function cellTable(rows, choose) {
  const table = element("table");
  const head = element("tr");
  const present = TABLE.filter(({ name }) => name in rows[0].values);
  head.append(element("th", "", "cell"));
  for (const { name, title } of present) {
    const cell = element("th", "", title);
    cell.append(element("small", "", name === "line_of_sight" ? "%" : rows[0].values[name].units));
    head.append(cell);
  }
  table.append(head);
  for (const row of rows) {
    const line = element("tr", Number.isNaN(row.values.rsrp?.value) ? "none" : "");
    const button = element("button", "", `${row.cell.label}`);
    button.title = `${page.sites[row.cell.site].name}; shows its layers`;
    button.addEventListener("click", () => choose(row.index));
    line.append(element("td"));
    line.firstChild.append(button);
    for (const { name } of present) {
      const { value, units } = row.values[name];
      line.append(element("td", "", name === "line_of_sight" ? figures(Math.round(100 * value), "") : figures(value, units)));
    }
    table.append(line);
  }
  return table;
}

// Paths of the atlas, read once: for every stored ground cell its rows.
async function readPaths() {
  if (!page.paths) return null;
  const found = {};
  for (const [name, id] of Object.entries(page.paths)) found[name] = await valuesOf(id);
  found.first = new Uint32Array(found.count.length + 1);
  found.count.forEach((count, i) => { found.first[i + 1] = found.first[i] + count; });
  found.cells = [...new Set(found.cell)];
  return found;
}

function nearestStored(paths, x, y) {
  let best = null;
  for (const cell of paths.cells) {
    const [cx, cy] = cellCentre(cell);
    const distance = Math.hypot(cx - x, cy - y);
    if (!best || distance < best.distance) best = { cell, distance, x: cx, y: cy };
  }
  return best;
}

function pathsThere(paths, cell, site) {
  const rows = [];
  paths.cell.forEach((each, row) => { if (each === cell && (site < 0 || paths.site[row] === site)) rows.push(row); });
  return rows;
}

// Brighter is stronger: the colour scale's 50 dB end at the strongest path shown.
function pathSegments(paths, rows) {
  const strongest = Math.max(...rows.map((row) => paths.gain[row]));
  const count = paths.point.length / 3;
  const point = (i) => [paths.point[i], paths.point[count + i], paths.point[2 * count + i]];
  return rows.flatMap((row) => {
    const colour = [...scaleColour("viridis", 1 + (paths.gain[row] - strongest) / 50), 255];
    const segments = [];
    for (let i = paths.first[row]; i < paths.first[row + 1] - 1; i++) segments.push([...point(i), ...point(i + 1), ...colour]);
    return segments;
  });
}

function pathWords(paths, rows, spot) {
  const counts = new Map();
  rows.forEach((row) => counts.set(paths.kind[row], (counts.get(paths.kind[row]) || 0) + 1));
  const words = [...counts].map(([kind, count]) => `${count} ${KINDS[kind]}`).join(", ") || "none";
  const strongest = rows.length ? `, strongest ${shown(Math.max(...rows.map((row) => paths.gain[row])), "dB")}` : "";
  return `Paths to the nearest stored point, ${shown(spot.distance, "m")} away: ${words}${strongest}${rows.length ? "; bright is strong" : ""}.`;
}
