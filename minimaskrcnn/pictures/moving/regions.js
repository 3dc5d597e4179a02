// Drag a region over a map; three ways of cutting a patch of 3 x 3 out of it. Lengths are in tenths of a cell.
const SIDE = DATA.map.length, f = Math.fround; // the arithmetic of the package is float32
let region = [...DATA.region]; // y1 x1 y2 x2
const box = svg.querySelector(".b"), handle = svg.querySelector(".handle"), whole = svg.querySelector(".whole");
const three = [0, 1, 2], clip = (x, low, high) => Math.min(Math.max(x, low), high);

function read(y, x) { // between the cells; y and x count from the centre of the first
  const top = Math.trunc(y), left = Math.trunc(x), bottom = Math.min(top + 1, SIDE - 1), right = Math.min(left + 1, SIDE - 1);
  const across = (row) => DATA.map[row][left] + (DATA.map[row][right] - DATA.map[row][left]) * (x - left);
  return across(top) + (across(bottom) - across(top)) * (y - top);
}

function rounded(x) { // to the nearest whole number; halves to the even one
  return x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);
}

function bin(start, end, i) { // the cells of bin i, as `pool._bin`
  const first = clip(rounded(start / 10), 0, SIDE - 1), length = Math.max(rounded(end / 10) - first, 1);
  const low = first + Math.floor((i * length) / 3), high = first + Math.ceil(((i + 1) * length) / 3);
  return [Math.min(low, SIDE - 1), Math.min(high, SIDE)];
}

function pooled(i, j) { // RoIPool: the largest value of the bin
  const [top, bottom] = bin(region[0], region[2], i), [left, right] = bin(region[1], region[3], j);
  return Math.max(...DATA.map.slice(top, bottom).flatMap((row) => row.slice(left, right)));
}

function samples(start, end, i) { // RoIAlign: two places in bin i, within the centres of the outermost cells
  const side = (end - start) / 30;
  return [0.25, 0.75].map((part) => clip(start / 10 + (i + part) * side - 0.5, 0, SIDE - 1));
}

function aligned(i, j) { // RoIAlign: the mean of four places in the bin
  const ys = samples(region[0], region[2], i), xs = samples(region[1], region[3], j);
  return ys.flatMap((y) => xs.map((x) => read(y, x))).reduce((a, b) => a + b) / 4;
}

function point(start, end, i) { // crop_and_resize: from corner to corner, 0 … 1 are the outermost centres
  const [low, high] = [start, end].map((edge) => f(f(f(edge / 10) - 0.5) / (SIDE - 1)));
  return f(f(low * (SIDE - 1)) + f(i * f(f(f(high - low) * (SIDE - 1)) / 2)));
}

function cropped(i, j) { // crop_and_resize: one place, and nothing beyond the map
  const y = point(region[0], region[2], i), x = point(region[1], region[3], j);
  return y >= 0 && y <= SIDE - 1 && x >= 0 && x <= SIDE - 1 ? read(y, x) : 0;
}

function show(now) {
  region = now;
  place(box, region);
  handle.setAttribute("cy", region[2]); handle.setAttribute("cx", region[3]);
  const ends = [[0, 2], [1, 3]].map(([a, b]) => [bin(region[a], region[b], 0)[0], bin(region[a], region[b], 2)[1]]);
  place(whole, [ends[0][0], ends[1][0], ends[0][1], ends[1][1]].map((edge) => 10 * edge));
  [pooled, aligned, cropped].forEach((way, k) => {
    three.forEach((i) => three.forEach((j) => {
      const value = way(i, j), cell = svg.querySelectorAll(".cell")[9 * k + 3 * i + j];
      cell.previousElementSibling.style.fill = `rgb(${Array(3).fill(Math.round(255 * value))})`;
      cell.style.fill = value < 0.5 ? "#fff" : "#000";
      cell.textContent = value.toFixed(2);
    }));
  });
  const places = (way, count) => [[0, 2], [1, 3]].map(([a, b]) => Array.from({ length: count }, (_, i) => way(region[a], region[b], i)));
  mark(".dot", places((start, end, i) => samples(start, end, i >> 1)[i % 2], 6));
  mark(".point", places(point, 3));
  document.querySelector("[name=region]").value = region.map((edge) => (edge / 10).toFixed(1)).join(" ");
}

function mark(kind, [ys, xs]) { // circles at the places where the map is read
  svg.querySelectorAll(kind).forEach((circle, n) => {
    circle.setAttribute("cy", 10 * ys[Math.floor(n / xs.length)] + 5);
    circle.setAttribute("cx", 10 * xs[n % xs.length] + 5);
  });
}

const MAP = [10 * SIDE, 10 * SIDE];
draggable(box, (dy, dx) => show(shifted(region, dy, dx, MAP)));
draggable(handle, (dy, dx) => show(stretched(region, dy, dx, MAP, 5)));
show(region);
