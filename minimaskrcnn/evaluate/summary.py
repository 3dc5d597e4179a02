"""The numbers of an evaluation in words: the COCO API's lines, and a table by class.

Shapes  Evaluation  ->  str
"""

from minimaskrcnn.errors import shortened
from minimaskrcnn.evaluate.compare import numbers_of

TITLES = {"AP": "Average Precision  (AP)", "AR": "Average Recall     (AR)"}


def summary(evaluation):
    """The usual twelve lines, worded as the COCO API does, for boxes and then for masks: a str.

    Parameters
    ----------
    evaluation : Evaluation, from `evaluate`

    Returns
    -------
    str
    """
    lines = ["Boxes:", *_lines(evaluation.box, evaluation.rules)]
    if evaluation.mask is not None:
        lines += ["Masks:", *_lines(evaluation.mask, evaluation.rules)]
    return "\n".join(lines)


def by_class(evaluation, class_names):
    """A table of the first number, AP over all thresholds, for each class alone: a str.

    Parameters
    ----------
    evaluation : Evaluation, from `evaluate`
    class_names : the background first

    Returns
    -------
    str; -1 stands, as in the twelve lines, where there are no such objects
    """
    kinds = [evaluation.box, *([] if evaluation.mask is None else [evaluation.mask])]
    names = [shortened(name, 40) for name in class_names[1:]]
    width = max(map(len, ["AP by class", *names]))
    lines = [f"{'AP by class':{width}}  {'boxes':>6}  {'masks':>6}"[: width + 8 * len(kinds)]]
    for i, name in enumerate(names):
        values = "".join(f"  {averages.class_ap[i]:6.3f}" for averages in kinds)
        lines.append(f"{name:{width}}{values}")
    return "\n".join(lines)


def _lines(averages, rules):
    first, last = f"{rules.thresholds[0]:.2f}", f"{rules.thresholds[-1]:.2f}"
    mark = "," if len(rules.thresholds) == 2 else ":"
    all_of_them = first if first == last else f"{first}{mark}{last}"
    rows = zip(numbers_of(rules), averages.stats, strict=True)
    for (measure, threshold, area_range, limit), value in rows:
        iou = all_of_them if threshold is None else f"{threshold:.2f}"
        which = f"IoU={iou:<9} | area={area_range:>6} | maxDets={limit:>3}"
        yield f" {TITLES[measure]} @[ {which} ] = {value:.3f}"
