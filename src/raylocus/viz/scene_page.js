// Draws a place's triangles on a 2-D canvas: no libraries, nothing fetched.
// Faces that look away are left out (walls look outwards), the others are painted from far to near.
"use strict";

function decode(text, kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new kind(bytes.buffer);
}

function camera(view, width, height) {
  const [ca, sa] = [Math.cos(view.azimuth), Math.sin(view.azimuth)];
  const [ce, se] = [Math.cos(view.elevation), Math.sin(view.elevation)];
  const scale = 1.1 * Math.min(width, height);
  return (x, y, z) => {
    const [dx, dy, dz] = [x - view.x, y - view.y, z - view.z];
    const right = dx * ca + dy * sa;
    const ahead = -dx * sa + dy * ca;
    const depth = view.distance + ahead * ce - dz * se;
    const up = ahead * se + dz * ce;
    return [width / 2 + (scale * right) / depth, height / 2 - (scale * up) / depth, depth];
  };
}

function visibleFaces(scene, project) {
  const faces = [];
  const at = scene.corners;
  for (let t = 0; t < scene.colours.length; t++) {
    const p = [0, 1, 2].map((c) => {
      const i = 9 * t + 3 * c;
      return project(at[i] * scene.step, at[i + 1] * scene.step, at[i + 2] * scene.step);
    });
    if (p.some((q) => q[2] < 5)) continue;
    const turn = (p[1][0] - p[0][0]) * (p[2][1] - p[0][1]) - (p[2][0] - p[0][0]) * (p[1][1] - p[0][1]);
    // The screen's y points down, so what is counter-clockwise outside is clockwise here.
    if (turn >= 0) continue;
    const depth = (p[0][2] + p[1][2] + p[2][2]) / 3;
    faces.push({ p, depth: t < scene.ground ? depth + 1e6 : depth, t });
  }
  return faces.sort((a, b) => b.depth - a.depth);
}

function paint(context, scene, view, width, height) {
  context.fillStyle = "#e9eef2";
  context.fillRect(0, 0, width, height);
  const project = camera(view, width, height);
  for (const face of visibleFaces(scene, project)) {
    const colour = scene.palette[scene.colours[face.t]];
    const light = scene.shades[face.t] / 255;
    context.fillStyle = context.strokeStyle = `rgb(${colour.map((c) => Math.round(c * light)).join(",")})`;
    context.beginPath();
    face.p.forEach((q, index) => (index ? context.lineTo(q[0], q[1]) : context.moveTo(q[0], q[1])));
    context.closePath();
    context.fill();
    context.stroke();
  }
  for (const site of scene.sites) {
    const q = project(...site.position);
    context.fillStyle = "#c1272d";
    context.beginPath();
    context.arc(q[0], q[1], 5, 0, 2 * Math.PI);
    context.fill();
    context.fillText(site.name, q[0] + 8, q[1] + 4);
  }
}

function start() {
  const scene = JSON.parse(document.getElementById("scene").textContent);
  scene.corners = decode(scene.corners, Int16Array);
  scene.colours = decode(scene.colours, Uint8Array);
  scene.shades = decode(scene.shades, Uint8Array);
  const canvas = document.getElementById("view");
  const view = { x: 0, y: 0, z: scene.middle, azimuth: 0.5, elevation: 0.7, distance: 1.3 * scene.size };
  let waiting = false;
  const draw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      canvas.width = canvas.clientWidth;
      canvas.height = canvas.clientHeight;
      paint(canvas.getContext("2d"), scene, view, canvas.width, canvas.height);
    });
  };
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    if (event.shiftKey || event.buttons === 2) {
      const metres = view.distance / canvas.clientHeight;
      const [across, along] = [-event.movementX * metres, event.movementY * metres];
      view.x += across * Math.cos(view.azimuth) - along * Math.sin(view.azimuth);
      view.y += across * Math.sin(view.azimuth) + along * Math.cos(view.azimuth);
    } else {
      view.azimuth -= event.movementX / 200;
      view.elevation = Math.min(1.55, Math.max(0.05, view.elevation + event.movementY / 200));
    }
    draw();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.distance = Math.min(5 * scene.size, Math.max(20, view.distance * Math.exp(event.deltaY / 700)));
    draw();
  }, { passive: false });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  window.addEventListener("resize", draw);
  draw();
}

if (typeof document !== "undefined") start();
