"""The examples run, and what they print is what they promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path, tmp_path):
    (tmp_path / "target").mkdir()
    answer = subprocess.run(
        [sys.executable, "-W", "error", path],
        cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "MPLBACKEND": "agg"},
    )
    assert answer.returncode == 0, answer.stderr
    print(answer.stdout)
    if path.stem == "certified_replacement":
        assert answer.stdout.endswith("checked again from the files: True\n")
    if path.stem == "engine_deck":
        lines = {line.split("  ")[1].strip(): line.split()[-2:] for line in answer.stdout.splitlines() if line.startswith("  ")}
        for j in range(2):
            assert float(lines["grade 2"][j]) < float(lines["grade 1"][j]) < float(lines["mean"][j]) / 10
