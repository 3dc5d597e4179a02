// Drag box b, or its lower right corner.
let b = [...DATA.b]; // y1 x1 y2 x2
const box = svg.querySelector(".b"), handle = svg.querySelector(".handle");

function deltas(p, q) { // how p moves onto q: dy, dx, log dh, log dw
  const [ph, pw, qh, qw] = [p[2] - p[0], p[3] - p[1], q[2] - q[0], q[3] - q[1]];
  const dy = (q[0] + qh / 2 - p[0] - ph / 2) / ph, dx = (q[1] + qw / 2 - p[1] - pw / 2) / pw;
  return [dy, dx, Math.log(qh / ph), Math.log(qw / pw)];
}

function show(now) {
  b = now;
  place(box, b);
  handle.setAttribute("cy", b[2]); handle.setAttribute("cx", b[3]);
  document.querySelector("[name=box]").value = b.join(" ");
  document.querySelector("[name=iou]").value = iou(DATA.a, b).toFixed(4);
  document.querySelector("[name=deltas]").value = deltas(DATA.a, b).map((d) => d.toFixed(3)).join("  ");
}

draggable(box, (dy, dx) => show(shifted(b, dy, dx, DATA.size)));
draggable(handle, (dy, dx) => show(stretched(b, dy, dx, DATA.size, 1)));
show(b);
