"""Categories: from the ids that a file uses to the class ids 1 … K of the network.

Idea    Programs list more than the classes: Roboflow a root above them, others a "background", VIA
        the same category once per picture. What no annotation uses and cannot be a class is left
        out; categories of one name are one class. The order is that of the ids, so that two files
        of the same categories give the same classes.
Shapes  the list `categories`, the category ids in use  ->  Classes
"""

from dataclasses import dataclass, replace

from minimaskrcnn.datasets.problems import noted
from minimaskrcnn.datasets.values import identity, order_of_ids, short, text
from minimaskrcnn.errors import DatasetError

NO_CLASSES = {"background", "_background_", "__background__", "__ignore__"}
NO_PARENT = {"", "none", "null"}


@dataclass(frozen=True)
class Classes:
    """The classes of a dataset."""

    names: tuple[str, ...]  # K + 1, the background first
    class_id_of: dict  # from category id to class id, 1 … K
    told: tuple[str, ...]  # what was read differently from how it is written
    bad: frozenset = frozenset()  # ids that were complained about


def read_categories(records, used, problems):
    """Return the Classes; complaints are appended to `problems`.

    Parameters
    ----------
    records : list, `categories` of the file
    used : set of the category ids that annotations name
    problems : list of str
    """
    names, parents, bad = {}, {}, set()
    for i, record in enumerate(records):
        with noted(problems):
            category = _identity(record, f"entry {i} (from 0) of 'categories'")
            bad.add(category)
            name = _name(record, category)
            if names.setdefault(category, name) != name:
                raise DatasetError(
                    f"category {category}: stands for {short(names[category])} and for "
                    f"{short(name)}; ids are unique"
                )
            bad.discard(category)
            parents[category] = str(record.get("supercategory") or "").strip()
    for category, name in _backgrounds(names, used):
        bad.add(category)
        problems.append(
            f"category {category}: is called {short(name)} and has annotations; the background is "
            "what no mask covers, rename the category"
        )
    left_out = {c for c in names if c not in used and _is_no_class(c, names, parents)}
    kept = {c: names[c] for c in sorted(names, key=order_of_ids) if c not in left_out}
    return replace(_merged(_without_unused_twins(kept, used), names, left_out), bad=frozenset(bad))


def _identity(record, where):
    if not isinstance(record, dict):
        raise DatasetError(f"{where}: has to be a JSON object, not {short(record)}")
    return identity(record, "id", where)


def _name(record, category):
    name = text(record, "name", f"category {category}")
    if not name.isprintable():
        raise DatasetError(
            f"category {category}: the name {short(name)} has characters that cannot be printed"
        )
    return name


def _backgrounds(names, used):
    return [(c, name) for c, name in names.items() if c in used and name.lower() in NO_CLASSES]


def _is_no_class(category, names, parents):
    """Whether an unused category is a background, or the root that the others name as theirs."""
    name, parent = names[category], parents[category]
    others = {parents[other] for other in names if other != category}
    return name.lower() in NO_CLASSES or (parent.lower() in NO_PARENT and name in others)


def _without_unused_twins(kept, used):
    """Without the categories that nothing uses and whose name one in use has."""
    in_use = {name for category, name in kept.items() if category in used}
    return {c: name for c, name in kept.items() if c in used or name not in in_use}


def _merged(kept, names, left_out):
    """Classes of the categories that are kept; those of one name are one class."""
    classes = list(dict.fromkeys(kept.values()))
    told = [f"no class, and left out: category {c}, {short(names[c])}" for c in sorted(
        left_out, key=order_of_ids
    )]  # fmt: skip
    if len(classes) < len(kept):
        twins = [c for c, name in kept.items() if list(kept.values()).count(name) > 1]
        told.append(f"categories of one name are taken as one class: {twins[:10]}")
    folded = {name.casefold() for name in classes}
    if len(folded) < len(classes):
        told.append("class names that differ in capitals only are different classes: "
                    + ", ".join(classes[:10]))  # fmt: skip
    class_ids = {category: 1 + classes.index(name) for category, name in kept.items()}
    return Classes(("background", *classes), class_ids, tuple(told))
