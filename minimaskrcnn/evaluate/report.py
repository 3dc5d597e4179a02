"""The report of an evaluation: everything behind the numbers, in files.

Idea    detections.json    what was found, as COCO's results: other tools judge the same detections
        summary.txt        the lines that are printed
        classes.csv        per class: how many objects and detections there are, and the APs
        precision_recall   .csv: the curve of each class at the lowest threshold; .png: drawn
        confusion          .csv: what was found as what; .png: drawn
Shapes  Evaluation, pairs of GroundTruth and Found  ->  a folder
"""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minimaskrcnn.evaluate.confusion import CONFIDENT, OVERLAP, confusion_matrix
from minimaskrcnn.evaluate.rules import RECALLS
from minimaskrcnn.evaluate.summary import by_class, summary
from minimaskrcnn.runtime.files import written_whole

MOST_CURVES = 7  # that are drawn one by one; more classes are averaged


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a report is made of."""

    evaluation: object  # Evaluation
    pairs: list  # of (GroundTruth, Found), one per image, masks as run lengths
    image_ids: list  # of the images
    category_ids: list  # K: the dataset's own id of each class
    class_names: tuple  # K + 1, the background first


def write_report(outcome, folder):
    """Write the files.

    Parameters
    ----------
    outcome : Outcome
    folder : Path; made if it is not there

    Returns
    -------
    list of the files' names
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    evaluation, names = outcome.evaluation, outcome.class_names
    counts = confusion_matrix(outcome.pairs, names, evaluation.mask is not None)
    texts = {
        "detections.json": json.dumps(_results(outcome)),
        "summary.txt": f"{summary(evaluation)}\n{by_class(evaluation, names)}\n",
        "classes.csv": _table(_class_rows(outcome)),
        "precision_recall.csv": _table(_curve_rows(outcome)),
        "confusion.csv": _table(_confusion_rows(counts, names)),
    }
    for name, text in texts.items():
        with written_whole(folder / name) as beside:
            beside.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
    _draw(outcome, counts, folder)
    return [*texts, "precision_recall.png", "confusion.png"]


def _results(outcome):
    """COCO's results format, with the dataset's own ids."""
    results = []
    for image_id, (_, found) in zip(outcome.image_ids, outcome.pairs, strict=True):
        for i, (y1, x1, y2, x2) in enumerate(np.asarray(found.boxes).tolist()):
            record = {
                "image_id": image_id,
                "category_id": outcome.category_ids[found.class_ids[i] - 1],
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "score": round(float(found.scores[i]), 6),
            }
            mask = {} if found.masks is None else {"segmentation": found.masks[i]}
            results.append(record | mask)
    return results


def _table(rows):
    """Rows as CSV."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def _kinds(evaluation):
    """The judged: {"box": Averages, "mask": Averages}."""
    kinds = {"box": evaluation.box, "mask": evaluation.mask}
    return {name: averages for name, averages in kinds.items() if averages is not None}


def _class_rows(outcome):
    kinds, thresholds = _kinds(outcome.evaluation), outcome.evaluation.rules.thresholds
    columns = [f"{kind} AP{t}" for kind in kinds for t in ("", *(f"@{t:.2f}" for t in thresholds))]
    yield ["class", "objects", "detections", *columns]
    objects, detections = (
        sum(np.bincount(ids, minlength=len(outcome.class_names)) for ids in side)
        for side in (
            [t.class_ids[~np.asarray(t.crowd, bool)] for t, _ in outcome.pairs],
            [f.class_ids for _, f in outcome.pairs],
        )
    )
    for k, name in enumerate(outcome.class_names[1:]):
        aps = []
        for averages in kinds.values():
            curves = averages.precision[:, :, k, 0, -1]  # (T, R)
            aps += [averages.class_ap[k], *curves.mean(axis=1)]
        yield [name, objects[k + 1], detections[k + 1], *(f"{ap:.4f}" for ap in aps)]


def _curve_rows(outcome):
    kinds, names = _kinds(outcome.evaluation), outcome.class_names[1:]
    yield ["recall", *(f"{kind} {name}" for kind in kinds for name in names)]
    curves = [averages.precision[0, :, :, 0, -1] for averages in kinds.values()]  # (R, K) each
    for recall, row in zip(RECALLS, np.concatenate(curves, axis=1), strict=True):
        yield [f"{recall:.2f}", *(f"{precision:.4f}" for precision in row)]


def _confusion_rows(counts, names):
    yield ["is \\ found as", "nothing", *names[1:]]
    for name, row in zip(("nothing", *names[1:]), counts.tolist(), strict=True):
        yield [name, *row]


def _draw(outcome, counts, folder):
    from minimaskrcnn.pictures.charts import counted, curves

    kind, averages = list(_kinds(outcome.evaluation).items())[-1]
    table, names = averages.precision[0, :, :, 0, -1], outcome.class_names[1:]  # (R, K)
    known = [k for k in range(len(names)) if averages.class_ap[k] >= 0]
    lines = {names[k]: (RECALLS, table[:, k]) for k in known}
    if len(known) > MOST_CURVES:
        lines = {f"mean of {len(known)} classes": (RECALLS, table[:, known].mean(axis=1))}
    threshold = outcome.evaluation.rules.thresholds[0]
    title = f"{kind}es" if kind == "box" else f"{kind}s"
    curves(lines, "recall", "precision", f"{title}, IoU {threshold:.2f}").save(
        folder / "precision_recall.png"
    )
    title = f"scores from {CONFIDENT}, IoU from {OVERLAP}"
    counted(counts, ("nothing", *names), title).save(folder / "confusion.png")
