// Let a part of the drawing be moved by whole units, with the mouse, a finger or the arrow keys.
const svg = document.querySelector("svg");

function draggable(part, move) { // move(dy, dx)
  let last = null;
  const at = (event) => {
    const place = svg.getBoundingClientRect(), scale = DATA.size[1] / place.width;
    return [Math.round((event.clientY - place.top) * scale), Math.round((event.clientX - place.left) * scale)];
  };
  part.addEventListener("pointerdown", (event) => { part.setPointerCapture(event.pointerId); last = at(event); });
  part.addEventListener("pointermove", (event) => {
    if (!last) return;
    const now = at(event);
    move(now[0] - last[0], now[1] - last[1]);
    last = now;
  });
  part.addEventListener("pointerup", () => { last = null; });
  part.addEventListener("pointercancel", () => { last = null; });
  part.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step) { move(...step); event.preventDefault(); }
  });
}

function place(shape, box) { // y1 x1 y2 x2 of an SVG rectangle
  shape.setAttribute("y", box[0]); shape.setAttribute("x", box[1]);
  shape.setAttribute("height", box[2] - box[0]); shape.setAttribute("width", box[3] - box[1]);
}

function shifted(box, dy, dx, [high, wide]) { // as far as the sheet reaches
  dy = Math.min(Math.max(dy, -box[0]), high - box[2]); dx = Math.min(Math.max(dx, -box[1]), wide - box[3]);
  return [box[0] + dy, box[1] + dx, box[2] + dy, box[3] + dx];
}

function stretched(box, dy, dx, [high, wide], least) { // its lower right corner moved
  const y2 = Math.min(Math.max(box[2] + dy, box[0] + least), high);
  return [box[0], box[1], y2, Math.min(Math.max(box[3] + dx, box[1] + least), wide)];
}
