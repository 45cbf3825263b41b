"""A fit can be watched and stopped, and other threads go on while it runs."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import quick

from multigrade import Event, Interrupted, MultigradeRegressor, certify


def test_a_callback_sees_every_grade_begin_and_end(rows):
    X, y = rows
    events = []
    quick(callback=events.append, refit=False).fit(X, y)
    assert all(isinstance(event, Event) for event in events)
    assert [event.grade for event in events if event.kind == "grade_started"] == [1, 2]
    finished = [event for event in events if event.kind == "grade_finished"]
    assert [event.grade for event in finished] == [1, 2]
    assert finished[0].record["hidden"] == "tanh 32-32"
    assert finished[0].record["loss_after"] < finished[0].record["loss_before"]


def test_a_callback_can_end_the_fit(rows):
    X, y = rows
    regressor = quick(grades=5, callback=lambda event: event.kind == "grade_finished", refit=False).fit(X, y)
    assert regressor.n_grades_ < 5
    assert regressor.stop_ == "interrupted; the grades done so far were kept"


def test_an_exception_of_a_callback_ends_the_fit_and_is_raised(rows):
    X, y = rows

    def callback(event):
        if event.kind == "grade_finished":
            raise KeyError("enough")

    regressor = quick(grades=200, callback=callback, refit=False)
    with pytest.raises(KeyError, match="enough"):
        regressor.fit(X, y)
    assert 1 <= regressor.n_grades_ < 200
    assert regressor.predict(X).shape == y.shape


def slow(**parameters):
    """A fit of several minutes unless it is stopped."""
    return MultigradeRegressor(grades=["512,512:tanh"] * 50, solver="lbfgs", iterations=10**6, **parameters)


def test_ctrl_c_ends_a_fit_and_keeps_what_was_done(rows):
    X, y = rows
    regressor = slow()
    # A process started in the background ignores Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        regressor.fit(X, y)
    assert np.isfinite(regressor.predict(X)).all()


def test_ctrl_c_ends_a_proof_and_keeps_what_was_proved(rows):
    X, y = rows
    regressor = MultigradeRegressor(grades=["24:relu"], solver="random", branches=1).fit(X, y[:, 0])
    function, domain = "sin(3*x1)+x2", "x1=-1..1,x2=-1..1,x3=-1..1"
    measured = certify(regressor, function, domain).measured
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt) as stopped:
        # So near the largest error that no number of boxes is enough.
        certify(regressor, function, domain, tolerance=measured * (1 + 1e-12), boxes=10**8)
    found = stopped.value.result
    assert isinstance(stopped.value, Interrupted) and found.stop == "interrupted"
    if found.certificate is not None:
        assert found.certificate.check(regressor.model_) and found.bound >= measured


def test_other_threads_run_during_a_fit(rows):
    X, y = rows
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.01)

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.monotonic()
    slow(time_limit=0.5).fit(X, y)
    ended = time.monotonic()
    done.set()
    thread.join()
    # If the fit held the interpreter, the thread could not have run between its beginning and its end.
    assert sum(began < tick < ended for tick in ticks) >= 3


def test_the_bar_and_its_lines_go_to_standard_error(rows, capsys):
    X, y = rows
    quick(verbose=1, refit=False).fit(X, y)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(";")[0] for line in err.splitlines()] == ["grade 1: tanh 32-32", "grade 2: tanh 32-32"]


def test_a_forked_process_computes_with_threads_of_its_own():
    program = """
import os, sys
import numpy as np
from multigrade import MultigradeRegressor
x = np.linspace(0, 1, 50).reshape(-1, 1)
model = MultigradeRegressor(grades=1, activation="tanh", weight_decay=1e-4).fit(x, x[:, 0])
child = os.fork()
if child == 0:
    model.predict(x)
    os._exit(7)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", program], timeout=60).returncode == 7
