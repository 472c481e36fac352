// Pointer, touch and keyboard.

const KEYS = [
  ["← → ↑ ↓", "move"], ["Shift + arrows", "turn and tilt"], ["+ −", "zoom"], ["T", "from above"], ["R", "first view"],
  ["L, Shift+L", "next, previous layer"], ["C, Shift+C", "next, previous cell"], ["M", "next beam or stream"],
  ["B", "buildings: solid, clear, hidden"], ["P", "paths: all sites, the cell's, hidden"],
  ["Enter", "ask at the cross in the middle"], [". ,", "next, previous report"], ["Space", "play or pause"],
  ["S", "next phone"], ["Esc", "forget the point asked for"], ["H or ?", "this list"],
];
const CLICK_PIXELS = 5;

function cycle(select, by) {
  const count = select.options.length;
  if (!count || select.closest("label")?.hidden) return;
  select.selectedIndex = (select.selectedIndex + by + count) % count;
  select.dispatchEvent(new Event("change"));
}

function arrowKey(event, view) {
  const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (!move) return false;
  if (event.shiftKey) turn(view, -0.08 * move[0], 0.06 * move[1]);
  else pan(view, 0.06 * view.distance * move[0], 0.06 * view.distance * move[1]);
  return true;
}

function keyActions(view, act) {
  const select = (name) => document.getElementById(name);
  const by = (event) => (event.shiftKey ? -1 : 1);
  return {
    "+": () => zoom(view, 0.85), "=": () => zoom(view, 0.85), "-": () => zoom(view, 1 / 0.85),
    t: act.fromAbove, r: act.reset, l: (event) => cycle(select("layer"), by(event)),
    c: (event) => cycle(select("cell"), by(event)), m: () => cycle(select("part"), 1),
    b: () => cycle(select("buildings"), 1), p: () => cycle(select("paths"), 1), s: () => cycle(select("sequence"), 1),
    enter: act.askMiddle, ".": () => act.step(1), ",": () => act.step(-1), " ": act.play,
    escape: act.forget, h: act.help, "?": act.help,
  };
}

function listenToKeys(view, act) {
  const actions = keyActions(view, act);
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.getElementById("keys").open) return;
    const own = event.target.closest("select, input, button, summary, dialog");
    if (own && !["Escape", "h", "H", "?"].includes(event.key)) return;
    const action = actions[event.key.toLowerCase()];
    if (!arrowKey(event, view) && !action) return;
    event.preventDefault();
    document.getElementById("cross").classList.add("seen");
    if (action) action(event);
    act.draw();
  });
}

function listenToPointers(canvas, view, act) {
  const down = new Map();
  let travelled = 0;
  const spread = () => {
    const [a, b] = [...down.values()];
    return { distance: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  };
  const metres = () => view.distance / canvas.clientHeight;
  const oneFinger = (event, before) => {
    const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
    if (event.shiftKey || event.buttons === 2) pan(view, -dx * metres(), dy * metres());
    else turn(view, -dx / 200, dy / 200);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (!down.size) travelled = 0;
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    travelled += Math.hypot(event.clientX - before.x, event.clientY - before.y);
    const pinch = down.size === 2 ? spread() : null;
    if (!pinch) oneFinger(event, before);
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pinch) {
      const now = spread();
      zoom(view, pinch.distance / Math.max(1, now.distance));
      pan(view, (pinch.x - now.x) * metres(), (now.y - pinch.y) * metres());
    }
    act.draw();
  });
  const up = (event) => {
    if (event.type === "pointerup" && down.size === 1 && travelled < CLICK_PIXELS && event.button === 0)
      act.ask(event.clientX, event.clientY);
    down.delete(event.pointerId);
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(view, Math.exp(event.deltaY / 700));
    act.draw();
  }, { passive: false });
}

function fillHelp() {
  const list = document.getElementById("key-list");
  for (const [key, text] of KEYS) list.append(element("dt", "", key), element("dd", "", text));
}
