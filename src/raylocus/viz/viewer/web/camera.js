// A camera that looks at a point of the ground: azimuth, elevation, distance; matrices are column-major.

const FIELD_OF_VIEW = 0.75;

function startView() {
  return { x: 0, y: 0, z: page.grid.ground, azimuth: 0.45, elevation: 0.85, distance: 1.35 * page.grid.size };
}

function multiplied(a, b) {
  const product = new Float32Array(16);
  for (let column = 0; column < 4; column++)
    for (let row = 0; row < 4; row++)
      for (let k = 0; k < 4; k++) product[4 * column + row] += a[4 * k + row] * b[4 * column + k];
  return product;
}

function axesOf(view) {
  const [ca, sa] = [Math.cos(view.azimuth), Math.sin(view.azimuth)];
  const [ce, se] = [Math.cos(view.elevation), Math.sin(view.elevation)];
  return { right: [ca, sa, 0], up: [-sa * se, ca * se, ce], back: [sa * ce, -ca * ce, se] };
}

function eyeOf(view) {
  const { back } = axesOf(view);
  return [view.x + view.distance * back[0], view.y + view.distance * back[1], view.z + view.distance * back[2]];
}

function matrixOf(view, aspect) {
  const { right, up, back } = axesOf(view);
  const eye = eyeOf(view);
  const along = (axis) => -(axis[0] * eye[0] + axis[1] * eye[1] + axis[2] * eye[2]);
  const look = [right[0], up[0], back[0], 0, right[1], up[1], back[1], 0, right[2], up[2], back[2], 0,
    along(right), along(up), along(back), 1];
  const near = Math.max(1, view.distance / 40);
  const far = view.distance + 4 * page.grid.size;
  const focal = 1 / Math.tan(FIELD_OF_VIEW / 2) * Math.min(1, aspect);
  const lens = [focal / aspect, 0, 0, 0, 0, focal, 0, 0, 0, 0, (far + near) / (near - far), -1,
    0, 0, 2 * far * near / (near - far), 0];
  return multiplied(lens, look);
}

// Where a point is on the screen [pixel]; null behind the eye.
function onScreen(matrix, [x, y, z], width, height) {
  const at = (row) => matrix[row] * x + matrix[4 + row] * y + matrix[8 + row] * z + matrix[12 + row];
  const w = at(3);
  return w <= 0 ? null : [width / 2 * (1 + at(0) / w), height / 2 * (1 - at(1) / w)];
}

// The ray through a pixel: from the eye, one metre of depth a step.
function rayThrough(view, px, py, width, height) {
  const { right, up, back } = axesOf(view);
  const aspect = width / height;
  const focal = 1 / Math.tan(FIELD_OF_VIEW / 2) * Math.min(1, aspect);
  const [u, v] = [(2 * px / width - 1) * aspect / focal, (1 - 2 * py / height) / focal];
  return { eye: eyeOf(view), step: [0, 1, 2].map((i) => u * right[i] + v * up[i] - back[i]) };
}

function pan(view, across, along) {
  const half = page.grid.size;
  const [ca, sa] = [Math.cos(view.azimuth), Math.sin(view.azimuth)];
  view.x = Math.min(half, Math.max(-half, view.x + across * ca - along * sa));
  view.y = Math.min(half, Math.max(-half, view.y + across * sa + along * ca));
}

function turn(view, sideways, upward) {
  view.azimuth += sideways;
  view.elevation = Math.min(1.57, Math.max(0.06, view.elevation + upward));
}

function zoom(view, factor) {
  view.distance = Math.min(5 * page.grid.size, Math.max(15, view.distance * factor));
}
