// How much two boxes y1 x1 y2 x2 overlap, as `boxes.iou_matrix` has it.
function iou(p, q) {
  const down = Math.max(Math.min(p[2], q[2]) - Math.max(p[0], q[0]), 0);
  const across = Math.max(Math.min(p[3], q[3]) - Math.max(p[1], q[1]), 0);
  const area = (c) => (c[2] - c[0]) * (c[3] - c[1]);
  const union = area(p) + area(q) - down * across;
  return union > 0 ? (down * across) / union : 0;
}
