"""Training steps, predictions and fits of ours beside PyTorch, ONNX Runtime and scikit-learn, in one go on one machine.

    pip install numpy torch onnxruntime scikit-learn matplotlib
    cargo xtask bench speed

Every figure is a median over rounds in which ours and the peers take turns, so that a busy machine hurts all alike; the
ratios are medians of the ratios within a round. Programs that are not installed are skipped with a word. Writes the part of
docs/benchmarks.md between its two marks, and docs/speed.png.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
OURS = ROOT / "target/release/examples/speed"
PROGRAM = ROOT / "target/release/multigrade"
BEGIN, END = "<!-- begin: bench/speed.py -->", "<!-- end: bench/speed.py -->"

# network, activation, rows of a step
STEPS = [
    ("1-64-64-1", "relu", 256),
    ("1-64-64-1", "relu", 4096),
    ("784-256-256-10", "relu", 256),
    ("784-256-256-10", "relu", 4096),
    ("1-64-64-1", "tanh", 4096),
    ("1-64-64-1", "sin", 4096),
]
PREDICT_ROWS = 200_000


# ---- one side of a comparison, timed for some seconds ---------------------------------------------------------------


def median_of(work, seconds):
    """The median of the times of `work`, in microseconds."""
    times, began = [], time.perf_counter()
    while time.perf_counter() - began < seconds or len(times) < 7:
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times)


def ours(*words, threads, seconds):
    command = [OURS, *map(str, words), str(threads), str(seconds)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["median"]


def torch_step(torch, widths, activation, rows, compiled):
    """A function that makes one step of PyTorch: forward, backward and its fused Adam."""
    sizes = [int(width) for width in widths.split("-")]

    class Sine(torch.nn.Module):
        def forward(self, z):
            return torch.sin(z)

    kinds = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sin": Sine}
    layers = []
    for before, after in zip(sizes[:-1], sizes[1:]):
        layers += [torch.nn.Linear(before, after), kinds[activation]()]
    model = torch.nn.Sequential(*layers[:-1])
    x, y = torch.rand(rows, sizes[0]) * 2 - 1, torch.rand(rows, sizes[-1]) * 2 - 1
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    forward = torch.compile(model) if compiled else model

    def step():
        adam.zero_grad(set_to_none=True)
        torch.nn.functional.mse_loss(forward(x), y).backward()
        adam.step()

    for _ in range(5):
        step()
    return step


# ---- comparisons ----------------------------------------------------------------------------------------------------


def in_turn(sides, rounds):
    """For each side the median time, and for the peers the median of peer / ours; `sides[0]` is ours."""
    times = {name: [] for name, _ in sides}
    for _ in range(rounds):
        for name, measure in sides:
            times[name].append(measure())
    own = times[sides[0][0]]
    ratios = {name: statistics.median(t / o for t, o in zip(peer, own)) for name, peer in times.items()}
    return {name: (statistics.median(t), ratios[name]) for name, t in times.items()}


def operations(widths, rows):
    """Multiplications and additions of a step: forward, to the weights, and to the inputs of all layers but the first."""
    sizes = [int(width) for width in widths.split("-")]
    weights = sum(a * b for a, b in zip(sizes[:-1], sizes[1:]))
    return 2 * rows * (3 * weights - sizes[0] * sizes[1])


def steps(torch, threads, rounds, seconds, compiled):
    peak = ours("peak", "f32", threads=1, seconds=seconds) * threads
    rows = []
    for widths, activation, batch in STEPS:
        run = lambda: ours("step", widths, activation, batch, "f32", threads=threads, seconds=seconds)
        sides = [("multigrade", run)]
        if torch:
            torch.set_num_threads(threads)
            for name, on in [("PyTorch", False), ("PyTorch, compiled", True)]:
                if on and not compiled:
                    continue
                step = torch_step(torch, widths, activation, batch, on)
                sides.append((name, lambda step=step: median_of(step, seconds)))
        found = in_turn(sides, rounds)
        share = operations(widths, batch) / (found["multigrade"][0] * 1e-6) / 1e9 / peak
        rows.append((widths, activation, batch, threads, found, share))
        print(f"step {widths} {activation} {batch} rows, {threads} threads: {found}, {share:.0%} of {peak:.0f} Gflop/s", flush=True)
    return rows


def predictions(onnxruntime, np, folder, threads, rounds, seconds):
    subprocess.run([OURS, "network", folder], check=True)
    run = lambda: ours("predict", folder, PREDICT_ROWS, "f32", threads=threads, seconds=seconds)
    sides = [("multigrade", run)]
    if onnxruntime:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = onnxruntime.InferenceSession(str(folder / "model-32.onnx"), options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        x = np.random.default_rng(0).uniform(-1, 1, (PREDICT_ROWS, 8)).astype(np.float32)
        blocks = [x[i : i + 1024] for i in range(0, PREDICT_ROWS, 1024)]
        sides.append(("ONNX Runtime, all rows", lambda: median_of(lambda: session.run(None, {name: x}), seconds)))
        in_blocks = lambda: [session.run(None, {name: block}) for block in blocks]
        sides.append(("ONNX Runtime, 1024 rows a call", lambda: median_of(in_blocks, seconds)))
    found = in_turn(sides, rounds)
    print(f"predict, {threads} threads: {found}", flush=True)
    return threads, found


def borehole(np, rows, seed):
    low = np.array([0.05, 100, 63070, 990, 63.1, 700, 1120, 9855])
    high = np.array([0.15, 50000, 115600, 1110, 116, 820, 1680, 12045])
    x = np.random.default_rng(seed).uniform(low, high, (rows, 8))
    rw, r, tu, hu, tl, hl, length, kw = x.T
    log = np.log(r / rw)
    return x, 2 * np.pi * tu * (hu - hl) / (log * (1 + 2 * length * tu / (log * rw**2 * kw) + tu / tl))


def fits(np, folder):
    """Defaults on 10,000 rows of 8 inputs: seconds of the whole program, and the error on 20,000 other rows."""
    train, test = borehole(np, 10_000, 1), borehole(np, 20_000, 2)
    head = ",".join([f"x{j}" for j in range(1, 9)] + ["y"])
    for name, (x, y) in [("train", train), ("test", test)]:
        np.savetxt(folder / f"{name}.csv", np.column_stack([x, y]), delimiter=",", header=head, comments="", fmt="%.17g")
    spread = test[1].std()
    out = []
    began = time.perf_counter()
    command = [PROGRAM, "fit", folder / "train.csv", "--target", "y", "--out", folder / "m.safetensors", "--force", "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    command = [PROGRAM, "predict", folder / "m.safetensors", folder / "test.csv", "--out", folder / "p.csv", "--force"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    predicted = np.loadtxt(folder / "p.csv", delimiter=",", skiprows=1)
    out.append(("multigrade fit, defaults", seconds, np.sqrt(np.mean((predicted - test[1]) ** 2)) / spread))
    out.append(("mean of the targets", 0.0, np.sqrt(np.mean((train[1].mean() - test[1]) ** 2)) / spread))
    try:
        from sklearn.neural_network import MLPRegressor
        from sklearn.preprocessing import StandardScaler
    except ImportError:
        print("scikit-learn is not installed: skipped")
        return out
    x, y = StandardScaler().fit(train[0]), StandardScaler().fit(train[1][:, None])
    for name, settings in [
        ("scikit-learn MLP, defaults", {}),
        ("scikit-learn MLP, 64-64, L-BFGS, 1500 iterations", dict(hidden_layer_sizes=(64, 64), solver="lbfgs", max_iter=1500)),
    ]:
        began = time.perf_counter()
        model = MLPRegressor(random_state=0, **settings).fit(x.transform(train[0]), y.transform(train[1][:, None])[:, 0])
        seconds = time.perf_counter() - began
        predicted = y.inverse_transform(model.predict(x.transform(test[0]))[:, None])[:, 0]
        out.append((name, seconds, np.sqrt(np.mean((predicted - test[1]) ** 2)) / spread))
    return out


# ---- what is written ------------------------------------------------------------------------------------------------


def shown(microseconds):
    return f"{microseconds / 1000:.3g} ms" if microseconds >= 1000 else f"{microseconds:.3g} µs"


def page(machine, versions, step_rows, predict_rows, fit_rows, has_picture):
    lines = [f"Machine: {machine}. {versions}.", ""]
    peers = sorted({name for *_, found, _ in step_rows for name in found if name != "multigrade"})
    lines += [
        "One full-batch step of Adam in f32: loss, gradient, update. Medians; in brackets how many times ours is faster. The",
        "share is that of the multiply-adds that this processor was seen to do in the same run.",
        "",
        "| network | rows | threads | multigrade | share of peak | " + " | ".join(peers) + " |",
        "|---" * (5 + len(peers)) + "|",
    ]
    for widths, activation, batch, threads, found, share in step_rows:
        cells = [f"{shown(found[p][0])} ({found[p][1]:.2f})" if p in found else "" for p in peers]
        own = shown(found["multigrade"][0])
        lines.append(f"| {widths} {activation} | {batch} | {threads} | {own} | {share:.0%} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"Predictions of {PREDICT_ROWS:,} rows of 8 inputs by four grades of one hidden layer of 64 ReLU neurons, f32; rows",
        "per second, in millions. Ours reads and writes 64-bit numbers.",
        "",
        "| | threads | million rows a second | ours is faster by |",
        "|---|---|---|---|",
    ]
    for threads, found in predict_rows:
        for name, (median, ratio) in found.items():
            lines.append(f"| {name} | {threads} | {PREDICT_ROWS / median:.2f} | {ratio:.2f} |")
    if fit_rows:
        lines += [
            "",
            "Fits of the borehole function on 10,000 uniform rows of its 8 inputs, on all cores, from the file to the model in",
            "ours; root mean square error on 20,000 other rows over the spread of the targets.",
            "",
            "| | seconds | error / spread |",
            "|---|---|---|",
        ]
        lines += [f"| {name} | {seconds:.1f} | {error:.2e} |" for name, seconds, error in fit_rows]
    if has_picture:
        lines += ["", "![steps and predictions beside other programs](speed.png)"]
    lines.append("")
    return "\n".join(lines)


def picture(step_rows, predict_rows, path):
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        print("matplotlib is not installed: no picture")
        return False
    bars = []
    for widths, activation, batch, threads, found, _ in step_rows:
        peers = [ratio for name, (_, ratio) in found.items() if name != "multigrade"]
        if peers:
            bars.append((f"step {widths} {activation}, {batch} rows, {threads} thr.", min(peers)))
    for threads, found in predict_rows:
        peers = [ratio for name, (_, ratio) in found.items() if name != "multigrade"]
        if peers:
            bars.append((f"predict 8-64x4, {threads} thr.", min(peers)))
    figure, axes = plt.subplots(figsize=(8, 0.32 * len(bars) + 1))
    axes.barh([name for name, _ in bars][::-1], [ratio for _, ratio in bars][::-1], color="#3b6fb6")
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel("times faster than the fastest peer (1 is equal)")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    return True


def write_between_marks(path, text):
    old = path.read_text()
    head, rest = old.split(BEGIN)
    tail = rest.split(END)[1]
    new = path.with_suffix(".new")
    new.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}")
    os.replace(new, path)


def optional(name):
    try:
        return __import__(name)
    except ImportError:
        print(f"{name} is not installed: skipped")
        return None


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []:
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor() or "unknown processor"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds that medians are taken over")
    parser.add_argument("--seconds", type=float, default=0.4, help="seconds of one side in one round")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads")
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile, whose first calls take long")
    parser.add_argument("--no-fit", action="store_true", help="leave out the fits")
    parser.add_argument("--dry-run", action="store_true", help="print only; leave docs/ as it is")
    arguments = parser.parse_args()
    np, torch, onnxruntime = optional("numpy"), optional("torch"), optional("onnxruntime")
    if np is None:
        sys.exit("numpy is needed: pip install numpy")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        step_rows, predict_rows = [], []
        for threads in arguments.threads:
            step_rows += steps(torch, threads, arguments.rounds, arguments.seconds, not arguments.no_compile)
            predict_rows.append(predictions(onnxruntime, np, folder, threads, arguments.rounds, arguments.seconds))
        fit_rows = [] if arguments.no_fit else fits(np, folder)
    versions = ", ".join(f"{m.__name__} {m.__version__}" for m in (torch, onnxruntime, np) if m)
    has_picture = not arguments.dry_run and picture(step_rows, predict_rows, ROOT / "docs/speed.png")
    machine = f"{processor()}, {os.cpu_count()} threads"
    text = page(machine, versions, step_rows, predict_rows, fit_rows, has_picture)
    print(text)
    if not arguments.dry_run:
        write_between_marks(ROOT / "docs/benchmarks.md", text)


if __name__ == "__main__":
    main()
