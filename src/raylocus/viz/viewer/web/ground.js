// The ground: its mesh from the terrain, and the picture on it, painted of the map, a layer and the posterior.

const MOST_QUADS = 128;
const MAP_LAYERS = ["terrain", "surface", "footprint", "built", "road", "water", "vegetation"];
const map = {};

async function readMap() {
  for (const name of MAP_LAYERS) {
    const layer = page.layers.find((each) => each.source === "G" && each.name === name);
    map[name] = layer ? await valuesOf(layer.slices[0]) : null;
  }
}

function groundCell(x, y, { west, south, resolution, count } = page.grid) {
  const [column, row] = [Math.floor((x - west) / resolution), Math.floor((y - south) / resolution)];
  return column < 0 || row < 0 || column >= count || row >= count ? -1 : row * count + column;
}

function cellCentre(cell) {
  const { west, south, resolution, count } = page.grid;
  return [west + (cell % count + 0.5) * resolution, south + (Math.floor(cell / count) + 0.5) * resolution];
}

function heightAt(x, y, name = "terrain") {
  const { west, south, resolution, count } = page.grid;
  const clamped = (v) => Math.min(count - 1, Math.max(0, Math.floor(v / resolution)));
  return map[name][clamped(y - south) * count + clamped(x - west)];
}

function groundMesh() {
  const { west, south, size, count } = page.grid;
  const side = Math.min(count, MOST_QUADS);
  const corners = new Float32Array(3 * (side + 1) ** 2);
  const index = new Uint32Array(6 * side * side);
  for (let row = 0, at = 0; row <= side; row++)
    for (let column = 0; column <= side; column++, at += 3) {
      const [x, y] = [west + size * column / side, south + size * row / side];
      corners.set([x, y, heightAt(x, y)], at);
    }
  for (let row = 0, at = 0; row < side; row++)
    for (let column = 0; column < side; column++, at += 6) {
      const first = row * (side + 1) + column;
      index.set([first, first + 1, first + side + 2, first, first + side + 2, first + side + 1], at);
    }
  return mesh(corners, index, "PAINTED");
}

function isBuilt(cell) {
  return (map.footprint ?? map.built)?.[cell] > 0.5;
}

function mapColour(cell) {
  if (isBuilt(cell)) return GROUND.built;
  if (map.water?.[cell] > 0.5) return GROUND.water;
  if (map.road?.[cell] > 0) return GROUND.road;
  if (map.vegetation?.[cell] > 0) return GROUND.green;
  return GROUND.open;
}

function put(pixels, cell, colour, alpha) {
  for (let i = 0; i < 3; i++) pixels[4 * cell + i] = alpha * colour[i] + (1 - alpha) * pixels[4 * cell + i];
}

// Credible: on a grid of its own the probability of all likelier cells; the peak is darkest, beyond 99 % is nothing.
function paintedGround(layer, values, credible, grid) {
  const pixels = new Uint8Array(4 * map.terrain.length).fill(255);
  for (let cell = 0; cell < map.terrain.length; cell++) {
    put(pixels, cell, mapColour(cell), 1);
    if (layer && !Number.isNaN(values[cell])) put(pixels, cell, layerColour(layer, values[cell]), 0.9);
    const likelier = credible ? credible[groundCell(...cellCentre(cell), grid)] ?? 1 : 1;
    if (likelier < 0.99) {
      const share = 1 - likelier / 0.99;
      const colour = HEAT.outer.map((outer, i) => outer + share * (HEAT.inner[i] - outer));
      put(pixels, cell, colour, 0.35 + 0.6 * share);
    }
  }
  return pixels;
}

// Where a ray first meets the ground, or what stands on it where that is drawn; null in the sky.
function met({ eye, step }, name) {
  const length = Math.hypot(...step);
  const stride = 0.5 * page.grid.resolution / length;
  const reach = (Math.hypot(...eye) + 2 * page.grid.size) / length;
  const highest = page.grid.top;
  let at = step[2] < 0 ? Math.max(0, (highest - eye[2]) / step[2]) : 0;
  for (; at < reach; at += stride) {
    const [x, y, z] = [0, 1, 2].map((i) => eye[i] + at * step[i]);
    if (groundCell(x, y) >= 0 && z <= heightAt(x, y, name)) return [x, y];
    if (z > highest && step[2] >= 0) return null;
  }
  return null;
}

// Outline of the smallest region that holds a probability, along the borders of ground cells.
function outline(credible, { west, south, resolution, count }, probability, colour) {
  const inside = (row, column) => row >= 0 && column >= 0 && row < count && column < count
    && credible[row * count + column] < probability - 1e-6;
  const segments = [];
  const border = (x0, y0, x1, y1) => {
    const [a, b] = [[x0, y0], [x1, y1]].map(([x, y]) => [west + x * resolution, south + y * resolution]);
    const height = heightAt((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) + 0.6;
    segments.push([...a, height, ...b, height, ...colour]);
  };
  for (let row = 0; row <= count; row++)
    for (let column = 0; column <= count; column++) {
      if (inside(row, column) !== inside(row - 1, column)) border(column, row, column + 1, row);
      if (inside(row, column) !== inside(row, column - 1)) border(column, row, column, row + 1);
    }
  return segments;
}
