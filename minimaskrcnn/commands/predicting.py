"""One run of `predict` over its photographs: predict, write, tell; and keep what failed.

Shapes  photographs, a model  ->  files, lines, how many are done
"""

import errno
import json
from collections import Counter
from dataclasses import replace
from time import perf_counter

from minimaskrcnn.commands.options import photo_of, settings_of, style_of
from minimaskrcnn.errors import ImageError, WeightsError, sentence
from minimaskrcnn.results.folder import ResultsFolder
from minimaskrcnn.runtime.ahead import ahead, outcomes
from minimaskrcnn.runtime.terminal import complain, progress_bar, say

HOPELESS = {errno.ENOSPC, errno.EROFS, errno.EDQUOT}  # every further file would fail, too


class Run:
    """One run over the photographs: counts what is done, and keeps what failed."""

    def __init__(self, model, photos, failures, folder, like, args):
        self.model, self.photos, self.failures, self.args = model, list(photos), failures, args
        self.begun, self.done, self.mute, self.results = 0, 0, False, None
        self.alone = len(photos) == 1
        if folder:
            names, style = model.config.class_names, style_of(args)
            given = (args.format, names, style, like, args.skip_existing)
            self.results = ResultsFolder(folder, photos, *given)
            failures += self.results.failures.values()
            self.photos = self.results.to_do()

    def do(self):
        """Predict and write all; returns how many photographs are done."""
        skipped, start = len(self.results.skipped) if self.results else 0, perf_counter()
        try:
            with progress_bar(
                total=len(self.photos), unit="image", hidden=self.args.quiet or self.alone
            ) as self.bar:
                self._each()
        finally:
            self._close()
        left = len(self.photos) - self.begun
        if left:
            were = "photograph was" if left == 1 else "photographs were"
            self.failures.append(f"{left} {were} not begun")
        if skipped and not self.args.quiet:
            complain(f"{skipped} were done before and skipped")
        if self.done > 1 and not self.args.quiet:
            minutes = (perf_counter() - start) / 60
            complain(f"{self.done} photographs, {self.done / minutes:.0f} per minute")
        return self.done + skipped

    def _each(self):
        settings, hopeless = settings_of(self.args), False

        def predict(path):
            return self.model.predict(photo_of(path), **settings)

        failing = ImageError, WeightsError, OSError  # weights may overflow on some pictures
        for path, outcome in ahead(outcomes(predict, self.photos, failing)):
            try:
                if isinstance(outcome, Exception):
                    raise outcome
                result = replace(outcome, source=path)
                if self.results:
                    self.results.write(path, result)
                self.done += 1
                self._tell(result)
            except BrokenPipeError:
                raise
            except failing as error:
                self._note(path, error)
                hopeless = getattr(error, "errno", None) in HOPELESS
            self.begun += 1
            self.bar.update()
            if hopeless or (self.mute and not self.results):
                return

    def _note(self, path, error):
        words = sentence(error)
        if isinstance(error, WeightsError):
            words = f"{path}: {self.args.weights}: {words}"
        named = words.startswith(str(path))  # else the picture is fine, but does not suit
        self.failures.append(words if named else f"{path}: {words}")
        if self.results:
            self.results.failures[path] = words

    def _close(self):
        """Write what belongs to all photographs, and say what was written."""
        if not self.results:
            return
        try:
            self.results.close()
        except OSError as error:
            self.failures.append(sentence(error))
        written, folder = self.results.written, self.results.folder
        if written and not self.args.quiet:
            tell = complain if self.args.json or self.mute else say
            tell(f"wrote {written} file{'s' if written != 1 else ''} to {folder.resolve()}")

    def _tell(self, result):
        """Print one result; where that fails the files are still written."""
        if self.mute:
            return
        try:
            with self.bar.external_write_mode():
                self._print(result)
        except BrokenPipeError:
            raise
        except OSError as error:
            self.failures.append(sentence(error))
            self.mute = True

    def _print(self, result):
        if self.args.json:
            say(json.dumps(result.to_dict(), allow_nan=False))  # pure ASCII: JSON in any locale
        elif not self.args.quiet:
            counts = Counter(result.labels).most_common()
            found = ", ".join(f"{count} {label}" for label, count in counts) or "nothing"
            say(*(repr(result).split("\n") if self.alone else [f"{result.source}: {found}"]))
