// Drag box b, or its lower right corner, with the mouse, a finger or the arrow keys.
let b = [...DATA.b]; // y1 x1 y2 x2
const svg = document.querySelector("svg"), box = svg.querySelector(".b"), handle = svg.querySelector(".handle");

function deltas(p, q) { // how p moves onto q: dy, dx, log dh, log dw
  const [ph, pw, qh, qw] = [p[2] - p[0], p[3] - p[1], q[2] - q[0], q[3] - q[1]];
  const dy = (q[0] + qh / 2 - p[0] - ph / 2) / ph, dx = (q[1] + qw / 2 - p[1] - pw / 2) / pw;
  return [dy, dx, Math.log(qh / ph), Math.log(qw / pw)];
}

function show() {
  box.setAttribute("y", b[0]); box.setAttribute("x", b[1]);
  box.setAttribute("height", b[2] - b[0]); box.setAttribute("width", b[3] - b[1]);
  handle.setAttribute("cy", b[2]); handle.setAttribute("cx", b[3]);
  document.querySelector("[name=box]").value = b.join(" ");
  document.querySelector("[name=iou]").value = iou(DATA.a, b).toFixed(4);
  document.querySelector("[name=deltas]").value = deltas(DATA.a, b).map((d) => d.toFixed(3)).join("  ");
}

function move(corner, dy, dx) {
  const [high, wide] = DATA.size;
  if (corner) {
    b[2] = Math.min(Math.max(b[2] + dy, b[0] + 1), high); b[3] = Math.min(Math.max(b[3] + dx, b[1] + 1), wide);
  } else {
    dy = Math.min(Math.max(dy, -b[0]), high - b[2]); dx = Math.min(Math.max(dx, -b[1]), wide - b[3]);
    b = [b[0] + dy, b[1] + dx, b[2] + dy, b[3] + dx];
  }
  show();
}

for (const [part, corner] of [[box, false], [handle, true]]) {
  let last = null;
  const at = (event) => {
    const place = svg.getBoundingClientRect(), scale = DATA.size[1] / place.width;
    return [Math.round((event.clientY - place.top) * scale), Math.round((event.clientX - place.left) * scale)];
  };
  part.addEventListener("pointerdown", (event) => { part.setPointerCapture(event.pointerId); last = at(event); });
  part.addEventListener("pointermove", (event) => {
    if (!last) return;
    const now = at(event);
    move(corner, now[0] - last[0], now[1] - last[1]);
    last = now;
  });
  part.addEventListener("pointerup", () => { last = null; });
  part.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step) { move(corner, ...step); event.preventDefault(); }
  });
}
show();
