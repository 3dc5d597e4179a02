// Slide the threshold: which cells belong to the object?
const slider = document.querySelector("input"), cells = [...document.querySelectorAll("g rect")];

function show() {
  const threshold = Number(slider.value);
  const inside = DATA.probs.map((p) => p >= threshold);
  cells.forEach((cell, i) => cell.setAttribute("stroke-opacity", inside[i] ? 1 : 0));
  document.querySelector("[name=threshold]").value = threshold.toFixed(2);
  document.querySelector("[name=count]").value = inside.filter(Boolean).length;
}

slider.addEventListener("input", show);
show();
