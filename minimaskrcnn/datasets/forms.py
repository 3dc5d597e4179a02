"""Forms: which program wrote these annotations, and how they become COCO's.

Idea    Everything after this module knows one form, the lists `images`, `categories` and
        `annotations` of COCO. A file or folder of another form is recognised by what it holds, and
        rewritten; what is none of them is named, with what to do.
Shapes  path of a file or folder  ->  document of COCO's lists, folder of the pictures
"""

from pathlib import Path

from minimaskrcnn.datasets import label_pictures, labelme, via
from minimaskrcnn.datasets.documents import read_json
from minimaskrcnn.datasets.problems import noted, refuse
from minimaskrcnn.datasets.values import short
from minimaskrcnn.errors import DatasetError

EXPORT = "export the annotations in COCO's format (instances)"


def read_document(path, images_dir, problems):
    """Return annotations of any known form in COCO's.

    Parameters
    ----------
    path : Path of a JSON file (COCO, VIA, labelme), or of a folder: labelme's JSON files, label
        pictures, masks of single objects, or one JSON file
    images_dir : path of the folder of pictures, or None: where the annotations are
    problems : list of str; complaints about single records are appended

    Returns
    -------
    document : dict with the lists `images`, `categories` and `annotations`
    folder : Path that the names of pictures start from
    told : list of str, what the user should know of how it was read

    Raises
    ------
    DatasetError
        If it is none of the forms.
    """
    beside = path if path.is_dir() else path.parent
    folder = beside if images_dir is None else Path(images_dir)
    if path.is_dir():
        document, told = _of_folder(path, folder, problems)
    else:
        document, told = _of_file(path, read_json(path), folder, problems)
    if not folder.is_dir():
        found = "no folder" if folder.exists() else "not there"
        raise DatasetError(f"{path}: the folder of pictures, {folder}, is {found}")
    return document, folder, told


def _of_file(path, document, folder, problems):
    if via.is_via(document):
        return _named(path, via.read_via, document, problems)
    if labelme.is_labelme(document):
        return labelme.read_labelme({path: document}, folder, problems)
    kind = _other_form(document)
    if kind:
        raise DatasetError(f"{path}: {kind}")
    if not isinstance(document, dict):
        found = short(document)
        raise DatasetError(f"{path}: has to be an object with the list 'images', not {found}")
    return document, []


def _of_folder(path, folder, problems):
    files = sorted(path.glob("*.json"))
    if not files:
        return _named(path, label_pictures.read_label_pictures, path, folder, problems)
    if len(files) == 1:
        return _of_file(files[0], read_json(files[0]), folder, problems)
    documents, unread = {}, []
    for file in files:
        with noted(unread):
            documents[file] = read_json(file)
    chosen = {file: doc for file, doc in documents.items() if labelme.is_labelme(doc)}
    if not chosen:
        refuse(path, unread)
        names = ", ".join(file.name for file in files[:5])
        raise DatasetError(f"{path}: has {len(files)} JSON files ({names}); give one of them")
    problems += unread
    document, told = labelme.read_labelme(chosen, folder, problems)
    others = [file.name for file in documents if file not in chosen]
    if others:
        told.append(f"not of labelme, and left out: {len(others)} files (such as {others[0]})")
    return document, told


def _named(path, read, *given):
    """Call a reader; its complaints about the whole begin with the path."""
    try:
        return read(*given)
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from None


def _other_form(document):
    """The sentence about a document of another program, or None."""
    if isinstance(document, list):
        first = document[0] if document and isinstance(document[0], dict) else {}
        if "score" in first and "image_id" in first:
            return (
                "is a list of results, what a detector has found, and no dataset: give the "
                "annotations that it was to find"
            )
        if "data" in first or "annotations" in first or "completions" in first:
            return f"is Label Studio's own JSON; {EXPORT}"
        return None
    if not isinstance(document, dict) or "images" in document:
        return _panoptic(document)
    if document.get("type") == "FeatureCollection":
        return f"is GeoJSON, as QuPath writes it; {EXPORT}, or label pictures"
    if "objects" in document and "size" in document:
        return f"is Supervisely's JSON of one picture; {EXPORT}"
    if document and all(isinstance(x, dict) and "url" in x for x in document.values()):
        return f"is a project of another program; {EXPORT}"
    return None


def _panoptic(document):
    records = document.get("annotations") if isinstance(document, dict) else None
    first = records[0] if isinstance(records, list) and records else None
    if isinstance(first, dict) and "segments_info" in first:
        return f"is COCO's panoptic form, without a mask per object; {EXPORT}"
    return None
