// Move detections up and down the list: what becomes of the average precision?
let order = DATA.right.map((_, i) => i);
const list = document.querySelector("tbody"), curve = document.querySelector(".curve");

function precisionAtRecalls(right) { // as evaluate.interpolate: the best precision from each recall on
  let hits = 0;
  const points = right.map((r, i) => { hits += r ? 1 : 0; return [hits / (i + 1), hits / DATA.objects]; });
  return [...Array(101).keys()].map((i) =>
    Math.max(0, ...points.filter((point) => point[1] >= i / 100 - 1e-12).map((point) => point[0])));
}

function swap(i) {
  [order[i - 1], order[i]] = [order[i], order[i - 1]];
  show();
}

function show() {
  list.replaceChildren(...order.map((which, i) => {
    const line = document.createElement("tr"), up = document.createElement("button");
    up.textContent = "↑"; up.disabled = i === 0; up.setAttribute("aria-label", `move number ${i + 1} up`);
    up.addEventListener("click", () => { swap(i); list.querySelectorAll("button")[Math.max(i - 1, 0)].focus(); });
    for (const content of [`${i + 1}`, DATA.right[which] ? "right" : "wrong", up]) {
      const cell = document.createElement("td");
      cell.append(content);
      line.append(cell);
    }
    return line;
  }));
  const best = precisionAtRecalls(order.map((which) => DATA.right[which]));
  curve.setAttribute("points", best.map((p, i) => `${10 + 0.8 * i},${90 - 80 * p}`).join(" "));
  document.querySelector("[name=ap]").value = (best.reduce((sum, p) => sum + p, 0) / 101).toFixed(4);
}
show();
