// Slide level and place: the anchors of one cell.
const [level, row, column] = ["level", "row", "column"].map((name) => document.querySelector(`input[name=${name}]`));
const boxes = [...document.querySelectorAll("rect.one")];

function anchors(stride, scale, i, j) {
  return DATA.ratios.map((ratio) => {
    const height = scale / Math.sqrt(ratio), width = scale * Math.sqrt(ratio);
    return [i * stride - height / 2, j * stride - width / 2, i * stride + height / 2, j * stride + width / 2];
  });
}

function show() {
  const k = Number(level.value) - 2, stride = DATA.strides[k];
  const rows = Math.ceil(DATA.size[0] / stride), columns = Math.ceil(DATA.size[1] / stride);
  row.max = rows - 1; column.max = columns - 1;
  const found = anchors(stride, DATA.scales[k], Number(row.value), Number(column.value));
  boxes.forEach((rect, i) => {
    const [y1, x1, y2, x2] = found[i];
    rect.setAttribute("y", y1); rect.setAttribute("x", x1);
    rect.setAttribute("height", y2 - y1); rect.setAttribute("width", x2 - x1);
  });
  document.querySelector("[name=where]").value =
    `P${k + 2}, row ${row.value} of ${rows}, column ${column.value} of ${columns}`;
  document.querySelector("[name=first]").value = found[0].map((edge) => edge.toFixed(1)).join("  ");
  document.querySelector("[name=index]").value =
    DATA.before[k] + (Number(row.value) * columns + Number(column.value)) * DATA.ratios.length;
}

for (const input of [level, row, column]) input.addEventListener("input", show);
show();
