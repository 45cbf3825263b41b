#!/bin/sh
# The published run of 300 epochs, digit by digit: ours beside the numbers in the authors' notebook, and with --numpy beside
# our own NumPy implementation run on this machine as well (pip install numpy). Some minutes of processor time each.
#
#     bench/golden.sh [--numpy]
set -eu
cd "$(dirname "$0")/.."
rm -rf target/bench/golden
cargo run --release --quiet -- reproduce golden --full --force --out target/bench/golden
if [ "${1:-}" = --numpy ]; then
    python3 testdata/make_published_reference.py --check --full
fi
