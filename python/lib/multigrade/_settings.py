"""From the parameters of an estimator to the settings of the library, which checks them."""

import json
from math import isfinite
from numbers import Integral, Real

ACTIVATIONS = ("relu", "tanh", "sin", "square", "identity")
SOLVERS = ("lbfgs", "lm", "adam", "gd", "random", "convex")

# Of the rules that choose a penalty: as on the command line.
PATH = {"points": 40, "min_ratio": 1e-5}
INNER_SHARE = 0.2
FOLDS = 5


def document(parameters, seed, held_out_given=False):
    """The settings as the JSON document that the library reads.

    The names and the words of every error are those of the command line.
    """
    p = parameters
    settings = {
        "grades": _grades(p["grades"], p["max_grades"]),
        "validation": 0.0 if held_out_given else _real(p["validation"], "validation", "a share in [0, 1)"),
        "refit": p["refit"] if p["refit"] is None else bool(p["refit"]),
        "solver": _solver(p, seed),
        "activation": p["activation"] if p["activation"] is None else one_of("activation", p["activation"], ACTIVATIONS),
        "weight_decay": optional_real("weight decay", p["weight_decay"], "a number of at least 0"),
        "branches": optional_whole("branches", p["branches"], "a number from 1 to 1000"),
        "readout": one_of("readout", p["readout"], ("least_squares", "as_trained")),
        "rescale": bool(p.get("rescale", True)),
        "standardise_features": bool(p["standardise_features"]),
        "keep": one_of("keep", p["keep"], ("best", "last")),
        "generator": one_of("generator", p["generator"], ("xoshiro256", "mersenne")),
        "standardise_data": bool(p["standardise_data"]),
        "carry_inputs": bool(p["carry_inputs"]),
        "single_grade": bool(p["single_grade"]),
        "initialisation": one_of("initialisation", p["initialisation"], ("scaled_normal", "fan_in_uniform", "he")),
        "init_key": "same" if p["same_init"] else "per_grade",
        "precision": one_of("precision", p["precision"], ("f64", "f32")),
        "seed": seed,
        "memory": _whole(p["memory"], "memory", "a number of MiB") << 20,
        "time_limit": optional_real("time limit", p["time_limit"], "a positive number of seconds"),
    }
    # Numbers that are not finite have no place in JSON.
    return json.dumps(settings, allow_nan=False)


def learning(grades, max_grades, rows, project, boxes, seed, time_limit):
    """The same for learning from a formula."""
    fit = {
        "grades": _grades(grades, max_grades),
        "seed": _whole(seed, "seed", "a whole number"),
        "time_limit": optional_real("time limit", time_limit, "a positive number of seconds"),
    }
    rows, boxes = _whole(rows, "rows", "a number from 2 to 16777216"), _whole(boxes, "boxes", "at least 1")
    return json.dumps({"fit": fit, "rows": rows, "project": bool(project), "boxes": boxes}, allow_nan=False)


def _wrong(field, found, expected):
    found = repr(found) if isinstance(found, (str, bytes)) else found
    return ValueError(f"settings: {field}: found {found}, expected {expected}")


def _real(value, field, expected):
    if isinstance(value, Real) and isfinite(value):
        return float(value)
    raise _wrong(field, value, expected)


def _whole(value, field, expected):
    # Zero and numbers that are too large are for the library to refuse.
    if isinstance(value, Integral) and not isinstance(value, bool) and 0 <= value < 2**63:
        return int(value)
    raise _wrong(field, value, expected)


def optional_real(field, value, expected):
    """`value` as a finite number, or None."""
    return None if value is None else _real(value, field, expected)


def optional_whole(field, value, expected):
    """`value` as a whole number, or None."""
    return None if value is None else _whole(value, field, expected)


def one_of(field, value, choices):
    """`value` if it is one of the choices."""
    if isinstance(value, str) and value in choices:
        return value
    *others, last = (repr(choice) for choice in choices)
    raise _wrong(field, value, f"{', '.join(others)} or {last}")


def _grades(grades, at_most):
    count = "a number from 1 to 1000"
    if isinstance(grades, str) and grades == "auto":
        return {"auto": {"at_most": _whole(at_most, "grades", count)}}
    if isinstance(grades, Integral):
        return {"count": _whole(grades, "grades", count)}
    if isinstance(grades, (list, tuple)):
        return {"list": [_grade(k, grade) for k, grade in enumerate(grades, 1)]}
    raise _wrong("grades", grades, "'auto', a number of grades, or a list such as ['64,64:tanh', '32']")


def _grade(k, grade):
    """A grade from a text such as `64,64:tanh`, a width, or a sequence of widths."""
    expected = "widths and activations such as '64,64' or '64,64:tanh' or '64:sin,32:relu'"
    if isinstance(grade, Integral):
        grade = [grade]
    if isinstance(grade, (list, tuple)):
        return {"widths": [_whole(width, f"grade {k}: widths", "widths from 1 to 65536") for width in grade]}
    if not isinstance(grade, str):
        raise _wrong(f"grade {k}", grade, expected)
    widths, activations = [], []
    for part in grade.split(","):
        width, colon, activation = part.partition(":")
        if not width.strip().isdecimal():
            raise _wrong(f"grade {k}", grade, expected)
        widths.append(int(width))
        if colon:
            name = one_of(f"grade {k}: activation", activation.strip(), ACTIVATIONS)
            activations += [name] * (len(widths) - len(activations))
    if activations and len(activations) < len(widths):
        raise _wrong(f"grade {k}", grade, f"an activation for the last widths too: {expected}")
    return {"widths": widths, "activations": activations or None}


def _solver(p, seed):
    # A classifier has no penalty, and no solvers of squared errors alone.
    solvers = SOLVERS if "penalty" in p else tuple(name for name in SOLVERS if name not in ("lm", "convex"))
    solver = None if p["solver"] is None else one_of("solver", p["solver"], solvers)
    walks = solver in ("adam", "gd")
    for name in ("epochs", "batch", "learning_rate", "schedule", "patience"):
        if p[name] is not None and not walks:
            raise ValueError(f"settings: {name} belongs to solver 'adam' or 'gd'; name one of them")
    if p["iterations"] is not None and solver not in ("lbfgs", "lm"):
        raise ValueError("settings: iterations belongs to solver 'lbfgs' or 'lm'; name one of them")
    if p.get("penalty") is not None and solver != "convex":
        raise ValueError("settings: penalty belongs to solver 'convex'; name it too")
    if solver is None:
        return None
    if solver == "convex":
        return {"convex": convex(p.get("penalty"), None, seed)}
    if solver == "random":
        return "random_features"
    if solver == "lbfgs":
        iterations = 500 if p["iterations"] is None else p["iterations"]
        return {"lbfgs": {"iterations": _whole(iterations, "iterations", "at least 1")}}
    if solver == "lm":
        iterations = 100 if p["iterations"] is None else p["iterations"]
        return {"levenberg_marquardt": {"iterations": _whole(iterations, "iterations", "at least 1")}}
    # Fields that are left out keep the library's defaults; a batch of all rows is written as null.
    descent = {}
    if p["epochs"] is not None:
        descent["epochs"] = _whole(p["epochs"], "epochs", "at least 1")
    if p["batch"] is not None:
        whole = isinstance(p["batch"], str) and p["batch"] == "all"
        descent["batch"] = None if whole else _whole(p["batch"], "batch", "a number of rows or 'all'")
    if p["learning_rate"] is not None:
        descent["rate"] = _real(p["learning_rate"], "learning rate", "a positive number")
    if p["patience"] is not None:
        descent["patience"] = _whole(p["patience"], "patience", "a number of epochs")
    if p["schedule"] is not None:
        descent["schedule"] = _schedule(p["schedule"])
    return {"adam" if solver == "adam" else "gradient_descent": descent}


def _schedule(schedule):
    expected = "'constant', 'exponential:TO' or 'cosine:TO'"
    if schedule == "constant":
        return "constant"
    name, _, to = str(schedule).partition(":")
    try:
        if name in ("exponential", "cosine"):
            return {name: {"to": _real(float(to), "schedule", expected)}}
    except ValueError:
        pass
    raise _wrong("schedule", schedule, expected)


def convex(penalty, gap, seed):
    """The settings of convex grades: what is None keeps the library's default."""
    settings = {}
    if penalty is not None:
        settings["penalty"] = _penalty(penalty, seed)
    if gap is not None:
        settings["tolerance"] = _real(gap, "tolerance", "a number in (0, 1)")
    return settings


def _penalty(penalty, seed):
    """A penalty, or the rule that chooses it from a path, in the words of the command line."""
    expected = "'gcv', 'held-out', 'blocks:N', 'noise:SD', 'neurons:N', 'relative:X' or a number"
    if not isinstance(penalty, str):
        return {"absolute": _real(penalty, "penalty", expected)}
    name, _, number = penalty.partition(":")
    try:
        match name:
            case "relative":
                return {"of_largest": _real(float(number), "penalty", expected)}
            case "gcv" if not number:
                choice = "gcv"
            case "held-out" if not number:
                choice = {"held_out": {"share": INNER_SHARE, "seed": seed}}
            case "blocks":
                choice = {"block_cv": {"folds": FOLDS, "block": _whole(int(number), "penalty", expected)}}
            case "noise":
                choice = {"discrepancy": {"noise": _real(float(number), "penalty", expected)}}
            case "neurons":
                choice = {"neurons": _whole(int(number), "penalty", expected)}
            case _:
                raise _wrong("penalty", penalty, expected)
    except ValueError:
        raise _wrong("penalty", penalty, expected) from None
    return {"path": {**PATH, "choice": choice}}
