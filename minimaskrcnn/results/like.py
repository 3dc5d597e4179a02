"""Like a dataset: the ids that annotations give to pictures and classes, found by their names.

Idea    To judge results by annotations in COCO's format, they must use the same ids. A picture is
        found by its path below the folder that was asked for, or by its bare name where only one
        picture has it.
Shapes  instances.json  ->  image ids by name, category ids by class
"""

from collections import defaultdict
from pathlib import PurePath

from minimaskrcnn.errors import DatasetError
from minimaskrcnn.runtime.json_texts import parse_json


class Like:
    """The ids of a file of annotations.

    Parameters
    ----------
    path : str or Path of the JSON file

    Raises
    ------
    DatasetError
        If it is not such a file.
    """

    def __init__(self, path):
        self.path, self.images = path, defaultdict(dict)  # bare name: {full name: id}
        try:
            with open(path, encoding="utf-8-sig") as file:
                dataset = parse_json(file.read())
            for image in dataset["images"]:
                name = PurePath(str(image["file_name"]).replace("\\", "/")).as_posix()
                self.images[PurePath(name).name][name] = int(image["id"])
            self.classes = {str(one["name"]): int(one["id"]) for one in dataset["categories"]}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DatasetError(f"{path}: has no images and categories as COCO's annotations do "
                               f"({error!r:.100})") from error  # fmt: skip

    def image_id(self, name):
        """The id of the picture of a name; DatasetError if none or several have it."""
        same = self.images.get(PurePath(name).name, {})
        if name in same:
            return same[name]
        if len(same) == 1:
            return next(iter(same.values()))
        what = f"{len(same)} images of this name" if same else "no image of this name"
        raise DatasetError(f"{name}: {self.path} has {what}")

    def categories(self, class_names):
        """The category of each class, K ints; classes that the file does not know get new ids.

        Raises
        ------
        DatasetError
            If it knows none of them.
        """
        new = max(self.classes.values(), default=0) + 1
        ids = [self.classes.get(name) for name in class_names]
        if not any(i is not None for i in ids[1:]):
            raise DatasetError(f"{self.path}: has none of the model's classes among its categories")
        return (0, *(new + k if i is None else i for k, i in enumerate(ids[1:])))
