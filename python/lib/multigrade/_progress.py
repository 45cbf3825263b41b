"""What a fit shows and tells while it runs."""

import json
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass

PAUSE = 0.1  # seconds between two changes of the bar; more often could not be read


@dataclass(frozen=True)
class Event:
    """Something that happened during a fit."""

    kind: str
    """`grade_started`, `progress`, `grade_finished`, `proving` or `note`."""
    grade: int | None = None
    """Number of the grade, from 1."""
    doing: str | None = None
    """What begins, or what was decided, in words."""
    updates: int | None = None
    """Updates made since the work began; of `grade_started`, the largest number of them."""
    objective: float | None = None
    """Objective of the network that reports its progress."""
    learning_rate: float | None = None
    """Its learning rate, for solvers that have one."""
    measured: float | None = None
    """Of `proving`: the largest error measured; its `objective` is the bound so far, its `updates` are boxes."""
    record: dict | None = None
    """What is known of a finished grade: network, losses and residual norms."""


@contextmanager
def observer(verbose, callback):
    """A function for the native module that tells the bar and the callback of every event; None if there is neither."""
    bar = _bar() if verbose else None
    if bar is None and callback is None:
        yield None
        return

    def watch(text):
        event = Event(**json.loads(text))
        if bar is not None:
            bar.show(event)
        return bool(callback(event)) if callback is not None else False

    try:
        yield watch
    finally:
        if bar is not None:
            bar.close()


def _bar():
    if _in_notebook():
        return _NotebookBar()
    return _TerminalBar() if sys.stderr.isatty() else _Lines()


def _in_notebook():
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


class _Lines:
    """One line for each finished grade."""

    def __init__(self):
        self._last_grade, self._shown, self._total, self._prefix = 0, 0.0, 1, ""

    def show(self, event):
        if event.kind == "grade_started":
            self._total, self._prefix = max(event.updates, 1), f"grade {event.grade}: {event.doing}"
            self._draw(0.0, "")
        elif event.kind == "progress" and time.monotonic() - self._shown > PAUSE:
            self._shown = time.monotonic()
            loss = "" if event.objective is None else f"loss {event.objective:.3g}"
            self._draw(min(event.updates / self._total, 1.0), loss)
        elif event.kind == "proving" and time.monotonic() - self._shown > PAUSE:
            self._shown, self._prefix = time.monotonic(), f"proving {event.updates} boxes:"
            if event.objective and event.measured is not None:
                text = f"bound {event.objective:.3g}, measured {event.measured:.3g}"
                self._draw(event.measured / event.objective, text)
        # Grades that are trained again on all rows have been shown already.
        elif event.kind == "grade_finished" and event.grade > self._last_grade:
            self._last_grade = event.grade
            self._line(grade_line(event.record))

    def _draw(self, share, text):
        pass

    def _line(self, text):
        print(text, file=sys.stderr)

    def close(self):
        pass


class _TerminalBar(_Lines):
    """A line that is written over and over again."""

    def _draw(self, share, text):
        bar = "=" * int(16 * share) + ">"
        sys.stderr.write(f"\r\x1b[2K[{bar:<17.17}] {share:4.0%} {self._prefix} {text}"[:200])
        sys.stderr.flush()

    def _line(self, text):
        self.close()
        super()._line(text)

    def close(self):
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


class _NotebookBar(_Lines):
    """A bar of HTML below the cell, with a line for each finished grade."""

    def __init__(self):
        super().__init__()
        from IPython.display import HTML, display

        self._html, self._lines, self._bar = HTML, [], ""
        self._handle = display(HTML(""), display_id=True)

    def _draw(self, share, text):
        self._bar = f"<progress value='{share:.3f}' max='1'></progress> {_escaped(self._prefix)} {text}"
        self._update()

    def _line(self, text):
        self._lines.append(_escaped(text))
        self._update()

    def close(self):
        self._bar = ""
        self._update()

    def _update(self):
        self._handle.update(self._html("<br>".join([*self._lines, self._bar])))


def _escaped(text):
    from html import escape

    return escape(text)


def grade_line(record):
    """For example `grade 1: 5 x tanh 32-32; held-out RMSE 812, 1.21e-06`."""
    kind, norms = ("held-out", record["validation"]) if record["validation"] else ("training", record["train"])
    errors = ", ".join(f"{float(norm['l2']):.4g}" for norm in norms)
    return f"grade {record['grade']}: {record['hidden']}; {kind} RMSE {errors}"
