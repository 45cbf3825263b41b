"""Writes test_functions_reference.json: values of the standard test functions, computed by other people's code.

    pip install uqtestfuns==0.7.0 scipy==1.17.1 pytest
    python make_test_functions_reference.py            # writes the file beside this script
    python make_test_functions_reference.py --check    # compares instead of writing

The values come from uqtestfuns, except for Franke's function (see FRANKE below). The boxes are ours; where uqtestfuns
has another one, DIFFERENT_BOUNDS lists it, and every other bound is compared with the package when the script runs.
pytest is needed only because SciPy's Franke function lives in a test module.
"""

import argparse
import json
import math
import pathlib
import re

import numpy as np
import scipy
import uqtestfuns
from scipy.interpolate.tests.test_rbfinterp import _2d_test_function as scipy_franke
from uqtestfuns.test_functions import borehole, friedman, ishigami, otl_circuit, piston, robot_arm, wing_weight
from uqtestfuns.test_functions.franke.evaluate import franke_1 as uqtestfuns_franke
from uqtestfuns.test_functions.genz import evaluate as genz

JSON = pathlib.Path(__file__).with_name("test_functions_reference.json")
PI = math.pi

# (name, (input, min, max)...) in the order of our inputs.
BOXES = {
    "friedman1": [(f"x{i}", 0.0, 1.0) for i in range(1, 11)],
    "borehole": [
        ("rw", 0.05, 0.15),
        ("r", 100.0, 50000.0),
        ("Tu", 63070.0, 115600.0),
        ("Hu", 990.0, 1110.0),
        ("Tl", 63.1, 116.0),
        ("Hl", 700.0, 820.0),
        ("L", 1120.0, 1680.0),
        ("Kw", 9855.0, 12045.0),
    ],
    "robot_arm": [(f"theta{i}", 0.0, 2 * PI) for i in range(1, 5)] + [(f"L{i}", 0.0, 1.0) for i in range(1, 5)],
    "franke": [("x1", 0.0, 1.0), ("x2", 0.0, 1.0)],
    "otl_circuit": [
        ("Rb1", 50.0, 150.0),
        ("Rb2", 25.0, 70.0),
        ("Rf", 0.5, 3.0),
        ("Rc1", 1.2, 2.5),
        ("Rc2", 0.25, 1.2),
        ("beta", 50.0, 300.0),
    ],
    "piston": [
        ("M", 30.0, 60.0),
        ("S", 0.005, 0.02),
        ("V0", 0.002, 0.01),
        ("k", 1000.0, 5000.0),
        ("P0", 90000.0, 110000.0),
        ("Ta", 290.0, 296.0),
        ("T0", 340.0, 360.0),
    ],
    "wing_weight": [
        ("Sw", 150.0, 200.0),
        ("Wfw", 220.0, 300.0),
        ("A", 6.0, 10.0),
        ("Lambda", -10.0, 10.0),
        ("q", 16.0, 45.0),
        ("lambda", 0.5, 1.0),
        ("tc", 0.08, 0.18),
        ("Nz", 2.5, 6.0),
        ("Wdg", 1700.0, 2500.0),
        ("Wp", 0.025, 0.08),
    ],
    "ishigami": [(f"x{i}", -PI, PI) for i in range(1, 4)],
    "genz_continuous": [(f"x{i}", 0.0, 1.0) for i in range(1, 6)],
}

# Harper and Gupta's ranges as most of the literature prints them; uqtestfuns has 990..1100 and 9985..12045.
DIFFERENT_BOUNDS = {("borehole", "Hu"), ("borehole", "Kw")}

# Our robot arm takes the angles first (the order of most test function collections), uqtestfuns the lengths first.
ROBOT_ARM_TO_UQTESTFUNS = [4, 5, 6, 7, 0, 1, 2, 3]


def franke(x: np.ndarray) -> np.ndarray:
    """FRANKE: the first function of Franke (1979), whose second term falls like exp(-(9 x2 + 1)/10).

    SciPy, MATLAB's curve fitting toolbox and chebfun agree on that; uqtestfuns 0.7.0 squares the bracket. Its other
    three terms are the same, which is checked here.
    """
    ours = scipy_franke(x, np)
    plain, squared = np.exp(-(9 * x[:, 1] + 1) / 10), np.exp(-((9 * x[:, 1] + 1) ** 2) / 10)
    gap = 0.75 * np.exp(-((9 * x[:, 0] + 1) ** 2) / 49) * (plain - squared)
    np.testing.assert_allclose(ours - gap, uqtestfuns_franke(x), rtol=0, atol=1e-15)
    return ours


# name -> (evaluation, the package's function object that knows its input box)
FUNCTIONS = {
    "friedman1": (friedman.evaluate, uqtestfuns.Friedman10D()),
    "borehole": (borehole.evaluate, uqtestfuns.Borehole(input_id="Morris1993")),
    "robot_arm": (lambda x: robot_arm.evaluate(x[:, ROBOT_ARM_TO_UQTESTFUNS]), uqtestfuns.RobotArm()),
    "franke": (franke, uqtestfuns.Franke1()),
    "otl_circuit": (otl_circuit.evaluate, uqtestfuns.OTLCircuit()),
    "piston": (piston.evaluate, uqtestfuns.Piston()),
    "wing_weight": (wing_weight.evaluate, uqtestfuns.WingWeight()),
    "ishigami": (lambda x: ishigami.evaluate(x, a=7.0, b=0.1), uqtestfuns.Ishigami()),
    "genz_continuous": (
        lambda x: genz.continuous(x, genz.get_aa_genz1984(5), genz.get_bb_genz1984(5)),
        uqtestfuns.GenzContinuous(5),
    ),
}


def check_bounds(name: str, function) -> None:
    theirs = function.prob_input.marginals
    if name == "robot_arm":
        theirs = [theirs[i] for i in ROBOT_ARM_TO_UQTESTFUNS]
    for (label, low, high), marginal in zip(BOXES[name], theirs, strict=True):
        same = (low, high) == (marginal.lower, marginal.upper)
        if same == ((name, label) in DIFFERENT_BOUNDS):
            raise SystemExit(f"{name}.{label}: ours {low}..{high}, uqtestfuns {marginal.lower}..{marginal.upper}")


def unit_points(d: int) -> np.ndarray:
    """Four corners of the unit cube, its centre, and 15 points inside."""
    even = np.arange(d) % 2
    special = [np.zeros(d), np.ones(d), even, 1 - even, np.full(d, 0.5)]
    return np.vstack([*special, np.random.default_rng(1991).random((15, d))])


def reference() -> dict:
    functions = []
    for name, (evaluate, function) in FUNCTIONS.items():
        check_bounds(name, function)
        _, low, high = (np.array(column) for column in zip(*BOXES[name]))
        unit = unit_points(len(low))
        points = low + unit * (high - low)
        functions.append(
            {
                "name": name,
                "inputs": [{"name": n, "min": a, "max": b} for n, a, b in BOXES[name]],
                "unit_points": unit.tolist(),
                "points": points.tolist(),
                "values": evaluate(points).tolist(),
            }
        )
    return {
        "made_by": f"uqtestfuns {uqtestfuns.__version__} (Franke: SciPy {scipy.__version__}), numpy {np.__version__}",
        "functions": functions,
    }


def agree(made: dict, stored: dict) -> bool:
    """Whether two references hold the same points, and values equal to rounding, whatever versions made them."""
    for ours, theirs in zip(made["functions"], stored["functions"], strict=True):
        if any(ours[key] != theirs[key] for key in ("name", "inputs", "unit_points", "points")):
            return False
        rounding = 1e-15 * np.abs(theirs["values"]).max()
        if not np.allclose(ours["values"], theirs["values"], rtol=1e-13, atol=rounding):
            return False
    return True


def printed(made: dict) -> str:
    """The JSON text with one point per line."""
    indented = json.dumps(made, indent=1)
    return re.sub(r"\[[-+.\deE,\s]+\]", lambda m: re.sub(r"\s+", " ", m[0].replace("[\n", "[")), indented) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the stored file, write nothing")
    made = reference()
    if not parser.parse_args().check:
        JSON.write_text(printed(made))
    elif not agree(made, json.loads(JSON.read_text())):
        raise SystemExit(f"{JSON.name} differs from what the installed packages give")


if __name__ == "__main__":
    main()
