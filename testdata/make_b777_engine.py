"""Writes b777_engine.csv: the Boeing 777 engine deck of the Python package smt.

    pip install smt==2.15.0
    python make_b777_engine.py            # writes the file beside this script
    python make_b777_engine.py --check    # compares instead of writing

Rows keep the order of the package. Every number is printed in the shortest form that reads back as the same double.
"""

import argparse
import hashlib
import pathlib

import numpy as np
from smt.examples.b777_engine.b777_engine import get_b777_engine

CSV = pathlib.Path(__file__).with_name("b777_engine.csv")


def table() -> str:
    inputs, outputs, _, _ = get_b777_engine()
    rows = np.hstack([inputs, outputs])
    if rows.shape != (1056, 5) or not np.isfinite(rows).all():
        raise SystemExit(f"expected 1056 finite rows of 5 numbers, found shape {rows.shape}")
    lines = ["mach,altitude,throttle,thrust,sfc"]
    lines += [",".join(repr(float(v)) for v in row) for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the stored file, write nothing")
    check = parser.parse_args().check
    made = table().encode()
    if not check:
        CSV.write_bytes(made)
    elif CSV.read_bytes() != made:
        raise SystemExit(f"{CSV.name} differs from what this version of smt gives")
    print(hashlib.sha256(made).hexdigest(), CSV.name)


if __name__ == "__main__":
    main()
