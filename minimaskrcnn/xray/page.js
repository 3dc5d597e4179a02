// Each box knows its score and, one digit a step of the NMS slider, whether NMS keeps it there.
for (const figure of document.querySelectorAll("figure.switched")) {
  const steps = figure.dataset.steps.split(" ");
  const boxes = figure.querySelectorAll(".box");
  const form = figure.querySelector(".sliders");
  const say = (name, text) => { figure.querySelector(`output[name=${name}]`).textContent = text; };
  const show = () => {
    const step = Number(form.elements.nms.value);
    const least = form.elements.score ? Number(form.elements.score.value) : 0;
    let left = 0;
    for (const box of boxes) {
      const stays = box.dataset.kept[step] === "1" && Number(box.dataset.score) >= least;
      box.classList.toggle("gone", !stays);
      left += stays;
    }
    figure.classList.toggle("crowded", left > 25);
    say("count", left);
    say("iou", steps[step]);
    if (form.elements.score) say("least", least.toFixed(2));
  };
  form.hidden = false;
  form.addEventListener("input", show);
  show();
}
