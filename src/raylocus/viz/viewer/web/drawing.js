// WebGL 2: shaded meshes, the painted ground, and lines some pixels wide.

const SOLID = { vertex: `#version 300 es
uniform mat4 view; in vec3 corner; out vec3 world;
void main() { world = corner; gl_Position = view * vec4(corner, 1.0); }`, fragment: `#version 300 es
precision highp float; uniform vec4 colour; in vec3 world; out vec4 pixel;
void main() {
  vec3 normal = normalize(cross(dFdx(world), dFdy(world)));
  float light = 0.60 + 0.40 * max(dot(normal, vec3(0.45, -0.35, 0.82)), 0.0);
  pixel = vec4(colour.rgb * light, colour.a);
}` };
const PAINTED = { vertex: `#version 300 es
uniform mat4 view; uniform vec3 frame; in vec3 corner; out vec2 place; out vec3 world;
void main() { place = (corner.xy - frame.xy) / frame.z; world = corner; gl_Position = view * vec4(corner, 1.0); }`,
fragment: `#version 300 es
precision highp float; uniform sampler2D paint; in vec2 place; in vec3 world; out vec4 pixel;
void main() {
  vec3 normal = normalize(cross(dFdx(world), dFdy(world)));
  pixel = vec4(texture(paint, place).rgb * (0.8 + 0.2 * clamp(dot(normal, vec3(0.3, -0.2, 0.93)), 0.0, 1.0)), 1.0);
}` };
const WIDE = { vertex: `#version 300 es
uniform mat4 view; uniform vec3 screen; in vec2 end; in vec3 start, stop; in vec4 tint; out vec4 colour;
void main() {
  vec4 a = view * vec4(start, 1.0), b = view * vec4(stop, 1.0);
  if (a.w < 0.5) a = mix(a, b, (0.5 - a.w) / (b.w - a.w)); else if (b.w < 0.5) b = mix(b, a, (0.5 - b.w) / (a.w - b.w));
  vec2 way = (b.xy / b.w - a.xy / a.w) * screen.xy;
  vec2 aside = length(way) > 0.0 ? normalize(vec2(-way.y, way.x)) : vec2(0.0, 1.0);
  vec4 here = end.x < 0.5 ? a : b;
  gl_Position = here + vec4(aside * end.y * screen.z / screen.xy * here.w, -0.0004 * here.w, 0.0);
  colour = tint;
}`, fragment: `#version 300 es
precision highp float; uniform float fade; in vec4 colour; out vec4 pixel;
void main() { pixel = vec4(colour.rgb, colour.a * fade); }` };

let gl;
const programs = {};

function startDrawing(canvas) {
  gl = canvas.getContext("webgl2", { antialias: true });
  if (!gl) return false;
  Object.entries({ SOLID, PAINTED, WIDE }).forEach(([name, source]) => { programs[name] = program(source); });
  gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  gl.enable(gl.DEPTH_TEST);
  return true;
}

function program({ vertex, fragment }) {
  const made = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made) || "shader");
  return made;
}

function feed(made, name, data, size, divisor = 0, kind = gl.FLOAT) {
  const at = gl.getAttribLocation(made, name);
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
  gl.enableVertexAttribArray(at);
  gl.vertexAttribPointer(at, size, kind, kind !== gl.FLOAT, 0, 0);
  gl.vertexAttribDivisor(at, divisor);
  return buffer;
}

function mesh(corners, index, name = "SOLID") {
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  const buffers = [feed(programs[name], "corner", corners, 3), gl.createBuffer()];
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers[1]);
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, index, gl.STATIC_DRAW);
  return { array, buffers, count: index.length };
}

// Segments: each [x, y, z, x, y, z, r, g, b, a], colours 0 to 255.
function lines(segments, width) {
  const [starts, stops, tints] = [[], [], []];
  for (const each of segments) {
    starts.push(each[0], each[1], each[2]);
    stops.push(each[3], each[4], each[5]);
    tints.push(each[6], each[7], each[8], each[9]);
  }
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  const buffers = [
    feed(programs.WIDE, "end", new Float32Array([0, -1, 0, 1, 1, -1, 1, 1]), 2),
    feed(programs.WIDE, "start", new Float32Array(starts), 3, 1),
    feed(programs.WIDE, "stop", new Float32Array(stops), 3, 1),
    feed(programs.WIDE, "tint", new Uint8Array(tints), 4, 1, gl.UNSIGNED_BYTE),
  ];
  return { array, buffers, count: segments.length, width };
}

function use(name, matrix) {
  gl.useProgram(programs[name]);
  gl.uniformMatrix4fv(gl.getUniformLocation(programs[name], "view"), false, matrix);
  return (uniform) => gl.getUniformLocation(programs[name], uniform);
}

function drawMesh(made, matrix, colour, alpha = 1) {
  const uniform = use("SOLID", matrix);
  gl.uniform4f(uniform("colour"), colour[0] / 255, colour[1] / 255, colour[2] / 255, alpha);
  gl.bindVertexArray(made.array);
  gl.drawElements(gl.TRIANGLES, made.count, gl.UNSIGNED_INT, 0);
}

function drawGround(made, paint, matrix) {
  const uniform = use("PAINTED", matrix);
  gl.uniform3f(uniform("frame"), page.grid.west, page.grid.south, page.grid.size);
  gl.bindTexture(gl.TEXTURE_2D, paint);
  gl.bindVertexArray(made.array);
  gl.drawElements(gl.TRIANGLES, made.count, gl.UNSIGNED_INT, 0);
}

// What lies behind buildings is drawn too, faintly.
function drawLines(made, matrix) {
  if (!made || !made.count) return;
  const uniform = use("WIDE", matrix);
  const ratio = gl.drawingBufferWidth / gl.canvas.clientWidth;
  gl.uniform3f(uniform("screen"), gl.drawingBufferWidth, gl.drawingBufferHeight, made.width * ratio);
  gl.bindVertexArray(made.array);
  gl.depthMask(false);
  for (const [order, fade] of [[gl.GREATER, 0.35], [gl.LEQUAL, 1]]) {
    gl.depthFunc(order);
    gl.uniform1f(uniform("fade"), fade);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, made.count);
  }
  gl.depthFunc(gl.LEQUAL);
  gl.depthMask(true);
}

function texture(pixels, side, earlier) {
  const made = earlier || gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, side, side, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  return made;
}

function discard(made) {
  if (!made) return;
  gl.deleteVertexArray(made.array);
  made.buffers.forEach((buffer) => gl.deleteBuffer(buffer));
}
