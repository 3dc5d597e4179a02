"""The files that `minimaskrcnn predict` writes for each photograph.

Idea    NAME.detections.png is the picture, NAME.detections.json the list, NAME.masks.png the
        objects' numbers (an index picture; 0 is nothing, else 1 + number), NAME.crops/ has each
        object cut out, labelme/NAME.json and yolo/labels/NAME.txt are for other programs. Each says
        whose it is, so that a later run replaces what belongs to the same photograph only.
        A photograph itself is never written over: nothing is called by its own name.
Shapes  Detections  ->  files
"""

import json
import os
import re
import shutil
from pathlib import Path

from minimaskrcnn.photo.finding import DETECTIONS, MASKS
from minimaskrcnn.results.encoding import index_picture, write_picture
from minimaskrcnn.results.labelme import to_labelme
from minimaskrcnn.results.naming import mark
from minimaskrcnn.results.yolo import to_yolo
from minimaskrcnn.runtime.files import written_whole
from minimaskrcnn.runtime.json_texts import parse_json

PATTERNS = {
    "png": "{}" + DETECTIONS,
    "json": "{}.detections.json",
    "masks": "{}" + MASKS,
    "crops": "{}.crops",
    "labelme": "labelme/{}.json",
    "yolo": "yolo/labels/{}.txt",
}
YOLO = "yolo/data.yaml"  # written as JSON, which is YAML
CROP = re.compile(r"\d{2,}_.*\.png")  # what is in NAME.crops/


def path_for(folder, name, form):
    """Where a photograph's file of a form goes: a Path."""
    return Path(folder, PATTERNS[form].replace("{}", name))


def is_free(folder, name, photo, in_yolo):
    """Whether no file that begins with `name` belongs to another photograph, as it says itself.

    `in_yolo` is what `photographs_of_yolo` gives.
    """
    paths = {form: path_for(folder, name, form) for form in PATTERNS}
    if in_yolo.get(name, mark(photo, folder)) != mark(photo, folder):
        return False
    return all(
        _owner(path) in (None, mark(photo, path.parent if form == "labelme" else folder))
        for form, path in paths.items()
        if path.exists()
    )


def is_done(folder, name, forms):
    """Whether a photograph has its files of all forms; each is whole, or it would not be there."""
    return all(path_for(folder, name, form).exists() for form in forms if form in PATTERNS)


def photographs_of_yolo(folder):
    """{name: mark of its photograph} of YOLO's files, which cannot say it themselves."""
    try:
        return dict(parse_json(Path(folder, YOLO).read_bytes())["photographs"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _owner(path):
    """The mark that a file bears; None if it says nothing."""
    from PIL import Image

    try:
        if path.is_dir():  # of crops
            return next(filter(None, map(_owner, sorted(path.glob("*.png")))), None)
        if path.suffix == ".png":
            with Image.open(path) as picture:
                return picture.info.get("Photograph")
        if path.suffix == ".json":
            values = parse_json(path.read_bytes())
            return values.get("photograph", values.get("imagePath"))
    except (OSError, ValueError, AttributeError, SyntaxError):
        pass  # not a file of ours
    return None


def write_result(result, name, folder, forms, photo, style):
    """Write the files of one photograph.

    Parameters
    ----------
    result : Detections
    name : str, what the files' names begin with; it may name folders
    folder : Path, which is there
    forms : any of `PATTERNS`; others are passed over
    photo : path of the photograph
    style : dict of the options of `picture.draw`

    Returns
    -------
    int : how many files were written

    Raises
    ------
    OSError
        If one cannot be written.
    """
    own, count = mark(photo, folder), 0
    for form in (form for form in PATTERNS if form in forms):
        path = path_for(folder, name, form)
        path.parent.mkdir(parents=True, exist_ok=True)
        if form == "png":
            write_picture(path, result.draw(**style), own)
        elif form == "json":
            write_text(
                path,
                json.dumps(result.to_dict() | {"photograph": own}, indent=1, ensure_ascii=False),
            )
        elif form == "masks":
            write_picture(path, index_picture(result), own)
        elif form == "crops":
            count += _write_crops(result, path, own) - 1
        elif form == "labelme":
            write_text(path, json.dumps(to_labelme(result, mark(photo, path.parent)), indent=1))
        else:
            write_text(path, to_yolo(result))
        count += 1
    return count


def _write_crops(result, folder, own):
    """Write the crops into a new folder, which then takes the place of an older one's."""
    beside = folder.with_name(f".{os.urandom(8).hex()}.part")
    beside.mkdir()
    try:
        for i, detection in enumerate(result):
            label = re.sub(r"[^\w-]+", "_", detection.label).encode()[:100].decode(errors="ignore")
            write_picture(beside / f"{i:02d}_{label}.png", detection.crop, own)
        if folder.exists():
            for path in [path for path in folder.iterdir() if not CROP.fullmatch(path.name)]:
                os.replace(path, beside / path.name)  # somebody's own
            shutil.rmtree(folder)
        os.replace(beside, folder)
    except OSError as error:
        raise OSError(error.errno, f"cannot be written ({error.strerror})", str(folder)) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return len(result)


def write_text(path, text):
    """Write a text, UTF-8; of a file name that is none, bytes become escapes: \\udce9."""
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
