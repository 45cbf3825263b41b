"""A day of predictions, 1000 rows a second, through one pipe in a fixed address space: does memory stay where it was?

    cargo build --release -p multigrade-cli
    python bench/day_of_predictions.py [ROWS [PROGRAM]]

Prints the memory after 1 %, 50 % and 100 % of the rows, and compares every answer with those for the same rows at the beginning.
"""

import subprocess
import sys
import tempfile
import time
from math import sin
from pathlib import Path

DAY = 86_400_000
BLOCK = 9_000
"""Rows that come again and again."""
LIMIT = 200_000
"""Address space in KiB: nearly all of it is reserved for the code and the stacks of threads."""


def memory(process):
    """Largest resident memory and largest address space so far, in MB."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    return [int(status[name].split()[0]) / 1000 for name in ("VmHWM", "VmPeak")]


def main(rows, program):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        inputs = [(i / BLOCK, (i * 7 % BLOCK) / BLOCK) for i in range(BLOCK)]
        table = "".join(f"{x},{y},{sin(3 * x) + y * y}\n" for x, y in inputs)
        (folder / "t.csv").write_text("x,y,z\n" + table)
        fit = "fit t.csv --target z --out m --grade 64:relu --grade 64:relu --branches 1 --weight-decay 1e-6"
        fit += " --quiet --no-report"
        subprocess.run([program, *fit.split()], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        predict = ["sh", "-c", f'ulimit -v {LIMIT}; exec "$0" "$@"', program, *"predict m - --out p.csv --threads 2".split()]
        begin = time.perf_counter()
        process = subprocess.Popen(predict, cwd=folder, stdin=subprocess.PIPE)
        block = "".join(f"{x},{y}\n" for x, y in inputs).encode()
        blocks = rows // BLOCK
        marks = {max(1, blocks * share // 100): share for share in (1, 50, 100)}
        process.stdin.write(b"x,y\n")
        for k in range(1, blocks + 1):
            process.stdin.write(block)
            if k in marks:
                resident, space = memory(process)
                seconds = time.perf_counter() - begin
                done = f"{marks[k]:3} %: {k * BLOCK:>10} rows after {seconds:.0f} s"
                print(f"{done}, at most {resident:.1f} MB resident, {space:.1f} MB of address space", flush=True)
        process.stdin.close()
        status = process.wait()
        print(f"status {status} after {time.perf_counter() - begin:.0f} s")
        with open(folder / "p.csv", "rb") as answers:
            header = answers.readline()
            first = b"".join(answers.readline() for _ in range(BLOCK))
            same = sum(answers.read(len(first)) == first for _ in range(blocks - 1))
            rest = answers.read()
        what = f"{same + 1} of {blocks} blocks of {BLOCK} answers are the same, {len(rest)} bytes behind them"
        print(f"{header.decode().strip()}: {what}")
        return int(status != 0 or same + 1 != blocks or rest != b"")


if __name__ == "__main__":
    given = sys.argv[1:] + [str(DAY), "target/release/multigrade"][len(sys.argv) - 1 :]
    sys.exit(main(int(given[0]), str(Path(given[1]).resolve())))
