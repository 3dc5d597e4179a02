"""A folder of results: who writes where, what is there already, and what has failed.

Idea    All that is decided before the work: names, ids, what may be skipped, whether the folder can
        be written. During the work each photograph's files are written at once; at the end, however
        it comes, the files of all and the list of failures, detections.failed.csv.
Shapes  photographs, Detections one after the other  ->  files
"""

import csv
import io
from pathlib import Path

from minimaskrcnn.errors import DatasetError, sentence
from minimaskrcnn.results import outputs
from minimaskrcnn.results.coco import category_ids
from minimaskrcnn.results.collected import NAMES, Collected
from minimaskrcnn.results.naming import file_names, image_ids, list_names, mark
from minimaskrcnn.runtime.files import make_folder

FORMS = (*outputs.PATTERNS, *NAMES)  # all that can be written
FAILED = "detections.failed.csv"


class ResultsFolder:
    """Where the results of some photographs go.

    Parameters
    ----------
    folder : Path; made if it is not there
    photos : {path: its name below what was asked for}, all that are to come
    forms : any of `FORMS`
    class_names : K of them, the background first
    style : dict of options of `picture.draw`
    like : `like.Like`, whose ids are used, or None
    skip_existing : whether photographs that have all their files are left out, and the files of all
        photographs continued

    Raises
    ------
    OSError
        If nothing can be written there.
    """

    def __init__(
        self, folder, photos, forms, class_names, style=None, like=None, skip_existing=False
    ):
        make_folder(folder)
        self.folder, self.forms, self.style = Path(folder), forms, style or {}
        self.failures, self.written = {}, 0  # {path or what was asked for: why}, files
        self.names = list_names(photos)
        self.marks = {path: mark(path, folder) for path in photos}
        self.ids = image_ids(self.names) if like is None else self._ids_of(like)
        in_yolo = outputs.photographs_of_yolo(folder)
        self.stems = file_names(
            self.names, lambda stem, path: outputs.is_free(folder, stem, path, in_yolo)
        )
        categories = category_ids(class_names) if like is None else like.categories(class_names)
        ids = {self.marks[path]: i for path, i in self.ids.items()}
        self.collected = Collected(folder, forms, class_names, categories, ids, skip_existing)
        self.skipped = [path for path in self.ids if skip_existing and self._is_done(path)]
        if skip_existing and like is None:
            self._renumber()

    def _ids_of(self, like):
        """The ids of the photographs that a dataset knows; the others have failed."""
        ids = {}
        for path, name in self.names.items():
            try:
                ids[path] = like.image_id(name)
            except DatasetError as error:
                self.failures[path] = sentence(error)
        return ids

    def _is_done(self, path):
        done = outputs.is_done(self.folder, self.stems[path], self.forms)
        return done and self.collected.holds(self.marks[path])

    def _renumber(self):
        """Let photographs keep the ids that they have in a file that is continued."""
        known = {own: image["id"] for own, image in self.collected.images.items()}
        free = max([0, *known.values(), *self.ids.values()]) + 1
        for path, own in self.marks.items():
            if own in known:
                self.ids[path] = known[own]
            elif self.ids[path] in known.values():
                self.ids[path], free = free, free + 1

    def to_do(self):
        """The paths that are to be predicted, in order."""
        left_out = {*self.skipped, *self.failures}
        return [path for path in self.names if path not in left_out]

    def write(self, path, result):
        """Write the files of one photograph; OSError if one cannot be written."""
        stem = self.stems[path]
        self.written += outputs.write_result(
            result, stem, self.folder, self.forms, path, self.style
        )
        name, own = self.names[path], self.marks[path]
        self.collected.add(result, name, self.ids[path], own, stem)

    def close(self):
        """Write the files of all photographs, and the list of failures; may raise OSError."""
        try:
            if self.collected.images:
                self.collected.save()
        finally:
            self._write_failures()
        self.written += len(self.collected.written)

    def _write_failures(self):
        """Failures of this run; of earlier ones, those of photographs that are not in this one."""
        path = self.folder / FAILED
        own = {self.marks.get(asked, asked): why for asked, why in self.failures.items()}
        older = csv.reader(io.StringIO(path.read_text(encoding="utf-8"))) if path.exists() else ()
        rows = [
            row for row in older if len(row) == 2 and row[0] not in {*own, *self.marks.values()}
        ]
        rows = [*(rows or [["photograph", "why"]]), *map(list, own.items())]
        if len(rows) > 1:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows)
            outputs.write_text(path, text.getvalue())
        elif path.exists():
            path.unlink()
