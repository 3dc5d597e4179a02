// Slide the threshold: which boxes does non-maximum suppression keep?
const slider = document.querySelector("input"), boxes = [...document.querySelectorAll("rect.one")];

function iou(p, q) {
  const down = Math.max(Math.min(p[2], q[2]) - Math.max(p[0], q[0]), 0);
  const across = Math.max(Math.min(p[3], q[3]) - Math.max(p[1], q[1]), 0);
  const area = (c) => (c[2] - c[0]) * (c[3] - c[1]);
  const union = area(p) + area(q) - down * across;
  return union > 0 ? (down * across) / union : 0;
}

function nms(threshold) { // DATA.boxes stand in the order of their scores, the best first
  const keep = [];
  DATA.boxes.forEach((box, i) => {
    if (keep.every((j) => iou(DATA.boxes[j], box) <= threshold)) keep.push(i);
  });
  return keep;
}

function show() {
  const keep = nms(Number(slider.value));
  boxes.forEach((rect, i) => rect.setAttribute("class", keep.includes(i) ? "one b" : "one gone"));
  document.querySelector("[name=threshold]").value = Number(slider.value).toFixed(2);
  document.querySelector("[name=kept]").value = keep.join(" ");
  document.querySelector("[name=count]").value = keep.length;
}

slider.addEventListener("input", show);
show();
