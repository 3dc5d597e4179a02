"""Read annotations that were changed on purpose: a dataset, or sentences that say what is wrong.

    python tests/fuzz_annotations.py --count 1000 --seed 0

Forms: COCO's polygons and run lengths, labelme, VIA of versions 1 to 3. Three quarters of the files
are JSON in which one to three values, anywhere, became others: of another type, extreme, deep,
long, empty, or the value of another place. The rest are damaged in their bytes. What is read has
its masks drawn. What counts as a failure: any exception but a `DatasetError` of printable lines
that name the file, more than ten seconds of processor time, or 1 GB of memory.
"""

import copy
import json
import sys
import tempfile
from pathlib import Path

from attack import arguments, attack, within_limits
from fuzz_photos import damaged
from PIL import Image
from test_annotation_forms import FORMS_OF_VIA, TRUTH, labelme_file
from test_annotations import dataset, picture

from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets.annotations import load_annotations
from minimaskrcnn.datasets.reading import check_pictures
from minimaskrcnn.datasets.remarks import remarks, too_small
from minimaskrcnn.errors import DatasetError

FORMS = {"COCO": dataset, "labelme": labelme_file, **FORMS_OF_VIA}
VALUES = [
    *(None, True, False, -1, 0, 1, 7, 1.5, -0.0, 1e300, -1e308, float("nan"), float("inf"), 10**30),
    *(
        "",
        " ",
        "1",
        "x",
        "1e999",
        "\x1b[31m\r\n",
        "\ud800",
        "../../etc/passwd",
        "a.png",
        "x" * 10**5,
    ),
    *([], {}, [[]], [{}], [None], {"": {}}, [1, 2, 3], [[1, 2], [3, 4], [5, 6]], {"counts": "x"}),
    *([0.0] * 10**4, [[0, 0, 1e8, 0, 1e8, 1e8]] * 200, {"size": [2**40, 2**40], "counts": [1]}),
]


def places(document):
    """(container, key) of every value in a document."""
    keys = document if isinstance(document, dict) else range(len(document))
    for key in keys:
        yield document, key
        if isinstance(document[key], dict | list):
            yield from places(document[key])


def changed(document, rs):
    """The document with one to three values changed, or keys removed or renamed."""
    document = copy.deepcopy(document)
    for _ in range(rs.randint(1, 4)):
        found = list(places(document)) or [({"": None}, "")]
        (container, key), (other, its_key) = (found[rs.randint(len(found))] for _ in range(2))
        kind = rs.randint(5)
        if kind == 0:
            container[key] = copy.deepcopy(other[its_key])
        elif kind == 1 and isinstance(container, dict):
            container[str(VALUES[rs.randint(14, 24)])] = container.pop(key)
        elif kind == 2:
            del container[key]
        else:
            container[key] = copy.deepcopy(VALUES[rs.randint(len(VALUES))])
    return document


def use(path):
    """'read' or 'refused': what becomes of loading a dataset and drawing its masks."""
    try:
        loaded = load_annotations(path)
        list(remarks(loaded))
        list(too_small(loaded, SHAPES))
        check_pictures(loaded)
        for i in range(len(loaded)):
            example = loaded.packed(i) if loaded.boxes_only else loaded[i]
            assert example.boxes.shape == (len(example.class_ids), 4)
        return "read"
    except DatasetError as error:
        lines = str(error).splitlines()
        assert str(path) in lines[0] and all(line.isprintable() for line in lines), lines
        assert len(str(error)) < 10_000, len(str(error))
        return "refused"


def main(count, seed=0, first=0):
    """Read `count` files; prints what became of them. Returns the exit status."""
    whole = {form: json.dumps(make()).encode() for form, make in FORMS.items()}
    names = sorted(whole)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "sub").mkdir()
        Image.fromarray(TRUTH.image).save(folder / "a.png")
        Image.fromarray(picture()).save(folder / "one.png")
        Image.fromarray(picture(30, 20, seed=1)).save(folder / "sub" / "two.png")
        path = folder / "annotations.json"

        def attempt(rs):
            content = whole[names[rs.randint(len(names))]]
            if rs.rand() < 0.75:
                content = json.dumps(changed(json.loads(content), rs)).encode()
            else:
                content = damaged(content, whole[names[rs.randint(len(names))]], rs)
            path.write_bytes(content)
            return within_limits(lambda: use(path))

        return 1 if attack("annotations", count, seed, attempt, first) else 0


if __name__ == "__main__":
    said = arguments(__doc__, count=1000)
    sys.exit(main(said.count, said.seed, said.first))
