// Colour scales, all of them safe for colour-blind readers: viridis, twilight for directions, Okabe and Ito's classes.

const GROUND = { open: [236, 234, 226], road: [255, 255, 255], water: [168, 198, 224], green: [208, 222, 194],
  built: [206, 204, 200] };
// The posterior, from the edge of the 99 % region to its peak; as in the figures.
const HEAT = { outer: [86, 180, 233], inner: [8, 48, 107] };

const scales = {};

function readScales() {
  for (const [name, text] of Object.entries(page.scales)) scales[name] = bytesOf(text);
}

function scaleColour(name, share) {
  const at = 3 * Math.round(255 * Math.min(1, Math.max(0, share)));
  return scales[name].subarray(at, at + 3);
}

function classColour(index) {
  const [r, g, b] = page.classColours[index % page.classColours.length];
  const dim = 1 - 0.25 * Math.floor(index / page.classColours.length) / Math.ceil(21 / page.classColours.length);
  return [r * dim, g * dim, b * dim];
}

function layerColour(layer, value) {
  if (layer.scale === "classes") return classColour(Math.round(value));
  const [low, high] = layer.span;
  return scaleColour(layer.scale === "cyclic" ? "twilight" : "viridis", (value - low) / (high - low));
}

function css(colour) {
  return `rgb(${[...colour].map(Math.round).join(",")})`;
}

function figures(value, units) {
  if (Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  const whole = size >= 1000 || (!units && Number.isInteger(value));
  return whole ? String(Math.round(value)) : value.toFixed(size < 1 && value !== 0 ? 2 : 1);
}

function shown(value, units) {
  return units && !Number.isNaN(value) ? `${figures(value, units)}\u202f${units}` : figures(value, units);
}

// The legend of a layer: a bar with its ends, or a patch for each class; values beyond the ends have their colour.
function drawLegend(layer, box) {
  box.replaceChildren();
  if (!layer) return;
  if (layer.scale === "classes") return layer.classes.forEach((name, index) => box.append(patch(classColour(index), name)));
  const bar = document.createElement("canvas");
  [bar.width, bar.height] = [256, 1];
  const context = bar.getContext("2d");
  for (let i = 0; i < 256; i++) {
    context.fillStyle = css(scaleColour(layer.scale === "cyclic" ? "twilight" : "viridis", i / 255));
    context.fillRect(i, 0, 1, 1);
  }
  const [low, high] = layer.span;
  const ends = element("div", "ends");
  const middle = shown((low + high) / 2, layer.units);
  for (const text of [`≤ ${shown(low, "")}`, middle, `${shown(high, "")} ≥`]) ends.append(element("span", "", text));
  if (layer.scale === "cyclic") [ends.firstChild.textContent, ends.lastChild.textContent] = ["0", "360"];
  box.append(bar, ends, patch(GROUND.open, "map colours: no value"));
}

function patch(colour, text) {
  const line = element("span", "patch");
  const square = element("i");
  square.style.background = css(colour);
  line.append(square, text);
  return line;
}

function element(tag, name = "", text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}
