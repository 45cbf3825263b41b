"""Processor time of the published programs and of ours for the very same training, in one go on one machine.

    pip install numpy
    git clone https://github.com/Yuesheng2024Xu/MGDL target/published/regression
    git clone https://github.com/Ronglong-Fang/AddressingSpectralBiasviaMGDL target/published/waves
    cargo xtask bench published

Data, first weights, orders of rows and updates are the same, so both sides find the same errors until rounding has grown; the
table shows them. Time is processor time of the whole process: start, data, training, the errors that each side records. The
files of the published programs are used unchanged, from the data to the end of the training. Packages that they import and do
not need for it (pandas, matplotlib, tqdm) are stood in by empty ones, which spares them the time. Runs take turns; medians.
Where a program is not there, our own implementation in NumPy (testdata/make_published_reference.py) stands in, and the table
says so. Writes the part of docs/benchmarks.md between its two marks.
"""

import argparse
import importlib
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
from types import SimpleNamespace
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[1]
OURS = ROOT / "target/release/examples/published_once"
PROGRAMS = ROOT / "target/published"
BEGIN, END = "<!-- begin: bench/published.py -->", "<!-- end: bench/published.py -->"

# problem, epochs of each grade, what it is
PROBLEMS = [
    ("regression", [20, 20, 40], "`sin(100 x)`, three grades, 32 rows an update"),
    ("waves", [40, 40, 40, 40], "twenty waves, four grades, all rows at once"),
    ("deep-waves", [40], "twenty waves, one deep network, all rows at once"),
]
PUBLISHED, UNRECORDED, STAND_IN = "published program", "published program, recording no errors", "our NumPy stand-in"


# ---- one run of theirs, in a process of its own -------------------------------------------------------------------------


def folder(problem):
    """Where the published program for a problem lies, if it is there."""
    places = {
        "regression": "regression/**/SyntheticDataRegression/MGDL",
        "waves": "waves/**/Regression_on_the_synthetic_data/MGDL",
        "deep-waves": "waves/**/Regression_on_the_synthetic_data/SGDL",
    }
    return next(PROGRAMS.glob(places[problem]), None)


def published(problem, epochs, every):
    """Trains with the published program, recording errors every so many epochs; the errors after each grade."""
    import numpy as np

    for unused in ["pandas", "matplotlib", "matplotlib.pyplot", "tqdm"]:
        sys.modules[unused] = mock.MagicMock()
    sys.path.insert(0, str(folder(problem)))
    options = {
        "optimizer": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "error": 1e-7, "init_method": "xavier",
        "SGD": problem == "regression", "mini_batch_size": 32, "REC_FRQ": every, "epochs": epochs,
        "max_learning_rate": 1e-3, "min_learning_rate": 1e-4,
    }
    names = (
        "train_time mul_parameters train_rse validation_rse train_mse validation_mse train_predict validation_predict "
        "train_costs validation_costs train_predict_record validation_predict_record spectral_norm_W REC_FRQ_iter"
    )
    record = {name: [] for name in names.split()}
    if problem == "regression":
        data = importlib.import_module("data_generate").example1(SimpleNamespace(ntrain=5000, ntest=1000, noise=False))
        shape = {"mul_layers_dims": [[1, 256, 256, 1], [256, 128, 128, 64, 1], [64, 64, 32, 32, 1]]}
        shape["activation"] = ["sin", "relu", "relu"]
        options |= {"MAX_learning_rate": [1e-1, 1e-2, 1e-2], "MIN_learning_rate": [1e-4] * 3}
        train = importlib.import_module("multigrade_dnn_model").multigrade_dnn_model
        predictions = train(data, shape, options, record)["train_predict"]
    else:
        waves = SimpleNamespace(ntrain=6000, nvalidation=2000, ntest=2000, alpha=np.linspace(1, 0.05, 20))
        waves.kappa = np.linspace(10, 200, 20)
        waves.phi = np.random.RandomState(seed=0).uniform(low=0, high=2 * np.pi, size=40)
        data = importlib.import_module("SpectralBiasData").Spectral_bias_constantORincrease_amplituide(waves)
        if problem == "waves":
            shape = {"mul_layers_dims": [[1, 256, 256, 1]] + [[256, 256, 256, 1]] * 3, "lambd_W": [0] * 4}
            train = importlib.import_module("multigrade_dnn_model").multigrade_dnn_model
            predictions = train(shape, options, record | {"data": data})["train_predict"]
        else:
            program = importlib.import_module("singlegrade_dnn_regression")
            sizes = [1] + [256] * 8 + [1]
            shape = {"layers_dims": sizes, "lambd_W": 0, "sinORrelu": 0, "activation": "relu", "init_method": "xavier"}
            history = program.singlegrade_dnn_model_grade(data, shape, options | {"epochs": epochs[0]})
            # What it records of the weights are those at the end.
            weights = history["parameters"][-1]
            predictions = [program.singlegrade_model_forward(data["train_X"], sizes, weights, "relu", 0)[0]]
    target = data["train_Y"]
    return [float(np.sum((target - p) ** 2) / np.sum(target**2)) for p in predictions]


def stand_in(problem, epochs):
    """The same by our own implementation in NumPy, which records errors once an epoch."""
    import numpy as np

    sys.path.insert(0, str(ROOT / "testdata"))
    own = importlib.import_module("make_published_reference")
    if problem == "regression":
        x = np.linspace(0, 1, 5000)[:, None]
        sine = ([256, 256], ["sin", "sin"])
        grades, batch, rates = [sine, own.relu(128, 128, 64), own.relu(64, 32, 32)], 32, [1e-1, 1e-2, 1e-2]
        courses = own.run(x, np.sin(100 * x), grades, epochs, batch, rates, 1e-4)
    else:
        x, y = own.spectral(own.DECREASING)
        grades = [own.relu(256, 256)] * 4 if problem == "waves" else [own.relu(*[256] * 8)]
        courses = own.run(x, y, grades, epochs, None, 1e-3, 1e-4)
    return [course[-1] for course in courses]


def child(problem, epochs, program):
    if program == STAND_IN:
        errors = stand_in(problem, epochs)
    elif program == UNRECORDED:
        errors = published(problem, epochs, every=10**9)
    else:
        errors = published(problem, epochs, every=1 if problem == "regression" else 100)
    print("errors", json.dumps(errors))


# ---- both sides, taking turns -------------------------------------------------------------------------------------------


def run(command, threads):
    """Errors after each grade, and seconds of processor time and of the clock of the whole process."""
    names = ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]
    environment = os.environ | {name: str(threads) for name in names} | {"MPLBACKEND": "Agg"}
    began = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, env=environment, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command}: exit status {process.returncode}")
    line = output.strip().splitlines()[-1]
    errors = json.loads(line.removeprefix("errors "))
    return (errors["train"] if isinstance(errors, dict) else errors), usage.ru_utime + usage.ru_stime, wall


def compare(problem, epochs, threads, rounds):
    """Rows of the table: what ran, error, processor seconds, seconds, how many times ours takes less."""
    if folder(problem) is None:
        programs = [STAND_IN]
    else:
        programs = [PUBLISHED] + ([UNRECORDED] if problem == "regression" else [])
    words = ",".join(map(str, epochs))
    commands = {"multigrade": [OURS, problem, words, threads]}
    commands |= {name: [sys.executable, __file__, "--child", problem, words, name] for name in programs}
    found = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            found[name].append(run(command, threads))
            print(f"{problem}, {threads} threads, {name}: {found[name][-1]}", file=sys.stderr, flush=True)
    rows = []
    for name, runs in found.items():
        cpu, wall = (statistics.median(run[i] for run in runs) for i in (1, 2))
        ratio = statistics.median(theirs[1] / ours[1] for theirs, ours in zip(runs, found["multigrade"]))
        rows.append((name, threads, runs[0][0][-1], cpu, wall, ratio))
    return rows


def processor():
    lines = pathlib.Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in lines.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def page(machine, numpy, tables):
    lines = [
        f"Machine: {machine}. NumPy {numpy}. Seconds of the whole process, medians; the last column is the median of the ratios of",
        "processor time within a round: above 1 ours takes less.",
    ]
    for (_, epochs, title), rounds, rows in tables:
        lines += ["", f"{title[0].upper()}{title[1:]}; epochs {', '.join(map(str, epochs))}; runs of each: {rounds}.", ""]
        lines += ["| | threads | error on the training rows | CPU s | wall s | ours takes less CPU by |", "|---|---|---|---|---|---|"]
        for name, threads, error, cpu, wall, ratio in rows:
            by = "" if name == "multigrade" else f"{ratio:.2f}"
            lines.append(f"| {name} | {threads} | {error:.10g} | {cpu:.2f} | {wall:.2f} | {by} |")
    return "\n".join(lines) + "\n"


def write_between_marks(path, text):
    content = path.read_text()
    if BEGIN not in content or END not in content:
        sys.exit(f"{path} has no marks {BEGIN} and {END}")
    before, rest = content.split(BEGIN, 1)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.split(END, 1)[1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds that medians are taken over")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="numbers of threads")
    parser.add_argument("--only", nargs="+", default=[name for name, _, _ in PROBLEMS], help="problems to run")
    parser.add_argument("--dry-run", action="store_true", help="print only; leave docs/ as it is")
    parser.add_argument("--child", nargs=3, metavar=("PROBLEM", "EPOCHS", "PROGRAM"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        problem, epochs, program = arguments.child
        child(problem, [int(n) for n in epochs.split(",")], program)
        return
    import numpy

    tables = []
    for case in PROBLEMS:
        if case[0] in arguments.only:
            rows = [compare(case[0], case[1], threads, arguments.rounds) for threads in arguments.threads]
            tables.append((case, arguments.rounds, sum(rows, [])))
    text = page(f"{processor()}, {os.cpu_count()} threads", numpy.__version__, tables)
    print(text)
    if not arguments.dry_run:
        write_between_marks(ROOT / "docs/benchmarks.md", text)


if __name__ == "__main__":
    main()
