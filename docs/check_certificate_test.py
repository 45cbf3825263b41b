"""The second checker accepts what multigrade proves and refuses what is not proved.

    python check_certificate_test.py PROGRAM      # the built program `multigrade`
"""

import copy
import hashlib
import json
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from check_certificate import Model, Refused, check, iv, mp

FITS = ["--validation", "0", "--no-report", "--quiet", "--force", "--branches", "1", "--solver", "lbfgs"]
INPUTS = "xyz"

# Name, grades, function, box.
MODELS = [
    ("wave", ["12:relu"], "sin(2*pi*x)", "x=0..1"),
    ("two", ["6:relu", "5,5:relu"], "exp(-x)*cos(3*y)", "x=0..1, y=-1..1"),
    ("kinks", ["8:relu"], "abs(x - 0.3) + max(x, y)/2", "x=0..1, y=0..1"),
    ("three", ["4:relu"], "x*y + sqrt(z + 1)", "x=0..1, y=0..1, z=0..1"),
]

FILES = Path(__file__).parents[1] / "testdata" / "certificates"

# Small networks with derivations; testdata/README.md says how they were made.
KEPT = [FILES / name for name in ("product", "chords", "reciprocal")]

# Networks built from a formula: name, function, box, tolerance. The same are kept as they were when first built.
CONSTRUCTED = [
    ("curve", "exp(x)", "x=0..1", "1e-2"),
    ("saddle", "x*y", "x=0..1, y=0..1", "1e-1"),
]

# Formulas that are compiled: proved by derivations.
COMPILED = [
    ("tower", "exp(x)", "x=0..1", "1e-3"),
    ("quotient", "max(x, y)/(1 + y^2)", "x=0..1, y=0..1", "1e-2"),
    ("rewritten", "exp(x)*exp(-y)/2", "x=0..1, y=0..1", "1e-2"),
]

# The same in grades that are projected onto tubes.
GRADED = [("grades", "x*exp(-y)", "x=0..1, y=0..1", "3e-2")]

# The same, but only looked at: sums of polynomials.
LONG = [("series", "exp(x)", "x=0..1", "1e-7")]


def table(function, domain, path):
    names = [side.split("=")[0].strip() for side in domain.split(",")]
    ends = [[float(end) for end in side.split("=")[1].split("..")] for side in domain.split(",")]
    lines = [",".join([*names, "out"])]
    for i in range(300):
        # Multiples of square roots of primes, modulo 1: spread evenly.
        point = [a + (b - a) * math.modf(i * math.sqrt(p))[0] for (a, b), p in zip(ends, (2, 3, 5))]
        known = {**vars(math), "abs": abs, "max": max, **dict(zip(names, point))}
        lines.append(",".join(map(repr, [*point, eval(function, {}, known)])))
    path.write_text("\n".join(lines) + "\n")


def write(document, path):
    """The certificate with a digest that fits."""
    document = {**document, "digest": "sha256:" + "0" * 64}
    text = json.dumps(document)
    digest = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(text.replace("0" * 64, digest))


def alterations(document):
    """Certificates that claim more, or prove less, than the true one, each with what was done to it."""

    def altered(what, change):
        other = copy.deepcopy(document)
        change(other, other["claims"][-1])
        return what, other

    def narrow(name):
        def change(_, claim):
            low, high = claim[name]
            claim[name] = [low * (0.9 if low < 0 else 1.1), high * (0.9 if high > 0 else 1.1)]

        return altered(f"{name} bounds are a tenth tighter", change)

    for name in ("exact", "f64", "f32"):
        # Both ends: the error was measured nearly at one of them, while the other may be loose.
        yield narrow(name)
    tree = document["claims"][-1]["tree"]
    leaf = next(i for i, node in enumerate(tree) if isinstance(node, str))
    name = tree[leaf]
    yield altered("a leaf is missing", lambda _, claim: claim["tree"].pop(leaf))
    yield altered("the tree is empty", lambda _, claim: claim["tree"].clear())
    yield altered("a leaf too many", lambda _, claim: claim["tree"].append(name))
    yield altered("no such leaf", lambda _, claim: claim["tree"].__setitem__(leaf, "box magic"))
    yield altered("a cut outside", lambda _, claim: claim["tree"].__setitem__(slice(leaf, leaf + 1), [[0, 7.5], name, name]))
    yield altered("a cut of no variable", lambda _, claim: claim["tree"].__setitem__(slice(leaf, leaf + 1), [[9, 0.5], name, name]))
    yield altered("another function", lambda whole, _: whole.update(function=whole["function"] + " + 0.1"))
    yield altered("a larger box", lambda whole, _: whole.update(domain=re.sub(r"[.][.](\d)", r"..1\1", whole["domain"])))
    yield altered("a box without a side", lambda whole, _: whole.update(domain="w=0..1"))
    yield altered("another model", lambda whole, _: whole.update(model="sha256:" + "1" * 64))
    yield altered("no claims", lambda whole, _: whole["claims"].clear())
    yield altered("a grade that is not there", lambda _, claim: claim.update(grades=9))
    yield altered("a singularity", lambda whole, _: whole.update(function=f"0*(1/(x-0.4)) + {whole['function']}"))


def forgeries(document):
    """The same for a derivation."""
    claim = document["claims"][-1]
    good = claim["derivation"]

    def forged(what, change):
        other = copy.deepcopy(document)
        change(other["claims"][-1], other["claims"][-1]["derivation"])
        return what, other

    def with_rule(k, what, **fields):
        def change(_, derivation):
            (rule,) = derivation["steps"][k]["rule"].values()
            rule.update(fields)

        return forged(f"step {k}: {what}", change)

    # What is changed in earlier grades may be of no consequence.
    first = max((k + 1 for k, step in enumerate(good["steps"]) if step["rule"] == "anew"), default=0)
    since = good["steps"][first - 1]["before"] if first else 0
    for i, (neuron, role) in enumerate(good["roles"]):
        if neuron < since:
            continue
        for other in {"tent", "fold", "hinge"} - {role}:
            yield forged(f"neuron {neuron}, a {role}, is read as a {other}", lambda _, d: d["roles"][i].__setitem__(1, other))
        yield forged(f"neuron {neuron} has no role", lambda _, d: d["roles"].pop(i))
    for k, step in list(enumerate(good["steps"]))[first:]:
        ((name, rule),) = step["rule"].items()
        yield forged(f"step {k} is missing", lambda _, d: d["steps"].pop(k))
        yield forged(f"step {k} comes too late", lambda _, d: d["steps"][k].update(before=10**9))
        if name == "square":
            yield with_rule(k, "a tent is missing", tents=rule["tents"][:-1])
            if len(rule["tents"]) > 1:
                yield with_rule(k, "tents in another order", tents=rule["tents"][::-1])
            yield with_rule(k, "another fold", fold=10**9)
        if name == "product":
            yield with_rule(k, "squares swapped", squares=rule["squares"][::-1])
            yield with_rule(k, "another node", node=rule["node"] - 1)
            yield with_rule(k, "a center is moved", centers=[rule["centers"][0] + 1, rule["centers"][1]])
            yield with_rule(k, "a radius is doubled", radii=[2 * rule["radii"][0], rule["radii"][1]])
            yield with_rule(k, "a radius is 0", radii=[0.0, rule["radii"][1]])
        if name in ("defect", "newton"):
            yield with_rule(k, "squares swapped", squares=rule["squares"][::-1])
            yield with_rule(k, "of another part", of=rule["of"] - 1)
            yield with_rule(k, "a center is moved", centers=[rule["centers"][0] + 1, rule["centers"][1]])
            yield with_rule(k, "a radius is doubled", radii=[2 * rule["radii"][0], rule["radii"][1]])
            yield with_rule(k, "a radius is 0", radii=[0.0, rule["radii"][1]])
        if name == "curve":
            yield with_rule(k, "half of the error", error=[x / 2 for x in rule["error"]])
            yield with_rule(k, "another part", part={"value": 0})
            yield with_rule(k, "a reciprocal", part={"reciprocal": rule["part"].get("value", 0)})
            yield with_rule(k, "of another part", of=rule["part"].get("value", 0))
            yield with_rule(k, "another constant", constant=rule["constant"] + 1)
            yield with_rule(k, "a term is missing", terms=rule["terms"][:-1])
            yield with_rule(k, "no cuts and no error", cuts=[], error=[0.0, 0.0])
        if name == "clamp":
            yield with_rule(k, "one hinge twice", hinges=rule["hinges"][:1] * 2)
            yield with_rule(k, "another hinge", hinges=[rule["hinges"][0], rule["hinges"][1] + 1])
        if name == "extremum":
            yield with_rule(k, "another node", node=rule["node"] - 1)
            yield with_rule(k, "another hinge", hinge=rule["hinge"] + 1)
    yield forged("all steps come too soon", lambda _, d: [step.update(before=0) for step in d["steps"]])
    yield forged("a leaf of another kind", lambda claim, _: claim.update(tree=["box value"]))
    yield forged("it calls itself a bisection", lambda claim, _: claim.update(kind="bisection"))
    yield forged("no derivation", lambda claim, _: claim.pop("derivation"))
    yield forged("a field too many", lambda _, derivation: derivation.update(more=1))
    formula = good.get("formula", document["function"])
    for other in (f"{formula} + 1e-9", f"({formula})*(x/x)", f"if(x < 2, {formula}, 0)"):
        yield forged(f"it is of {other}", lambda _, derivation: derivation.update(formula=other))
    if "formula" in good:
        yield forged("it is of the formula as it is written", lambda _, derivation: derivation.pop("formula"))
    for name in ("exact", "f64", "f32"):
        yield forged(f"half of the {name} bounds", lambda c, _: c.update({name: [x / 2 for x in claim[name]]}))


def refused(certificate, model):
    try:
        check(certificate, model)
    except Refused:
        return True
    return False


def main():
    program = str(Path(sys.argv[1]).resolve())
    iv.prec, mp.prec = 120, 160
    n_refused = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)

        def run(*arguments):
            subprocess.run([program, *arguments], check=True, cwd=folder, stdout=subprocess.DEVNULL)

        for built in CONSTRUCTED + COMPILED + GRADED + LONG:
            name, function, domain, tolerance = built
            is_compiled = built not in CONSTRUCTED
            strategy = "compile" if is_compiled else "mesh"
            scheme = ("--scheme", "plain" if built in COMPILED + LONG else "monotone")
            goal = "--tol", tolerance, "--strategy", strategy, "--out", name, *scheme
            run("construct", function, "--domain", domain, *goal, "--quiet", "--force")
            for place in (folder,) if is_compiled else (FILES, folder):
                paths = place / f"{name}.certificate.json", place / f"{name}.safetensors"
                document = check(*paths)
                assert document["function"].replace(" ", "") == function.replace(" ", "")
                for bound in document["claims"][-1]["f64"]:
                    assert abs(float(bound)) <= float(tolerance) * (1 + 1e-8)
            assert is_compiled == ("derivation" in document["claims"][-1])
            for what, other in () if built in LONG else (*alterations(document), *(forgeries(document) if is_compiled else ())):
                # A proof that was good enough may hold for a little less too.
                if what.endswith(("tighter", "half of the error")):
                    continue
                write(other, folder / "altered.json")
                assert refused(folder / "altered.json", paths[1]), f"{name}: accepted although {what}"
                n_refused += 1
        for name, grades, function, domain in MODELS:
            table(function.replace("^", "**"), domain, folder / "data.csv")
            shape = [word for grade in grades for word in ("--grade", grade)]
            run("fit", "data.csv", "--target", "out", "--out", name, *shape, *FITS)
            run("certify", name, "--function", function, "--domain", domain, "--quiet")
            paths = folder / f"{name}.certificate.json", folder / f"{name}.safetensors"
            document = check(*paths)
            assert Model(paths[1]).digest() == document["model"]
            assert len(document["claims"]) == len(grades), "one claim for each grade"
            for what, other in alterations(document):
                write(other, folder / "altered.json")
                assert refused(folder / "altered.json", paths[1]), f"{name}: accepted although {what}"
                n_refused += 1
            # Even a change that leaves a true statement is noticed by the digest.
            paths[0].write_text(paths[0].read_text().replace('"box', ' "box', 1))
            assert refused(*paths), f"{name}: an altered file is accepted"
        for path in KEPT:
            model = path.with_suffix(".safetensors")
            known = check(path.with_suffix(".certificate.json"), model)
            for what, other in (*alterations(known), *forgeries(known)):
                write(other, folder / "altered.json")
                assert refused(folder / "altered.json", model), f"{path.name}: accepted although {what}"
                n_refused += 1
        # No gradient form where there is a kink.
        document["function"] = "abs(x - 0.5)*0"
        document["claims"] = [{**document["claims"][-1], "exact": [-9, 9], "f64": None, "f32": None, "tree": ["box curvature"]}]
        write(document, folder / "altered.json")
        assert refused(folder / "altered.json", paths[1]), "a gradient form is accepted at a kink"
    n_kept = len(KEPT) + 2 * len(CONSTRUCTED) + len(COMPILED) + len(GRADED)
    print(f"{len(MODELS) + n_kept} certificates proved again, {n_refused + len(MODELS) + 1} altered ones refused")


if __name__ == "__main__":
    main()
