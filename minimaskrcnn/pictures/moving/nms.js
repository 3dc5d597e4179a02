// Slide the threshold: which boxes does non-maximum suppression keep?
const slider = document.querySelector("input"), boxes = [...document.querySelectorAll("rect.one")];

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
