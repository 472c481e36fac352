// What stands in the place: buildings, and sites with their sectors.

const SITE = [122, 81, 149];
const CHOSEN = [213, 94, 0];

async function buildingMeshes() {
  const made = [];
  for (const each of page.meshes) {
    const [planes, index] = await Promise.all([valuesOf(each.corners), levelsOf(each.index)]);
    const count = planes.length / 3;
    const corners = new Float32Array(planes.length);
    for (let i = 0; i < count; i++) corners.set([planes[i], planes[count + i], planes[2 * count + i]], 3 * i);
    made.push({ ...mesh(corners, Uint32Array.from(index)), colour: page.materials[each.material] });
  }
  return made;
}

function direction(azimuth, fall = 0) {
  return [Math.cos(azimuth), Math.sin(azimuth), -Math.tan(fall)];
}

const SECTOR_PARTS = 12;

// A sector is a wedge as wide as its element's half-power beam, inclined by its downtilt.
function sectorCorners(cell) {
  const [x, y, z] = page.sites[cell.site].position;
  const length = page.grid.sector;
  const corners = [x, y, z];
  for (let i = 0; i <= SECTOR_PARTS; i++) {
    const way = direction(cell.azimuth + cell.beamwidth * (i / SECTOR_PARTS - 0.5), cell.downtilt);
    corners.push(x + length * way[0], y + length * way[1], z + length * way[2]);
  }
  return corners;
}

function sectorMesh(cells) {
  const index = cells.flatMap((_, cell) => Array.from({ length: SECTOR_PARTS }, (_, part) => {
    const first = cell * (SECTOR_PARTS + 2);
    return [first, first + part + 1, first + part + 2];
  }).flat());
  return mesh(new Float32Array(cells.flatMap(sectorCorners)), new Uint32Array(index));
}

function mastLines() {
  return lines(page.sites.map(({ position: [x, y, z] }) => [x, y, heightAt(x, y), x, y, z, ...SITE, 255]), 3);
}

function drawBuildings(made, matrix, mode) {
  if (mode === "hidden") return;
  if (mode === "solid") return made.forEach((each) => drawMesh(each, matrix, each.colour));
  // Only what is nearest is blended with the ground, whichever order the faces come in.
  gl.colorMask(false, false, false, false);
  made.forEach((each) => drawMesh(each, matrix, each.colour));
  gl.colorMask(true, true, true, true);
  made.forEach((each) => drawMesh(each, matrix, each.colour, 0.3));
}

function drawSectors(all, chosen, matrix) {
  gl.depthMask(false);
  drawMesh(all, matrix, SITE, 0.4);
  drawMesh(chosen, matrix, CHOSEN, 0.75);
  gl.depthMask(true);
}
