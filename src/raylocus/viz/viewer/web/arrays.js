// Packed arrays, see raylocus.viz.viewer.packing; each is unpacked when it is first asked for.

const unpacked = new Map();

function bytesOf(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function joinedPlanes(planes, width) {
  if (width === 1) return planes;
  const count = planes.length / width;
  const levels = width === 2 ? new Uint16Array(count) : new Uint32Array(count);
  for (let plane = 0; plane < width; plane++)
    for (let i = 0; i < count; i++) levels[i] |= planes[plane * count + i] << (8 * plane);
  return levels;
}

// Whole numbers: the typed array of the levels themselves, which wrap around as differences do.
async function levelsOf(id) {
  const text = document.getElementById(`array-${id}`).textContent;
  const { shape, bytes } = page.arrays[id];
  const levels = joinedPlanes(await inflated(bytesOf(text)), bytes);
  const length = shape[shape.length - 1];
  for (let i = 0; i < levels.length; i++) if (i % length) levels[i] += levels[i - 1];
  return levels;
}

async function readValues(id) {
  const { low, step, missing } = page.arrays[id];
  const levels = await levelsOf(id);
  const values = new Float32Array(levels.length);
  for (let i = 0; i < values.length; i++) values[i] = levels[i] === missing ? NaN : low + step * levels[i];
  return values;
}

function valuesOf(id) {
  if (!unpacked.has(id)) unpacked.set(id, readValues(id));
  return unpacked.get(id);
}
