"""The files that `minimaskrcnn predict` writes for all photographs together.

Idea    detections.coco.json is a dataset in COCO's format, detections.polygons.json the same with
        polygons, detections.boxes.json and detections.masks.json are lists for `COCO.loadRes` (each
        is judged by itself), detections.csv has a row per object, yolo/data.yaml names the classes.
        They are written whole, again and again: whenever a tenth more photographs is done, and at
        the end, however it comes. What an earlier run has written about other photographs is not
        replaced: the new files then are called detections-2, or the old ones are continued.
Shapes  Detections, one after the other  ->  files
"""

import csv
import io
import json
from itertools import chain, count
from pathlib import Path

from minimaskrcnn.errors import DatasetError, SettingError, shortened
from minimaskrcnn.results import coco
from minimaskrcnn.results.outputs import YOLO, photographs_of_yolo, write_text
from minimaskrcnn.results.rows import COLUMNS
from minimaskrcnn.runtime.json_texts import parse_json

NAMES = {
    "coco": ("{}.coco.json",),
    "polygons": ("{}.polygons.json",),
    "results": ("{}.boxes.json", "{}.masks.json"),
    "csv": ("{}.csv",),
}
CSV_COLUMNS = ("file_name", "image_id", *COLUMNS, "photograph")


class Collected:
    """What was found in all photographs so far.

    Parameters
    ----------
    folder : Path, which is there
    forms : any of `NAMES` and "yolo"; others are passed over
    class_names : K of them, the background first
    categories : K ints, COCO's category of each class
    marks : {mark of a photograph: its image id}, of all that are to come
    going_on : whether what the files hold already is kept and continued
    """

    def __init__(self, folder, forms, class_names, categories, marks, going_on=False):
        self.folder, self.categories, self.class_names = folder, categories, class_names
        self.forms = [form for form in NAMES if form in forms]
        self.yolo = photographs_of_yolo(folder) if "yolo" in forms else None  # {NAME: mark}
        self.images, self.saved, self.written = {}, 0, []  # {mark: COCO's image}, how many, paths
        self.records = {form: {} for form in self.forms}  # {mark: records or rows}
        stems = chain(["detections"], (f"detections-{i}" for i in count(2)))
        self.stem = next(s for s in stems if going_on or self._may_replace(s, marks))
        if going_on:
            self._read()

    def add(self, result, name, image_id, own, stem):
        """Add one photograph: its name in lists, its id, its mark, its files' beginning."""
        height, width = result.image.shape[:2]
        image = {"id": image_id, "file_name": name, "height": height, "width": width}
        self.images[own] = image | {"photograph": own}
        for form, records in self.records.items():
            records[own] = self._records(form, result, self.images[own])
        if self.yolo is not None:
            self.yolo[stem] = own
        if len(self.images) >= 1.1 * self.saved:
            self.save()

    def _records(self, form, result, image):
        if form == "csv":
            ends = {"file_name": image["file_name"], "image_id": image["id"]}
            return [ends | row | {"photograph": image["photograph"]} for row in result.to_rows()]
        given = {"polygons": form == "polygons", "categories": self.categories}
        if form == "results":
            return coco.to_coco(result, image["id"], **given)
        return coco.annotations(result, image["id"], 0, **given)

    def save(self):
        """Write all files."""
        self.written = [self._path(name) for form in self.forms for name in NAMES[form]]
        for form in self.forms:
            records = [one for own in self.images for one in self.records[form].get(own, [])]
            for path, text in zip(
                map(self._path, NAMES[form]), self._texts(form, records), strict=True
            ):
                write_text(path, text)
        if self.yolo is not None:
            self.written.append(Path(self.folder, YOLO))
            write_text(self.written[-1], self._yolo_text())
        self.saved = len(self.images)

    def holds(self, own):
        """Whether all files have the photograph of a mark already."""
        return all(own in records for records in self.records.values())

    def _texts(self, form, records):
        """The contents of the files of a form."""
        if form == "csv":
            text = io.StringIO()
            writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(records)
            return [text.getvalue()]
        if form == "results":
            without = ("segmentation", "bbox")
            return [
                json.dumps([{k: r[k] for k in r if k != out} for r in records]) for out in without
            ]
        numbered = [record | {"id": i} for i, record in enumerate(records, start=1)]
        named = list(zip(self.categories, self.class_names, strict=True))[1:]  # without background
        categories = [{"id": int(i), "name": name} for i, name in named]
        images = list(self.images.values())
        return [json.dumps({"images": images, "annotations": numbered, "categories": categories})]

    def _yolo_text(self):
        """JSON, which is YAML as well."""
        names = dict(enumerate(self.class_names[1:]))
        folders = {"path": ".", "train": "images", "val": "images"}
        return json.dumps(folders | {"names": names, "photographs": self.yolo}, indent=1)

    def _path(self, name):
        return Path(self.folder, name.format(self.stem))

    def _may_replace(self, stem, marks):
        """Whether the files of a stem hold nothing of photographs that are not to come."""
        paths = [
            Path(self.folder, name.format(stem)) for form in self.forms for name in NAMES[form]
        ]
        return all(_held(path, marks) for path in paths if path.exists())

    def _read(self):
        """Take over what the files hold."""
        for form in self.forms:
            path = self._path(NAMES[form][-1])
            if path.exists():
                try:
                    self._read_form(form, path)
                except SettingError:
                    raise
                except (KeyError, TypeError, ValueError) as error:
                    raise DatasetError(f"{path}: cannot be continued ({error!r:.100})") from error

    def _read_form(self, form, path):
        if form == "results":
            raise SettingError(
                f"{path}: a list of results does not say which photographs it has; continue it as "
                "--format coco"
            )
        if form == "csv":
            rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
            for row in rows:
                self.records[form].setdefault(row["photograph"], []).append(row)
                names = {"id": int(row["image_id"]), "file_name": row["file_name"]}
                self.images.setdefault(row["photograph"], names)
            return
        dataset = parse_json(path.read_text(encoding="utf-8"))
        known = {one["id"]: one["name"] for one in dataset["categories"]}
        named = zip(self.categories, self.class_names, strict=True)
        if known != dict(list(named)[1:]):
            listed = shortened(", ".join(map(str, known.values())), 60)
            raise SettingError(f"{path}: has other classes ({listed}); choose another --output")
        marks = {image["id"]: image["photograph"] for image in dataset["images"]}
        self.images |= {image["photograph"]: image for image in dataset["images"]}
        self.records[form] = {own: [] for own in marks.values()}
        for record in dataset["annotations"]:
            self.records[form][marks[record["image_id"]]].append(record)


def _held(path, marks):
    """Whether a file's photographs are all among the marks; False for a file that is not ours."""
    try:
        if path.suffix == ".csv":
            rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
            return all(row["photograph"] in marks for row in rows)
        values = parse_json(path.read_bytes())
        if isinstance(values, list):
            return all(record["image_id"] in marks.values() for record in values)
        return all(image["photograph"] in marks for image in values["images"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
