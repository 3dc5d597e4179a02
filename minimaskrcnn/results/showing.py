"""Showing: in the notebook where there is one, else in the programs of the system."""

import sys
import tempfile
import webbrowser
from pathlib import Path

from minimaskrcnn.errors import SettingError


def in_notebook():
    """Whether a Jupyter kernel runs this."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


def show_picture(pixels):
    """Show a picture (H, W, 3) uint8; SettingError if nothing here can."""
    from PIL import Image, ImageShow

    picture = Image.fromarray(pixels)
    if in_notebook():
        _display(picture)
    elif not ImageShow.show(picture):
        raise SettingError("no program that shows pictures was found; save the result to a file")


def show_page(report):
    """Show a page: in the notebook, or in the browser; SettingError if nothing here can."""
    if in_notebook():
        _display(report)
        return
    path = Path(tempfile.mkdtemp(prefix="minimaskrcnn-"), "report.html")
    report.save(path)
    if not webbrowser.open(path.as_uri()):
        raise SettingError(f"no browser was found; the page is in {path}")


def _display(thing):
    sys.modules["IPython"].display.display(thing)  # there, where a notebook is: no dependency
