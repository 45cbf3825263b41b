"""An independent check of a certificate of approximation: shares no code with multigrade, only docs/certificate-format.md.

    pip install mpmath==1.3.0
    python check_certificate.py CERTIFICATE MODEL      # exit status 0: every claim is proved; 1: refused

The formula is enclosed by mpmath's interval arithmetic with 120 bits. The network is followed in integers that count
units of 2^-320: every product is rounded down and its error of less than one unit is added to the error of the form,
so nothing here rests on the rounding of floats. Where an enclosure is not as tight as the claim, the box of a leaf is
cut further, which proves the same: a claim holds on a box if it holds on both parts.
"""

import functools
import hashlib
import itertools
import json
import math
import re
import struct
import sys
from fractions import Fraction

from mpmath import iv, mp
from mpmath.libmp import from_man_exp

PLACES = 320
ONE = 1 << PLACES
MORE_CUTS = 4  # below a leaf
MAX_CUTS = 256
MAX_BYTES = 1 << 27

UNDEFINED, DEFINED, CONTINUOUS, C11 = range(4)


class Refused(Exception):
    """The certificate is not a proof."""


def require(ok, message):
    if not ok:
        raise Refused(message)


# Formulas. A tree of tuples: ("number", text), ("variable", name), ("call", name, operands), ("if", sign, a, b, u, v).

TOKEN = re.compile(r"\s*((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[A-Za-z_]\w*|<=|>=|.)", re.S)
FUNCTIONS = ("sin", "cos", "exp", "ln", "sqrt", "cbrt", "tanh", "atan", "abs")


class Parser:
    def __init__(self, text):
        require(len(text) < 100_000, "the function is too long")
        self.tokens = TOKEN.findall(text.strip())

    def next(self):
        return self.tokens[0] if self.tokens else ""

    def take(self, *words):
        return self.tokens.pop(0) if self.next() in words else None

    def need(self, word):
        require(self.take(word), f"the function: expected '{word}' before '{self.next()}'")

    def whole(self):
        tree = self.sum()
        require(not self.tokens, f"the function: '{self.next()}' is one too many")
        return tree

    def sum(self):
        left = self.product()
        while sign := self.take("+", "-"):
            left = ("call", sign, [left, self.product()])
        return left

    def product(self):
        left = self.signed()
        while sign := self.take("*", "/"):
            left = ("call", sign, [left, self.signed()])
        return left

    def signed(self):
        if self.take("-"):
            return ("call", "negative", [self.signed()])
        if self.take("+"):
            return self.signed()
        return self.power()

    def power(self):
        base = self.atom()
        return ("call", "^", [base, self.signed()]) if self.take("^") else base

    def atom(self):
        if self.take("("):
            tree = self.sum()
            self.need(")")
            return tree
        require(self.tokens, "the function ends too soon")
        word = self.tokens.pop(0)
        if word[0].isdigit() or word[0] == ".":
            return ("number", word)
        require(word[0].isalpha() or word[0] == "_", f"the function: '{word}' is not expected")
        if word in ("pi", "e"):
            return ("number", word)
        return self.call(word) if self.next() == "(" else ("variable", word)

    def call(self, name):
        self.need("(")
        if name == "if":
            a, sign, b = self.sum(), self.take("<", "<=", ">", ">="), None
            require(sign, "the function: expected a comparison")
            b = self.sum()
            branches = []
            for _ in range(2):
                self.need(",")
                branches.append(self.sum())
            self.need(")")
            return ("if", sign, a, b, *branches)
        operands = [self.sum()]
        while self.take(","):
            operands.append(self.sum())
        self.need(")")
        if name == "clamp" and len(operands) == 3:
            return ("call", "min", [("call", "max", operands[:2]), operands[2]])
        if name in ("min", "max") and len(operands) > 1:
            tree = operands[0]
            for operand in operands[1:]:
                tree = ("call", name, [tree, operand])
            return tree
        require(name in FUNCTIONS and len(operands) == 1, f"the function: '{name}' with {len(operands)} operands")
        return ("call", name, operands)


def variables(tree):
    if tree[0] == "variable":
        return {tree[1]}
    operands = tree[2] if tree[0] == "call" else tree[2:] if tree[0] == "if" else []
    return set().union(*(variables(operand) for operand in operands))


def rational(tree):
    """The exact value of a formula of numbers; None if it is not found by rational arithmetic."""
    if tree[0] == "number" and tree[1] not in ("pi", "e"):
        return Fraction(tree[1])
    if tree[0] != "call" or tree[1] not in ("negative", "+", "-", "*", "/"):
        return None
    operands = [rational(operand) for operand in tree[2]]
    if None in operands or (tree[1] == "/" and operands[1] == 0):
        return None
    u, v = (operands * 2)[:2]
    return {"negative": -u, "+": u + v, "-": u - v, "*": u * v, "/": u / v if v else None}[tree[1]]


# Enclosures of value, slopes and second derivatives, with what is known of the function on the box.


class Undefined(Exception):
    """The function may be undefined somewhere on the box."""


class Jet:
    def __init__(self, known, value, slopes, second):
        self.known, self.value, self.slopes, self.second = known, value, slopes, second


def ends(x):
    return [mp.make_mpf(end) for end in x._mpi_]


def between(x, y):
    return iv.mpf([x, y])


def hull(x, y):
    (a, b), (c, d) = ends(x), ends(y)
    return between(min(a, c), max(b, d))


UNIT = between(-1, 1)


def increasing(function):
    """The enclosure of an increasing function on an interval, from enclosures at points."""

    def enclosed(x):
        low, high = (function(iv.mpf(end)) for end in ends(x))
        return between(ends(low)[0], ends(high)[1])

    return enclosed


def padded(function):
    """The enclosure at a point of a function that mpmath computes to nearly all of its bits."""

    def enclosed(x):
        y = iv.mpf(function(ends(x)[0]))
        return y + abs(y) * UNIT * mp.mpf(2) ** -100

    return enclosed


tanh = increasing(lambda x: 1 - 2 / (iv.exp(2 * x) + 1))
atan = increasing(padded(mp.atan))
cbrt = increasing(padded(lambda x: mp.cbrt(x) if x >= 0 else -mp.cbrt(-x)))


def unary(name, u):
    """What is known of the operation, its value, first and second derivative."""
    low, high = ends(u)
    if name == "negative":
        return C11, -u, iv.mpf(-1), iv.mpf(0)
    if name == "sin":
        return C11, iv.sin(u), iv.cos(u), -iv.sin(u)
    if name == "cos":
        return C11, iv.cos(u), -iv.sin(u), -iv.cos(u)
    if name == "exp":
        y = iv.exp(u)
        return C11, y, y, y
    if name == "tanh":
        y = tanh(u)
        slope = 1 - y**2
        return C11, y, slope, -2 * y * slope
    if name == "atan":
        slope = 1 / (1 + u**2)
        return C11, atan(u), slope, -2 * u * slope**2
    if name == "abs":
        if low >= 0 or high <= 0:
            sign = iv.mpf(1 if low >= 0 else -1)
            return C11, sign * u, sign, iv.mpf(0)
        return CONTINUOUS, between(0, max(-low, high)), UNIT, None
    if name == "cbrt":
        y = cbrt(u)
        if low <= 0 <= high:
            return DEFINED, y, None, None
        return C11, y, y / (3 * u), -2 * y / (9 * u**2)
    if name == "ln" and low > 0:
        return C11, iv.log(u), 1 / u, -1 / u**2
    if name == "sqrt" and low >= 0:
        y = between(ends(iv.sqrt(iv.mpf(low)))[0], ends(iv.sqrt(iv.mpf(high)))[1])
        return (C11, y, 1 / (2 * y), -1 / (4 * y * u)) if low > 0 else (DEFINED, y, None, None)
    raise Undefined


def integer_power(u, n):
    low, high = ends(u)
    if n < 0 and low <= 0 <= high:
        raise Undefined
    slope = n * u ** (n - 1) if n != 0 else iv.mpf(0)
    return C11, u**n, slope, n * (n - 1) * u ** (n - 2) if n not in (0, 1) else iv.mpf(0)


def binary(name, u, v):
    """The same for two operands: two first derivatives, and the second ones uu, uv, vv."""
    zero, one = iv.mpf(0), iv.mpf(1)
    if name in "+-":
        return C11, u + v if name == "+" else u - v, [one, one if name == "+" else -one], [zero, zero, zero]
    if name == "*":
        return C11, u * v, [v, u], [zero, one, zero]
    low, high = ends(u)
    if name == "/":
        if ends(v)[0] <= 0 <= ends(v)[1]:
            raise Undefined
        y, square = u / v, 1 / v**2
        return C11, y, [1 / v, -y / v], [zero, -square, 2 * y * square]
    if low > 0:
        y = iv.exp(v * iv.log(u))
        ln, ratio = iv.log(u), y / u
        return C11, y, [v * ratio, y * ln], [v * (v - 1) * ratio / u, ratio * (1 + v * ln), y * ln**2]
    if low == 0 and ends(v)[0] > 0:
        top = iv.exp(v * iv.log(iv.mpf(high))) if high > 0 else zero
        return DEFINED, between(0, ends(top)[1]), None, None
    raise Undefined


def chain(known, value, operands, first, second):
    """The chain rule; derivatives that are not known are never asked for."""
    known = min([known] + [u.known for u in operands])
    slopes = [iv.mpf(0)] * len(operands[0].slopes)
    if known >= CONTINUOUS:
        slopes = [sum((g * u.slopes[i] for g, u in zip(first, operands)), iv.mpf(0)) for i in range(len(slopes))]
    entries = dict.fromkeys(operands[0].second, iv.mpf(0))
    if known == C11:
        u, v = operands[0], operands[-1]
        for i, j in entries:
            entry = sum((g * w.second[i, j] for g, w in zip(first, operands)), iv.mpf(0))
            # A square is not negative.
            squares = [w.slopes[i] ** 2 if i == j else w.slopes[i] * w.slopes[j] for w in operands]
            entry += second[0] * squares[0]
            if len(operands) == 2:
                entry += second[1] * (u.slopes[i] * v.slopes[j] + u.slopes[j] * v.slopes[i]) + second[2] * squares[1]
            entries[i, j] = entry
    return Jet(known, value, slopes, entries)


def constant(value, d, order):
    entries = [(i, j) for i in range(d) for j in range(i + 1)] if order > 1 else []
    return Jet(C11, value, [iv.mpf(0)] * (d if order > 0 else 0), dict.fromkeys(entries, iv.mpf(0)))


def evaluate(tree, names, box, order):
    if tree[0] == "number":
        named = {"pi": iv.pi, "e": iv.e}
        value = +named[tree[1]] if tree[1] in named else iv.mpf(tree[1])
        return constant(value, len(names), order)
    if tree[0] == "variable":
        i = names.index(tree[1])
        jet = constant(box[i], len(names), order)
        if order > 0:
            jet.slopes[i] = iv.mpf(1)
        return jet
    if tree[0] == "if":
        return choose(tree, names, box, order)
    name, operands = tree[1], [evaluate(operand, names, box, order) for operand in tree[2]]
    if name in ("min", "max"):
        return extremum(name, *operands)
    exponent = rational(tree[2][1]) if name == "^" else None
    if exponent is not None and exponent.denominator == 1 and abs(exponent) < 2**31:
        operands = operands[:1]
        known, value, slope, second = integer_power(operands[0].value, int(exponent))
        return chain(known, value, operands, [slope], [second])
    if len(operands) == 2:
        known, value, first, second = binary(name, *(u.value for u in operands))
        return chain(known, value, operands, first, second)
    known, value, slope, second = unary(name, operands[0].value)
    return chain(known, value, operands, [slope], [second])


def choose(tree, names, box, order):
    _, sign, a, b, u, v = tree
    (a, b), (c, d) = (ends(evaluate(operand, names, box, 0).value) for operand in (a, b))
    if ">" in sign:
        (a, b), (c, d) = (c, d), (a, b)
    strict = len(sign) == 1
    holds, fails = (b < c, a >= d) if strict else (b <= c, a > d)
    if holds or fails:
        return evaluate(u if holds else v, names, box, order)
    u, v = (evaluate(operand, names, box, order) for operand in (u, v))
    return Jet(DEFINED, hull(u.value, v.value), u.slopes, u.second)


def extremum(name, u, v):
    (a, b), (c, d) = ends(u.value), ends(v.value)
    if name == "max":
        a, b, c, d = -b, -a, -d, -c
    if b <= c:
        return u
    if d <= a:
        return v
    low, high = min(a, c), min(b, d)
    value = between(low, high) if name == "min" else between(-high, -low)
    known = min(CONTINUOUS, u.known, v.known)
    return Jet(known, value, [hull(x, y) for x, y in zip(u.slopes, v.slopes)], u.second)


# Integers that count units of 2^-PLACES, and pairs of them for intervals.


def units(x, up):
    """A fraction or an end of an interval in units, rounded down or up."""
    if isinstance(x, mp.mpf):
        sign, mantissa, exponent, _ = x._mpf_
        if not mantissa and exponent:
            raise Undefined  # infinite
        x = Fraction(mantissa if not sign else -mantissa) * Fraction(2) ** exponent
    scaled = Fraction(x) * ONE
    return math.ceil(scaled) if up else math.floor(scaled)


def pair(x):
    low, high = ends(x)
    return units(low, False), units(high, True)


def plus(x, y):
    return x[0] + y[0], x[1] + y[1]


def minus(x, y):
    return x[0] - y[1], x[1] - y[0]


def times(x, y):
    products = [a * b for a in x for b in y]
    return min(products) >> PLACES, -(-max(products) >> PLACES)


def half(x):
    return x[0] >> 1, -(-x[1] >> 1)


def join(x, y):
    return min(x[0], y[0]), max(x[1], y[1])


def magnitude(x):
    return max(abs(x[0]), abs(x[1]))


def around(r):
    return -r, r


def both_signs(x):
    return around(magnitude(x))


def quadratic(a, h):
    """Encloses {a t + h t^2 : |t| <= 1}."""
    a = max(abs(a[0]), abs(a[1]))

    def highest(h):
        return a + h if 2 * h >= -a else -(-a * a // (-4 * h))

    return -highest(-h[0]), highest(h[1])


# The model.


class Format:
    def __init__(self, unit, tiny, largest, code):
        self.unit, self.tiny = units(Fraction(2) ** unit, True), units(Fraction(2) ** tiny, True)
        self.roundoff, self.largest, self.code = Fraction(2) ** unit, units(largest, False), code

    def round(self, x):
        """The nearest number of the format; None if it is infinite."""
        try:
            return Fraction(struct.unpack(self.code, struct.pack(self.code, x))[0])
        except OverflowError:
            return None


FORMATS = {
    "f64": Format(-53, -1074, Fraction(sys.float_info.max), "<d"),
    "f32": Format(-24, -149, (2 - Fraction(2) ** -23) * 2**127, "<f"),
}


def up(x, weight):
    """An upper bound of weight * x for an integer x >= 0 and a fraction weight >= 0."""
    return -(-x * weight.numerator // weight.denominator)


def rounded(form, size, error):
    """An upper bound of the error of rounding a number of at most this size that is off by this error."""
    if error is None or size + error > form.largest:
        return None
    return 0 if size + error == 0 else error + up(size + error, form.roundoff) + form.tiny


class Model:
    def __init__(self, path):
        data = path.read_bytes() if hasattr(path, "read_bytes") else open(path, "rb").read()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        self.data, self.header = data[8 + length :], header
        document = json.loads(header["__metadata__"]["multigrade"])["model"]
        require(set(document.get("requires", [])) <= {"sparse"}, "the model file needs a newer reader")
        self.inputs = [column["name"] for column in document["schema"]["inputs"]]
        self.outputs = [column["name"] for column in document["schema"]["outputs"]]
        self.input_scaling, self.output_scaling = document["input_scaling"], document["output_scaling"]
        self.grades = [self.grade(g, grade) for g, grade in enumerate(document["grades"])]

    def tensor(self, name):
        entry = self.header[name]
        code = {"F64": "d", "U32": "I"}[entry["dtype"]]
        start, end = entry["data_offsets"]
        return list(struct.unpack(f"<{math.prod(entry['shape'])}{code}", self.data[start:end])), entry["shape"]

    def dense(self, name):
        (weights, (rows, columns)), (bias, _) = self.tensor(name + ".weights"), self.tensor(name + ".bias")
        terms = [[(j, w) for j, w in enumerate(weights[i * columns : (i + 1) * columns]) if w] for i in range(rows)]
        return columns, terms, bias

    def grade(self, g, grade):
        """(layers of each branch, whether inputs are carried, readout); a layer is (activation, affine map)."""
        branches = []
        for b, activations in enumerate(grade["branches"]):
            maps = self.sparse(f"grades.{g}.branches.{b}.sparse.") if b in grade.get("sparse", []) else {}
            layer = f"grades.{g}.branches.{b}.layers."
            branches.append([(a, maps[i] if i in maps else self.dense(layer + str(i))) for i, a in enumerate(activations)])
        return branches, grade["carry_inputs"], self.dense(f"grades.{g}.readout")

    def sparse(self, name):
        layers, counts, columns, weights, bias = (
            iter(self.tensor(name + part)[0]) for part in ("layers", "terms", "columns", "weights", "bias")
        )
        maps = {}
        for position, rows, width in zip(layers, layers, layers):
            terms, offsets = [], []
            for _ in range(rows):
                n = next(counts)
                row = list(zip(itertools.islice(columns, n), itertools.islice(weights, n)))
                terms.append([(j, w) for j, w in row if w])
                offsets.append(next(bias))
            maps[position] = (width, terms, offsets)
        return maps

    def digest(self):
        """What a certificate names the model by."""
        hash = hashlib.sha256()

        def count(n):
            hash.update(struct.pack("<Q", n))

        def text(words):
            count(len(words.encode()))
            hash.update(words.encode())

        def numbers(*values):
            hash.update(struct.pack(f"<{len(values)}d", *values))

        def affine(width, terms, bias):
            count(len(bias))
            count(width)
            for row, offset in zip(terms, bias):
                count(len(row))
                for column, weight in row:
                    count(column)
                    numbers(weight)
                numbers(offset)

        text("multigrade function")
        for names in (self.inputs, self.outputs):
            count(len(names))
            for name in names:
                text(name)
        for scaling in (self.input_scaling, self.output_scaling):
            numbers(*scaling["center"])
            numbers(*scaling["scale"])
        count(len(self.grades))
        for branches, carries, readout in self.grades:
            count(len(branches))
            for branch in branches:
                count(len(branch))
                for activation, layer in branch:
                    text(activation)
                    affine(*layer)
            count(int(carries))
            affine(*readout)
        return "sha256:" + hash.hexdigest()

    def neurons(self, grades, output):
        """f_k as a list of (terms, bias, is ReLU), terms (source, weight); sources are inputs, then neurons."""
        d = len(self.inputs)
        net, features, corrections = [], list(range(d)), []
        for branches, carries, (_, terms, bias) in self.grades[:grades]:
            made = []
            for branch in branches:
                h = features
                for activation, (_, rows, offsets) in branch:
                    require(activation in ("relu", "identity"), f"nothing is proved about {activation}")
                    first = d + len(net)
                    net += [([(h[j], w) for j, w in row], b, activation == "relu") for row, b in zip(rows, offsets)]
                    h = list(range(first, d + len(net)))
                made += h
            features = made + list(range(d)) * carries
            corrections.append(d + len(net))
            net.append(([(features[j], w) for j, w in terms[output]], bias[output], False))
        net.append(([(source, 1.0) for source in corrections], 0.0, False))
        scale, center = self.output_scaling["scale"][output], self.output_scaling["center"][output]
        net.append(([(d + len(net) - 1, scale)], center, False))
        return [([(j, Fraction(w)) for j, w in terms], Fraction(b), relu) for terms, b, relu in net]


# The network over a box or a simplex.


class Affine:
    """center + coefficients (coordinates, then noises) + an error of at most `error`; range of the exact values; for each
    format a bound of |computed - exact|, None if it is infinite."""

    def __init__(self, center, coefficients, error, low, high, off):
        self.center, self.coefficients, self.error, self.off = center, coefficients, error, off
        self.low, self.high = low, high

    def size(self):
        return max(abs(self.low), abs(self.high))


def cut(sides, variable, at):
    a, b = sides[variable]
    require(a < at < b, f"a cut at {at} is not inside its side")
    return [sides[:variable] + [part] + sides[variable + 1 :] for part in ((a, at), (at, b))]


class Region:
    def __init__(self, model, net, sides, formats):
        self.model, self.sides, self.formats = model, sides, formats
        self.ends = [(units(Fraction(a), False), units(Fraction(b), True)) for a, b in sides]
        self.halves = [(b - a + 1) >> 1 for a, b in self.ends]
        self.net = net
        forms, fates = self.follow(None)
        self.output = forms[-1]
        self.net = self.specialised(forms, fates)

    def split(self, variable, at):
        return [Region(self.model, self.net, sides, self.formats) for sides in cut(self.sides, variable, at)]

    def input(self, i):
        (a, b), (center, scale) = self.ends[i], (Fraction(self.model.input_scaling[key][i]) for key in ("center", "scale"))
        shift = math.floor(center * ONE), math.ceil(center * ONE)
        away = a - shift[1], b - shift[0]
        low, high = math.floor(away[0] / scale), math.ceil(away[1] / scale)
        coefficients = [0] * len(self.sides)
        coefficients[i] = math.floor(self.halves[i] / scale)
        # Middle and half width are off by at most a unit each, and so are the quotients.
        error = 0 if (center, scale) == (0, 1) and (b - a) % 2 == 0 else math.ceil(4 / scale) + 4
        middle = math.floor(Fraction(a + b, 2) / scale - Fraction(sum(shift), 2) / scale)
        off = {name: self.input_error(name, max(-a, b), max(-away[0], away[1]), max(-low, high), center, scale)
               for name in self.formats}
        return Affine(middle, coefficients, error, low, high, off)

    @staticmethod
    def input_error(name, x, away, z, center, scale):
        def stepwise(form):
            near_center, near_scale = form.round(center), form.round(scale)
            if near_center is None or not near_scale:
                return None
            error = rounded(form, x, 0)
            if center != 0 and error is not None:
                error = rounded(form, away, error + math.ceil(abs(near_center - center) * ONE))
            if scale != 1 and error is not None:
                error = rounded(form, z, math.ceil((error + up(z, abs(near_scale - scale))) / near_scale))
            return error

        error = stepwise(FORMATS[name])
        if name == "f32":
            other = rounded(FORMATS[name], z, stepwise(FORMATS["f64"]))
            error = None if None in (error, other) else max(error, other)
        return error

    def reach(self, center, coefficients, error, order):
        d = len(self.sides)
        noise = sum(map(abs, coefficients[d:])) + error
        slopes = coefficients[:d]
        if order is None:
            spread = sum(map(abs, slopes))
            return center - spread - noise, center + spread + noise
        values = [center - sum(slopes)]
        for i in order:
            values.append(values[-1] + 2 * slopes[i] if slopes else values[-1])
        return min(values) - noise, max(values) + noise

    def follow(self, order):
        """All forms, and for each neuron whether it is exactly 0, and whether its sign is open."""
        d = len(self.sides)
        forms, fates = [self.input(i) for i in range(d)], []
        self.symbols, self.most = d, d + 2**18 // max(len(self.net), 1)
        for j, (terms, bias, relu) in enumerate(self.net):
            form = self.sum(forms, terms, bias, order, j + 1 == len(self.net))
            is_open = relu and self.positive_part(form)
            forms.append(form)
            is_zero = form.low == form.high == 0 and not any(v != 0 for v in form.off.values())
            fates.append((is_zero and j + 1 < len(self.net), is_open))
        return forms, fates

    def sum(self, forms, terms, bias, order, is_output):
        sources = [(forms[j], w) for j, w in terms]
        count = max([len(form.coefficients) for form, _ in sources], default=0)
        center = math.floor(bias * ONE)
        low = high = center
        high += 0 if bias * ONE == center else 1
        coefficients, error, exact = [0] * count, 0, bias * ONE == center
        for form, w in sources:
            n, shift = w.numerator, w.denominator.bit_length() - 1
            exact = exact and shift == 0
            center += form.center * n >> shift
            for i, c in enumerate(form.coefficients):
                coefficients[i] += c * n >> shift
            error += -(-form.error * abs(n) >> shift)
            a, b = (form.low, form.high) if n > 0 else (form.high, form.low)
            low, high = low + (a * n >> shift), high - (-b * n >> shift)
        if not exact:
            error += (len(terms) + 1) * (count + 1)
        a, b = self.reach(center, coefficients, error, order)
        low, high = max(low, a), min(high, b)
        require(low <= high, "the enclosures of a neuron do not meet")
        off = {name: self.sum_error(name, sources, bias, is_output) for name in self.formats}
        if 2 * error > high - low:
            center, coefficients = (low + high) >> 1, []
            error = max(high - center, center - low)
        return Affine(center, coefficients, error, low, high, off)

    @staticmethod
    def sum_error(name, sources, bias, is_output):
        def bound(form):
            total, m, carried, odd, scaled = 0, 0, 0, 0, 0
            for source, w in sources:
                p = source.off[name]
                if source.low == source.high == 0 and p == 0:
                    continue
                near = form.round(w)
                if near is None or p is None:
                    return None
                m += 1
                total += up(source.size() + p, abs(near))
                carried += up(p, abs(near)) + up(source.size(), abs(near - w))
                parts = abs(near).numerator, abs(near).denominator
                is_power = near != 0 and all(n & (n - 1) == 0 for n in parts)
                odd += not is_power
                scaled += not (is_power and abs(near) >= 1)
            near = form.round(bias)
            if near is None:
                return None
            m += bias != 0
            total += math.ceil(abs(near) * ONE)
            carried += math.ceil(abs(near - bias) * ONE)
            k = max(m - 1, 0) + (odd > 0)
            part = k * form.roundoff
            if part >= Fraction(1, 2):
                return None
            error = up(total, part / (1 - part)) + scaled * form.tiny
            return None if total + error > form.largest else carried + error

        bounds = [bound(FORMATS[name])] + ([bound(FORMATS["f64"])] if is_output else [])
        return None if None in bounds else max(bounds)

    def positive_part(self, form):
        low, high = form.low, form.high
        if low >= 0:
            return False
        if high <= 0:
            form.off = {name: p if p is None else max(0, min(p, high + p)) for name, p in form.off.items()}
            form.center, form.coefficients, form.error, form.low, form.high = 0, [], 0, 0, 0
            return True
        share = (high << PLACES) // (high - low)
        lift = -(-max(-share * low, (ONE - share) * high) >> (PLACES + 1))
        form.coefficients = [c * share >> PLACES for c in form.coefficients]
        form.center = (form.center * share >> PLACES) + lift
        form.error = (form.error * share >> PLACES) + len(form.coefficients) + 2
        form.low = 0
        if lift > max(high, -low) >> 32 and self.symbols < self.most:
            form.coefficients += [0] * (self.symbols - len(form.coefficients)) + [lift]
            self.symbols += 1
        else:
            form.error += lift
        return True

    def specialised(self, forms, fates):
        d, n = len(self.sides), len(self.net)
        wanted = [any(p is None for p in form.off.values()) for form in forms[d:]]
        wanted[-1] = True
        for j in reversed(range(n)):
            if wanted[j] and not fates[j][0]:
                for source, _ in self.net[j][0]:
                    if source >= d:
                        wanted[source - d] = True
        net, places = [], list(range(d))
        for j, (terms, bias, _) in enumerate(self.net):
            is_zero, is_open = fates[j]
            if is_zero or not wanted[j]:
                places.append(None)
                continue
            kept = [(places[source], w) for source, w in terms if places[source] is not None]
            if bias == 0 and not is_open and j + 1 < n and len(kept) == 1 and kept[0][1] == 1:
                places.append(kept[0][0])
            else:
                places.append(d + len(net))
                net.append((kept, bias, is_open))
        return net

    # Leaves.

    def bounds(self, leaf, tree):
        """Encloses f - f_k over the box: {"exact": pair, "f64": ..., "f32": ...}, None where there is no bound."""
        shape, order = leaf.split()
        names, box = self.model.inputs, [iv.mpf([a, b]) for a, b in self.sides]
        order = ("value", "slope", "curvature").index(order)
        jet = evaluate(tree, names, box, order)
        require(jet.known >= (DEFINED, CONTINUOUS, C11)[order], f"the leaf '{leaf}' is not allowed on {self.sides}")
        pieces = [(None, self.output)]
        if shape == "kuhn":
            require(len(names) <= 4, "simplices are for at most 4 variables")
            pieces = [(path, self.follow(path)[0][-1]) for path in itertools.permutations(range(len(names)))]
        found = {}
        for path, output in pieces:
            exact = self.difference(tree, jet, order, path, output)
            for name in ("exact", *self.formats):
                p = 0 if name == "exact" else output.off[name]
                if p is None or any(form.off.get(name, 0) is None for form in [output]):
                    raise Undefined
                wider = exact[0] - p, exact[1] + p
                found[name] = join(found[name], wider) if name in found else wider
        return found

    def difference(self, tree, jet, order, path, output):
        d, names = len(self.sides), self.model.inputs
        spread = sum(map(abs, output.coefficients[d:])) + output.error
        noise, start = (-spread, spread), (output.center, output.center)
        slopes = (output.coefficients + [0] * d)[:d]
        if order == 0:
            return minus(pair(jet.value), (output.low, output.high))
        center = [(iv.mpf(a) + iv.mpf(b)) / 2 for a, b in self.sides]
        radius = [(r - 1, r) for r in self.halves]
        if order == 1 or path is None:
            at_center = evaluate(tree, names, center, order - 1)
            total = plus(minus(pair(at_center.value), start), noise)
            gradient = jet.slopes if order == 1 else at_center.slopes
            linear = [minus(times(pair(g), r), (n, n)) for g, r, n in zip(gradient, radius, slopes)]
        if order == 1 and path is None:
            for term in linear:
                total = plus(total, both_signs(term))
            return total
        if order == 1:
            values = []
            for k in range(d + 1):
                value = total
                for i, term in enumerate(linear):
                    value = plus(value, term) if i in path[:k] else minus(value, term)
                values.append(value)
            return min(v[0] for v in values), max(v[1] for v in values)
        second = {key: times(times(pair(h), radius[key[0]]), radius[key[1]]) for key, h in jet.second.items()}
        if path is None:
            for i in range(d):
                total = plus(total, quadratic(linear[i], half(second[i, i])))
                for j in range(i):
                    total = plus(total, both_signs(second[i, j]))
            return total
        values = []
        for k in range(d + 1):
            corner = [iv.mpf(side[int(i in path[:k])]) for i, side in enumerate(self.sides)]
            at = output.center + sum(n if i in path[:k] else -n for i, n in enumerate(slopes))
            values.append(minus(pair(evaluate(tree, names, corner, 0).value), (at, at)))
        total = min(v[0] for v in values), max(v[1] for v in values)
        bent = self.bent(second, path)
        return plus(minus(total, half(bent)), noise)


    def bent(self, second, path):
        """Encloses the quadratic part of an interpolation error; `second` holds H_ij r_i r_j. Two enclosures meet."""
        d = len(self.sides)
        middles = {key: (h[0] + h[1]) >> 1 for key, h in second.items()}
        off = sum((1 if i == j else 2) * max(h[1] - middles[i, j], middles[i, j] - h[0]) for (i, j), h in second.items())
        single = (0, 0)
        for (i, j), h in second.items():
            if i == j:
                single = plus(single, (min(h[0], 0), max(h[1], 0)))
            else:
                width = max(h[1] - middles[i, j], middles[i, j] - h[0])
                single = plus(single, (2 * (min(middles[i, j], 0) - width), 2 * (max(middles[i, j], 0) + width)))
        # Along the edge from vertex u to vertex v the coordinates between change by 2 r_i, the others not at all.
        edges = {}
        for u, v in itertools.combinations(range(d + 1), 2):
            moved = set(path[u:v])
            edges[u, v] = 4 * sum(
                (1 if i == j else 2) * m for (i, j), m in middles.items() if i in moved and j in moved
            )
        low, high = (-self.quarter({edge: -q for edge, q in edges.items()}) - off, self.quarter(edges) + off)
        return max(single[0], low), min(single[1], high)

    @staticmethod
    def quarter(edges):
        """An upper bound of the sum of l_u l_v max(0, q_uv) over barycentric coordinates l."""
        c = {edge: max(0, q) for edge, q in edges.items()}
        p, q = max(c, key=c.get)
        if c[p, q] == 0:
            return 0
        share = {}

        def at(u, v):
            return c.get((min(u, v), max(u, v)), 0)

        for v in {v for edge in c for v in edge}:
            total = at(p, v) + at(q, v)
            share[v] = Fraction(v == q) if v in (p, q) else Fraction(at(p, v), total) if total else Fraction(1, 2)
        factors = {(u, v): share[u] * (1 - share[v]) + share[v] * (1 - share[u]) for u, v in c}
        if any(c[edge] and not factors[edge] for edge in c):
            return sum(c.values())  # l_u l_v <= 1/4
        return math.ceil(max(c[edge] / factors[edge] for edge in c if c[edge]) / 4)


# Derivations. The network is read as forms over atoms: inputs, quantities of open ReLUs, roundings, squares, values of
# subformulas. Each step is a lemma about them; see docs/certificate-format.md.


def power_of(x):
    """Encloses the squares."""
    low = 0 if x[0] <= 0 <= x[1] else min(abs(x[0]), abs(x[1]))
    return low * low >> PLACES, -(-(magnitude(x) ** 2) >> PLACES)


def scaled(weight, x):
    """A number times an interval."""
    if x == (0, 0):
        return x
    a, b = x if weight >= 0 else (x[1], x[0])
    return a * weight.numerator // weight.denominator, -(-b * weight.numerator // weight.denominator)


def meet(x, y):
    """Both enclose the same numbers."""
    both = max(x[0], y[0]), min(x[1], y[1])
    return both if both[0] <= both[1] else x


def interval(x):
    return between(*(mp.make_mpf(from_man_exp(end, -PLACES)) for end in x))


def by(c, x):
    """Units times an interval."""
    a, b = x if c >= 0 else (x[1], x[0])
    return a * c >> PLACES, -(-b * c >> PLACES)


def item(items, i, what):
    require(type(i) is int and 0 <= i < len(items), f"there is no {what} {i} so far")
    return items[i]


def tagged(entry, names, what):
    """The name and the content of {"name": content}."""
    require(isinstance(entry, dict) and len(entry) == 1 and set(entry) <= set(names), f"{entry} is no {what}")
    return next(iter(entry.items()))


def number(x):
    require(type(x) in (int, float) and math.isfinite(x), f"{x} is not a finite number")
    return Fraction(float(x))


class Algebra:
    """Formulas as quotients of polynomials, lists of [numerator, denominator]: dicts from sorted tuples of (atom, exponent)
    to Fractions. An atom is a variable, a constant, or a function of such quotients."""

    MOST = 20_000  # terms multiplied at a time

    def __init__(self, sides):
        self.sides, self.atoms = sides, []

    def times(self, p, q):
        require(len(p) * len(q) <= self.MOST, "formulas too large to be compared")
        product = {}
        for (m, c), (n, d) in itertools.product(p.items(), q.items()):
            powers = dict(m)
            for atom, exponent in n:
                powers[atom] = powers.get(atom, 0) + exponent
            key = tuple(sorted(powers.items()))
            product[key] = product.get(key, 0) + c * d
        return {m: c for m, c in product.items() if c != 0}

    def sum(self, u, by, v):
        total = dict(self.times(u[0], v[1]))
        for m, c in self.times(v[0], u[1]).items():
            total[m] = total.get(m, 0) + by * c
        return {m: c for m, c in total.items() if c != 0}, self.times(u[1], v[1])

    def product(self, u, v):
        return self.times(u[0], v[0]), self.times(u[1], v[1])

    def power(self, u, n):
        require(abs(n) <= 64, "a power too high to be compared")
        if n < 0:
            require(u[0], "a formula divides by 0")
            u = u[1], u[0]
        power = self.number(1)
        for _ in range(abs(n)):
            power = self.product(power, u)
        return power

    def number(self, x):
        return ({(): Fraction(x)} if x else {}), {(): Fraction(1)}

    def equal(self, u, v):
        return self.times(u[0], v[1]) == self.times(v[0], u[1])

    def atom(self, name, *operands):
        for i, (known, of) in enumerate(self.atoms):
            if known == name and all(self.equal(u, v) for u, v in zip(of, operands)):
                break
        else:
            i = len(self.atoms)
            self.atoms.append((name, operands))
        return {((i, 1),): Fraction(1)}, {(): Fraction(1)}

    def read(self, tree):
        require(tree[0] != "if", "a formula that chooses is not rewritten")
        if tree[0] in ("number", "variable"):
            is_decimal = tree[0] == "number" and tree[1] not in ("pi", "e")
            return self.number(Fraction(tree[1])) if is_decimal else self.atom(tree)
        name, exponent = tree[1], rational(tree[2][1]) if tree[1] == "^" else None
        if exponent is not None and exponent.denominator == 1:
            return self.power(self.read(tree[2][0]), int(exponent))
        operands = [self.read(operand) for operand in tree[2]]
        u, v = (operands * 2)[:2]
        match name:
            case "negative":
                return self.sum(self.number(0), -1, u)
            case "+" | "-":
                return self.sum(u, 1 if name == "+" else -1, v)
            case "*":
                return self.product(u, v)
            case "/":
                return self.product(u, self.power(v, -1))
            case "exp":
                return self.exp(u)
            case "ln":
                return self.ln(u)
        return self.atom(name, *operands)

    def exp(self, u):
        """exp(sum of c m / b) is the product of exp(m / b)^c; of a logarithm, what that is of."""
        product = self.number(1)
        for m, c in u[0].items():
            # Over a denominator without a common factor, so that c is an integer where it can be one.
            share = functools.reduce(lambda x, y: Fraction(math.gcd(x.numerator * y.denominator, y.numerator * x.denominator),
                                                           x.denominator * y.denominator), u[1].values(), abs(c))
            below, n = {k: d / share for k, d in u[1].items()}, c / share
            name, operands = self.atoms[m[0][0]] if len(m) == 1 and m[0][1] == 1 else (None, ())
            if name == "ln" and below == {(): 1}:
                base = operands[0]
            else:
                base = self.atom("exp", ({m: Fraction(1)}, below))
            product = self.product(product, self.power(base, int(n)))
        return product

    def ln(self, u):
        """Of a product of powers of positive variables and constants, a sum."""

        def is_positive(atom):
            kind = self.atoms[atom][0]
            return kind[0] == "number" or (kind[0] == "variable" and self.sides[kind[1]] > 0)

        sides = [list(side.items()) for side in u]
        if not all(len(side) == 1 and side[0][1] > 0 and all(is_positive(a) for a, _ in side[0][0]) for side in sides):
            return self.atom("ln", u)
        total = self.number(0)
        for by, [(m, c)] in zip((1, -1), sides):
            parts = [(self.number(part), sign) for part, sign in ((c.numerator, by), (c.denominator, -by)) if part != 1]
            parts += [(({((a, 1),): Fraction(1)}, {(): Fraction(1)}), by * exponent) for a, exponent in m]
            for part, exponent in parts:
                total = self.sum(total, exponent, self.atom("ln", part))
        return total


def same(f, g, names, sides):
    """Whether two formulas are defined on the box, and the same function as quotients of polynomials."""
    require(variables(g) <= set(names), "the formula of the derivation has other variables")
    box = [between(mp.mpf(low), mp.mpf(high)) for low, high in sides]
    for tree in (f, g):
        evaluate(tree, names, box, 0)
    algebra = Algebra({name: side[0] for name, side in zip(names, sides)})
    return algebra.equal(algebra.read(f), algebra.read(g))


class Formula:
    """Subformulas in postfix order; `first` is the number of the first one that is equal."""

    def __init__(self, tree):
        self.trees, self.operands, self.first, self.known = [], [], [], {}
        self.jets = {}
        self.number(tree)

    def number(self, tree):
        kind, name = tree[:2]
        operands = [] if kind in ("number", "variable") else list(tree[2:]) if kind == "if" else tree[2]
        if name == "^":
            exponent, literal = rational(tree[2][1]), tree[2][1]
            while literal[:2] == ("call", "negative"):
                literal = literal[2][0]
            whole = exponent is not None and exponent.denominator == 1 and abs(exponent) <= 2**30
            known = literal[0] == "number" or (exponent is not None and not whole) or variables(literal)
            require(known, "exponents of a formula with a derivation are numbers, or are no integers")
            if whole:
                operands, name = operands[:1], ("^", exponent)
        places = [self.number(operand) for operand in operands]
        key = kind, name, *(self.first[i] for i in places)
        self.trees.append(tree)
        self.operands.append(places)
        self.first.append(self.known.setdefault(key, len(self.first)))
        return len(self.trees) - 1

    def jet(self, kind, node, of):
        """Subformula `node`, or its reciprocal, as a function of subformula `of`: enclosures up to an order."""
        item(self.trees, node, "subformula"), item(self.trees, of, "subformula")
        if (kind, node, of) not in self.jets:
            tree = self.function(node, of)
            if kind == "reciprocal":
                tree = ("call", "^", [tree, ("call", "negative", [("number", "1")])])
            jet = functools.cache(lambda x, order: evaluate(tree, ["t"], [interval(x)], order))
            self.jets[kind, node, of] = jet
        return self.jets[kind, node, of]

    def function(self, node, of):
        """Subformula `node` as a formula in "t", the value of subformula `of`."""
        if self.first[node] == self.first[of]:
            return ("variable", "t")
        tree = self.trees[node]
        require(tree[0] != "variable", "a curve depends on another variable")
        parts = [self.function(i, of) for i in self.operands[node]]
        if tree[0] == "call":
            return (*tree[:2], parts + tree[2][len(parts) :])
        return (*tree[:2], *parts)


class Linear:
    """constant + sum of coefficient * quantity: intervals; quantities are inputs, then nodes."""

    def __init__(self, constant=(0, 0), terms=None):
        self.constant, self.terms = constant, terms or {}

    def plus(self, factor, other):
        terms = dict(self.terms)
        for q, c in other.terms.items():
            terms[q] = plus(terms.get(q, (0, 0)), times(factor, c))
        return Linear(plus(self.constant, times(factor, other.constant)), terms)

    def range(self, ranges):
        total = self.constant
        for q, c in self.terms.items():
            total = plus(total, times(c, ranges[q]))
        return total


class Form:
    """center + sum of terms[a] * atom a, up to the error."""

    def __init__(self, center=0, terms=(), error=0):
        self.center, self.terms, self.error = center, dict(terms), error


class Reading:
    """A network, read by a derivation for one meaning: "exact" or a format."""

    def __init__(self, model, net, sides, meaning, formula):
        self.net, self.inputs, self.meaning, self.formula = net, model.inputs, meaning, formula
        self.ranges, self.units = [], {}  # of the atoms; which neuron, square or former value an atom is
        self.kept, self.open, self.squares = [], {}, []
        self.nodes, self.places, self.parts, self.defects = [], [], {}, {}
        self.box = [(units(Fraction(a), False), units(Fraction(b), True)) for a, b in sides]
        self.forms, self.seen = {}, {}  # of inputs and neurons: while they are needed; computed values
        self.last = {source: j for j, (terms, _, _) in enumerate(net) for source, _ in terms}
        for side in self.box:
            self.atom(side)
        for i, (a, b) in enumerate(self.box):
            center, scale = (Fraction(model.input_scaling[key][i]) for key in ("center", "scale"))
            z = self.combine(-center / scale, [(1 / scale, self.of_atom(i))])
            if meaning != "exact":
                away = max(abs(a - math.floor(center * ONE)), abs(b - math.floor(center * ONE))) + 1
                exact = magnitude(self.range(z))
                self.round(z, Region.input_error(meaning, magnitude((a, b)), away, exact, center, scale))
            self.set(i, z)

    # Forms.

    def atom(self, range, unit=None):
        self.ranges.append(range)
        if unit:
            self.units[len(self.ranges) - 1] = unit
        return len(self.ranges) - 1

    def of_atom(self, a):
        return Form(0, {a: ONE})

    def share(self, c, a):
        return -(-abs(c) * magnitude(self.ranges[a]) >> PLACES)

    def size(self, form):
        return abs(form.center) + form.error + sum(self.share(c, a) for a, c in form.terms.items())

    def range(self, form):
        low, high = form.center - form.error, form.center + form.error
        for a, c in form.terms.items():
            x, y = (c * end for end in self.ranges[a])
            low, high = low + (min(x, y) >> PLACES), high - (-max(x, y) >> PLACES)
        return low, high

    def combine(self, bias, parts):
        """bias + sum of weight * form: what is rounded down by less than a unit, times its atom, is an error."""
        total = Form(math.floor(bias * ONE))
        total.error = int(total.center != bias * ONE)
        for weight, form in parts:
            n, d = weight.numerator, weight.denominator
            total.error += -(-form.error * abs(n) // d) + (form.center * n % d != 0)
            total.center += form.center * n // d
            for a, c in form.terms.items():
                total.terms[a] = total.terms.get(a, 0) + c * n // d
                if c * n % d:
                    total.error += self.share(1, a)
        total.terms = {a: c for a, c in total.terms.items() if c}
        return total

    def distance(self, x, y):
        return self.size(self.combine(0, [(1, x), (-1, y)]))

    def keep(self, form):
        self.kept.append(form)
        return form

    def largest_unit(self, form):
        """What a conclusion may use up: no tent, for a tower may go on from it; a fold only where there is nothing else."""
        little, ranks = self.size(form) >> 40, {"tent": 0, "fold": 1}
        found = {}
        for a, c in form.terms.items():
            if a in self.units and self.share(c, a) >= little:
                kind, i = self.units[a]
                found[a] = ranks.get(self.open[i][0] if kind == "neuron" else None, 2), self.share(c, a)
        return max((a for a in found if found[a][0]), key=found.get, default=None)

    def own_atom(self, form):
        """The atom of which the form is a multiple."""
        return next(iter(form.terms)) if len(form.terms) == 1 else None

    def replace(self, definition, pivot, range, unit=None):
        """A new atom for what is defined, in place of the pivot, in all forms."""
        new = self.atom(range, unit)
        c = definition.terms[pivot]
        rest = Form(definition.center, definition.terms, definition.error)
        del rest.terms[pivot]
        relation = self.combine(0, [(Fraction(-ONE, c), rest), (Fraction(ONE, c), self.of_atom(new))])
        for form in [*self.kept, *self.forms.values()]:
            if weight := form.terms.pop(pivot, 0):
                whole = self.combine(0, [(1, form), (Fraction(weight, ONE), relation)])
                form.center, form.terms, form.error = whole.center, whole.terms, whole.error
        return new

    # Neurons.

    def round(self, form, error):
        require(error is not None, f"something may overflow in {self.meaning}")
        # What the form is off by becomes part of the atom, so that it cancels too; the dust of this arithmetic need not.
        if form.error >> PLACES - 200:
            error, form.error = error + form.error, 0
        if error:
            form.terms[self.atom(around(error))] = ONE

    def set(self, source, form):
        self.forms[source] = form
        self.seen[source] = Affine(0, [], 0, *self.range(form), {self.meaning: 0})

    def read(self, j, role):
        terms, bias, relu = self.net[j]
        z = self.combine(bias, [(w, self.forms[source]) for source, w in terms])
        sources, is_output = [(self.seen[source], w) for source, w in terms], j + 1 == len(self.net)
        self.round(z, 0 if self.meaning == "exact" else Region.sum_error(self.meaning, sources, bias, is_output))
        for source, _ in terms:
            if self.last[source] == j:
                self.forms.pop(source, None)
        h = z
        if relu and role is not None:
            h = self.divide(j, role, z)
        elif relu:
            low, high = self.range(z)
            below, above = max(-low, 0), max(high, 0)
            require(below << 12 <= above or above << 12 <= below, f"neuron {j} takes both signs and has no role")
            if below << 12 <= above:
                z.error += below
            else:
                h = Form(error=above)
        self.set(len(self.inputs) + j, h)
        if relu and role in ("tent", "fold"):
            seen, less = self.seen[len(self.inputs) + j], ONE // 2 if role == "tent" else 0
            seen.low, seen.high = 0, max(min(seen.high, self.open[j][3][1] - less), 0)

    def divide(self, j, role, z):
        argument = self.keep(self.combine(Fraction(1, 2), [(1, z)]) if role == "tent" else z)
        low, high = bounds = self.range(argument)
        goal = {"tent": (0, ONE), "fold": (-ONE, ONE)}.get(role)
        if goal and not goal[0] <= low <= high <= goal[1]:
            low, high = bounds = meet(bounds, self.path(argument, goal) or bounds)
        if role == "tent":
            range = min(2 * low, 2 * ONE - 2 * high), min(2 * high, 2 * ONE - 2 * low, ONE)
        elif role == "fold":
            range = max(low, -high, 0), max(-low, high)
        else:
            range = max(low, 0), max(high, 0)
        quantity = self.keep(self.of_atom(self.atom(range, ("neuron", j))))
        self.open[j] = role, quantity, argument, bounds
        share, own = {"tent": (1, Fraction(-1, 4)), "fold": (1, Fraction(1, 2)), "hinge": (0, Fraction(1))}[role]
        return self.combine(0, [(Fraction(share, 2), argument), (own, quantity)])

    def argument_in(self, form):
        """The argument of the first hinge or square in a form."""
        # What is left over from cancelled terms is no summand.
        little = self.size(form) >> 40
        for a, c in sorted(form.terms.items()):
            if a in self.units and self.share(c, a) > little:
                kind, i = self.units[a]
                if kind == "square":
                    return self.squares[i][1]
                if kind == "neuron" and self.open[i][0] == "hinge":
                    return self.open[i][2]
        return None

    def path(self, form, goal):
        """The range of a sum of hinges, or of squares upon squares, of one quantity: far smaller than its summands."""
        v = self.argument_in(form)
        if v is None:
            return None
        for _ in range(64):
            v = self.argument_in(v) or v
        bends = Bends(self, v)
        try:
            bends.sum = bends.mix(form, 0)
        except Refused:
            return None
        return bends.range(self.range(v), goal)

    def opened(self, j, role):
        require(type(j) is int and j in self.open and self.open[j][0] == role, f"neuron {j} is no {role} so far")
        return self.open[j][1:3]

    # Parts of the formula.

    def value(self, i):
        """Subformula i, affine in inputs and nodes."""
        node = self.parts.get(("value", self.formula.first[i]))
        if node is not None:
            return self.node(node)
        tree = self.formula.trees[i]
        if tree[0] == "variable":
            return Linear(terms={self.inputs.index(tree[1]): (ONE, ONE)})
        operands = [self.value(k) for k in self.formula.operands[i]]
        if tree[0] == "number" and tree[1] not in ("pi", "e"):
            return Linear((units(Fraction(tree[1]), False), units(Fraction(tree[1]), True)))
        one, name = (ONE, ONE), tree[1] if tree[0] == "call" else None
        if name == "negative":
            return Linear().plus(minus((0, 0), one), operands[0])
        if name in ("+", "-"):
            return operands[0].plus(one if name == "+" else (-ONE, -ONE), operands[1])
        for k in range(2) if name == "*" else ():
            if not operands[k].terms:
                return Linear().plus(operands[k].constant, operands[1 - k])
        if name == "/" and not operands[1].terms:
            low, high = operands[1].constant
            if low > 0 or high < 0:
                return Linear().plus((ONE * ONE // high, -(-ONE * ONE // low)), operands[0])
        if name == "/" and operands[1].terms and not operands[0].terms:
            return Linear().plus(operands[0].constant, self.node(self.reciprocal(self.formula.operands[i][1])))
        require(not any(operand.terms for operand in operands), f"no step says what subformula {i} is")
        try:
            jet = evaluate(tree, [], [], 0)
        except Undefined:
            raise Refused(f"the constant subformula {i} is undefined") from None
        return Linear(pair(jet.value))

    def node(self, k):
        return Linear(terms={len(self.inputs) + k: (ONE, ONE)})

    def form(self, linear):
        """A coefficient is the middle of its interval; what it may be off by is an error."""
        d = len(self.inputs)
        forms = [(c, self.of_atom(q) if q < d else self.places[q - d]) for q, c in linear.terms.items()]
        low, high = linear.constant
        parts = [(Fraction(a + b, 2 * ONE), form) for (a, b), form in forms]
        whole = self.combine(Fraction(low + high, 2 * ONE), parts)
        whole.error += high - low + sum(-(-(b - a) * self.size(form) >> PLACES) for (a, b), form in forms)
        return whole

    def define(self, part, operation, error, definition):
        part = part[0], self.formula.first[part[1]]
        require(part not in self.parts, f"{part} was concluded before")
        ranges = self.box + [range for _, _, range in self.nodes]
        range = plus(operation.value(ranges), join(error, (0, 0)))
        pivot = self.largest_unit(definition)
        value = definition
        if pivot is not None:
            value = self.of_atom(self.replace(definition, pivot, meet(range, self.range(definition))))
        self.parts[part] = len(self.nodes)
        self.places.append(self.keep(value))
        self.nodes.append((operation, error, range))

    # Steps.

    def conclude(self, rule):
        if rule == "anew":
            return self.anew()
        name, fields = tagged(rule, ("square", "product", "defect", "newton", "curve", "extremum", "clamp"), "rule")
        expected = {
            "square": {"fold", "tents"},
            "product": {"node", "squares", "centers", "radii"},
            "defect": {"of", "squares", "centers", "radii"},
            "newton": {"of", "squares", "centers", "radii"},
            "curve": {"part", "of", "constant", "terms", "cuts", "error"},
            "extremum": {"node", "hinge"},
            "clamp": {"hinges"},
        }
        require(set(fields) == expected[name], f"a {name} has other fields")
        getattr(self, name)(**fields)

    def square(self, fold, tents):
        require(len(tents) <= 500, "a tower that is too tall")
        require(fold is not None or tents, "a square needs a fold or a tent")
        opened = [self.opened(j, "tent") for j in tents]
        head, argument = self.opened(fold, "fold") if fold is not None else [opened[0][1]] * 2
        # What was known of the argument when it was read.
        bounds = meet(self.range(argument), self.open[tents[0] if fold is None else fold][3])
        low, high = bounds if fold is None else self.range(head)
        outside = max(-low, high - ONE, 0)
        off, before, scale = 4 * outside - (-outside * outside >> PLACES), head, Fraction(1)
        parts = [(Fraction(1), head)]
        for quantity, at in opened:
            off += 0 if at is before else up(self.distance(at, before), scale)
            before, scale = quantity, scale / 4
            parts.append((-scale, quantity))
        off = -off, off + math.ceil(ONE * scale / 4)
        definition = self.combine(0, parts)
        # A tower that an earlier square has the first tents of has no own one to give away.
        pivot = self.own_atom(opened[0][0] if opened else head)
        if self.units.get(pivot, ("former", None))[0] != "neuron":
            pivot = self.largest_unit(definition)
        value, range = definition, plus(power_of(bounds), off)
        if pivot in definition.terms:
            value = self.of_atom(self.replace(definition, pivot, range, ("square", len(self.squares))))
        self.squares.append((self.keep(value), argument, off))

    def operands(self, node, names):
        tree = item(self.formula.trees, node, "subformula")
        require(tree[0] == "call" and tree[1] in names, f"subformula {node} is none of {names}")
        return tree[1], *self.formula.operands[node]

    def product(self, node, squares, centers, radii):
        name, left, right = self.operands(node, ("*", "/"))
        u, v = self.value(left), self.value(right) if name == "*" else self.node(self.reciprocal(right))
        definition, off = self.multiplied(self.form(u), self.form(v), squares, centers, radii)
        self.define(("value", node), Product(u, v), off, definition)

    def reciprocal(self, of):
        """The node that stands for 1 / of."""
        node = self.parts.get(("reciprocal", item(self.formula.first, of, "subformula")))
        require(node is not None, f"no step says what 1/(subformula {of}) is")
        return node

    def inverse(self, of):
        """The same where it is a function of `of` itself: pieces of another operand say nothing of what it is multiplied with."""
        node = self.reciprocal(of)
        require(getattr(self.nodes[node][0], "is_inverse", False), f"1/(subformula {of}) is no curve over subformula {of}")
        return node

    def multiplied(self, of_u, of_v, squares, centers, radii):
        """What two squares compute of a product, and what it is off by."""
        (cu, cv), (ru, rv) = map(number, centers), map(number, radii)
        require(ru > 0 and rv > 0 and len(squares) == 2, "radii are above 0, squares are two")
        off, parts = (0, 0), [(cv, of_u), (cu, of_v)]
        for k, sign in zip(squares, (1, -1)):
            value, argument, own = item(self.squares, k, "square")
            half_sum = self.combine(-(cu / ru + sign * cv / rv) / 2, [(1 / (2 * ru), of_u), (sign / (2 * rv), of_v)])
            opposite = self.combine(0, [(-1, half_sum)])
            e = min(self.distance(argument, half_sum), self.distance(argument, opposite))
            moved = -(-e * (2 * magnitude(self.range(argument)) + e) >> PLACES)
            off = plus(off, scaled(sign, plus(own, around(moved))))
            parts.append((sign * ru * rv, value))
        return self.combine(-cu * cv, parts), scaled(ru * rv, off)

    def defect(self, of, squares, centers, radii):
        """The product of v and r = 1 / v + e is 1 + v e."""
        node = self.inverse(of)
        r = self.nodes[node][0]
        definition, off = self.multiplied(self.form(r.operands[0]), self.places[node], squares, centers, radii)
        close = functools.reduce(join, (times(v, e) for v, e in r.errors))
        pivot = self.largest_unit(definition)
        require(pivot is not None, "the squares of a defect are used up")
        atom = self.replace(definition, pivot, plus((ONE, ONE), plus(close, off)))
        self.defects[node] = self.keep(self.of_atom(atom)), off

    def newton(self, of, squares, centers, radii):
        """With the defect p = v r + a, and b for what the product is off by, r + r (1 - p) is 1 / v - v e^2 - r a + b."""
        node = self.inverse(of)
        require(node in self.defects, f"no step says what the defect of 1/(subformula {of}) is")
        (p, a), value, r = self.defects[node], self.places[node], self.nodes[node][0]
        product, b = self.multiplied(value, self.combine(1, [(-1, p)]), squares, centers, radii)
        errors = []
        for v, e in r.errors:
            require(v[0] > 0 or v[1] < 0, "the reciprocal of 0")
            inverse = ONE * ONE // v[1], -(-ONE * ONE // v[0])
            errors.append((v, minus(minus(b, times(plus(inverse, e), a)), times(v, power_of(e)))))
        part = "reciprocal", self.formula.first[of]
        del self.parts[part]
        definition = self.combine(0, [(1, value), (1, product)])
        all = functools.reduce(join, (e for _, e in errors))
        self.define(part, Function(r.function, r.operands[0], errors, True), all, definition)

    def extremum(self, node, hinge):
        name, left, right = self.operands(node, ("min", "max"))
        u, v = self.value(left), self.value(right)
        value, argument = self.opened(hinge, "hinge")
        sign = 1 if name == "max" else -1
        difference = self.combine(0, [(sign, self.form(v)), (-sign, self.form(u))])
        error = self.distance(argument, difference)
        definition = self.combine(0, [(1, self.form(u)), (sign, value)])
        self.define(("value", node), Extremum(name == "max", u, v), around(error), definition)

    def clamp(self, hinges):
        require(len(hinges) == 2 and hinges[0] != hinges[1], "two different hinges")
        (h, u), (opposite, v) = (self.opened(j, "hinge") for j in hinges)
        whole = self.combine(0, [(1, u), (1, v)])
        t = Fraction(-whole.center, 2 * ONE)
        off = self.distance(whole, self.combine(-2 * t, []))
        definition = self.combine(t, [(1, u), (-1, h), (1, opposite)])
        pivot = self.largest_unit(h)
        require(pivot in definition.terms, "the first hinge is used up")
        self.replace(definition, pivot, around(abs(math.ceil(t * ONE)) + 1 + off))

    def anew(self):
        """Nodes to come speak of each other only; what was read stays, but former values may give way to new ones."""
        for value in self.places:
            a = self.own_atom(value)
            if a is not None and a >= len(self.inputs):
                self.units.setdefault(a, ("former", None))
        self.defects.clear()
        self.parts.clear()
        self.nodes.clear()
        self.places.clear()

    def curve(self, part, of, constant, terms, cuts, error):
        kind, what = tagged(part, ("value", "reciprocal"), "part")
        function = self.formula.jet(kind, what, of)
        operand = self.value(of)
        v = self.form(operand)
        constant, bends = round(number(constant) * ONE), Bends(self, v)
        slope, parts, forms = 0, [], []
        for source, c in terms:
            c = round(number(c) * ONE)  # the same everywhere, so that nothing is lost
            if source == "argument":
                slope += c
                form = v
            else:
                unit = tagged(source, ("neuron", "square"), "source")
                parts.append((bends.place(unit, 0), c))
                form = self.squares[unit[1]][0] if unit[0] == "square" else self.open[unit[1]][1]
            forms.append((Fraction(c, ONE), form))
        definition = self.combine(Fraction(constant, ONE), forms)
        bends.sum = slope, constant, parts, 0
        ranges = self.box + [range for _, _, range in self.nodes]
        claimed = units(number(error[0]), True), units(number(error[1]), False)
        errors = bends.errors(function, operand.range(ranges), map(number, cuts), claimed)
        all = functools.reduce(join, (e for _, e in errors))
        is_inverse = kind == "reciprocal" and self.formula.first[what] == self.formula.first[of]
        self.define((kind, what), Function(function, operand, errors, is_inverse), all, definition)


class Bends:
    """The quantities that a curve is made of: functions of slope * v + shift + sum of earlier ones, up to an error."""

    def __init__(self, reading, v):
        self.reading, self.v, self.known, self.bends, self.sum = reading, v, {}, [], None

    def place(self, unit, depth):
        kind, i = unit
        require(depth <= 64, "too many quantities inside each other")
        if unit not in self.known:
            if kind == "square":
                _, argument, how = item(self.reading.squares, i, "square")
            else:
                require(type(i) is int and i in self.reading.open, f"neuron {i} has no role so far")
                how, _, argument, _ = self.reading.open[i]
            self.bends.append((how, self.mix(argument, depth)))
            self.known[unit] = len(self.bends) - 1
        return self.known[unit]

    def mix(self, form, depth):
        reading, v = self.reading, self.v
        rest, parts, little = Form(form.center, form.terms, form.error), [], reading.size(form) >> 40
        for a, c in form.terms.items():
            unit = reading.units.get(a, ("former", None))
            if unit[0] != "former" and a not in v.terms and reading.share(c, a) > little:
                parts.append((self.place(unit, depth + 1), c))
                del rest.terms[a]
        lead = max(v.terms, key=lambda a: reading.share(v.terms[a], a), default=None)
        slope = (rest.terms.get(lead, 0) << PLACES) // v.terms[lead] if v.terms else 0
        rest = reading.combine(0, [(1, rest), (Fraction(-slope, ONE), v)])
        shift, rest.center = rest.center, 0
        return slope, shift, parts, reading.size(rest)

    def local(self, mix, place, made):
        slope, shift, parts, error = mix
        low, high = by(slope, (place.center, place.center))
        total = [(low + shift, high + shift), (slope, slope), (0, 0), around(error), 0]
        for i, c in parts:
            if made[i] is not NOTHING:
                total[:4] = [x if y == (0, 0) else plus(x, by(c, y)) for x, y in zip(total[:4], made[i])]
                total[4] += abs(c) * made[i][4] + ONE >> PLACES
        return total

    def on(self, place):
        """The sum on a piece: value, slope, second derivative, noise, and how much of that comes from open signs."""
        made = []
        for how, mix in self.bends:
            z = self.local(mix, place, made)
            if how == "tent":
                bent = place.bent([minus(z[0], (ONE // 2, ONE // 2)), *z[1:]], 2, -2)
                made.append([plus(bent[0], (ONE, ONE)), *bent[1:]])
            elif how in ("fold", "hinge"):
                made.append(place.bent(z, -1 if how == "fold" else 0, 1))
            else:
                made.append(place.squared(z, how))
        return self.local(self.sum, place, made)

    def range(self, x, goal):
        """Encloses the sum for v in x; in smaller pieces where it has squares and does not seem to stay within the goal."""
        kinks = {-shift * ONE // slope for _, (slope, shift, parts, _) in self.bends if slope and not parts}
        ends = [x[0], *sorted(kink for kink in kinks if x[0] < kink < x[1]), x[1]]
        is_affine = all(isinstance(how, str) for how, _ in self.bends)
        found, open = [], [(piece, 0) for piece in itertools.pairwise(ends)]
        while open:
            (low, high), depth = open.pop()
            place = Place((low, high))
            value, slope, second, noise, _ = self.on(place)
            seen = plus(place.range(value, slope, second), noise)
            if is_affine or depth == 12 or (goal[0] <= seen[0] and seen[1] <= goal[1]):
                found.append(seen)
            else:
                middle = (low + high) // 2
                open += [((low, middle), depth + 1), ((middle, high), depth + 1)]
        return functools.reduce(join, found)

    def errors(self, function, range, cuts, claimed):
        """Sum minus function on the pieces of a range."""
        open, low, little, found = [], range[0], (claimed[1] - claimed[0]) // 100, []
        for cut in cuts:
            at = math.floor(cut * ONE)
            if low < at < range[1]:
                open.append(((low, at), 0))
                low = at
        open = [((low, range[1]), 0)] + open[::-1]
        while open:
            piece, depth = open.pop()
            middle = sum(piece) >> 1
            is_small = depth == 60 or not piece[0] < middle < piece[1]
            try:
                place = Place(piece)
                value, slope, second, noise, bent = self.on(place)
                gap = place.gap(function, value, slope, second)
                if claimed[0] <= gap[0] and gap[1] <= claimed[1] and (is_small or bent <= little):
                    found.append((piece, minus(noise, gap)))
                    continue
            except Undefined:
                pass
            where = [end / ONE for end in piece]
            require(not is_small and len(found) + len(open) < 1 << 20, f"a curve is not within its error on {where}")
            open += [((middle, piece[1]), depth + 1), ((piece[0], middle), depth + 1)]
        return found


NOTHING = [(0, 0)] * 4 + [0]


class Place:
    """A piece of the range of v: functions on it are value + slope (v - center) + second/2 (v - center)^2 + noise."""

    def __init__(self, piece):
        self.piece, self.center = piece, sum(piece) >> 1
        self.offset = piece[0] - self.center, piece[1] - self.center
        self.square = power_of(self.offset)

    def range(self, value, slope, second):
        line = plus(value, times(slope, self.offset))
        return line if second == (0, 0) else plus(line, half(times(second, self.square)))

    def bent(self, z, below, above):
        """below * z for negative and above * z for positive z; if open, the nearer line and the distance from it."""
        value, slope, second, noise, open = z
        low, high = self.range(value, slope, second)
        steepest = max(abs(below), abs(above))
        line, off = (above, (0, 0)) if low >= 0 else (below, (0, 0))
        if low < 0 < high:
            line = above if -low <= high else below
            off = scaled(below - above, (low, 0)) if line == above else scaled(above - below, (0, high))
        elif line == 0 and noise == (0, 0):
            return NOTHING
        lines = [scaled(line, x) for x in (value, slope, second)]
        return [*lines, plus(around(steepest * magnitude(noise)), off), open * steepest + magnitude(off)]

    def squared(self, z, off):
        value, slope, second, noise, open = z
        range = self.range(value, slope, second)
        steep = power_of(plus(slope, times(second, self.offset)))
        more = plus(scaled(2, times(range, noise)), power_of(noise))
        double = scaled(2, times(value, slope)), scaled(2, plus(steep, times(range, second)))
        lipschitz = Fraction(2 * (magnitude(range) + magnitude(noise)), ONE)
        return [power_of(value), *double, plus(more, off), up(open, lipschitz)]

    def gap(self, function, value, slope, second):
        """Encloses function minus sum."""
        jet = function(self.piece, 2)
        if jet.known < DEFINED:
            raise Undefined
        gap = minus(pair(jet.value), self.range(value, slope, second))
        if jet.known >= CONTINUOUS and self.piece[0] < self.center < self.piece[1]:
            center = function((self.center, self.center), 1)
            value = minus(pair(center.value), value)
            slopes = minus(pair(jet.slopes[0]), plus(slope, times(second, self.offset)))
            gap = meet(gap, plus(value, times(slopes, self.offset)))
            if jet.known == C11 and center.known >= CONTINUOUS:
                slope = minus(pair(center.slopes[0]), slope)
                gap = meet(gap, self.range(value, slope, minus(pair(jet.second[0, 0]), second)))
        return gap


# What a node is: the value for operands in given ranges, its error there, and the slopes in its operands.


class Operation:
    def error(self, ranges, error):
        """That on the whole box, where nothing better is known."""
        return error


class Product(Operation):
    def __init__(self, u, v):
        self.operands = u, v

    def value(self, ranges):
        u, v = (operand.range(ranges) for operand in self.operands)
        return times(u, v)

    def slopes(self, ranges, _):
        return [operand.range(ranges) for operand in reversed(self.operands)]


class Function(Operation):
    def __init__(self, function, operand, errors, is_inverse):
        """`is_inverse` says that the function is the reciprocal of the operand."""
        self.function, self.operands, self.errors, self.is_inverse = function, [operand], errors, is_inverse

    def value(self, ranges):
        return pair(self.function(self.operands[0].range(ranges), 0).value)

    def error(self, ranges, error):
        low, high = self.operands[0].range(ranges)
        meeting = [e for piece, e in self.errors if piece[0] <= high and low <= piece[1]]
        return functools.reduce(join, meeting) if meeting else error

    def slopes(self, ranges, _):
        jet = self.function(self.operands[0].range(ranges), 1)
        if jet.known < CONTINUOUS:
            raise Undefined
        return [pair(jet.slopes[0])]


class Extremum(Operation):
    def __init__(self, is_maximum, u, v):
        self.is_maximum, self.operands = is_maximum, (u, v)

    def value(self, ranges):
        (a, b), (c, d) = (operand.range(ranges) for operand in self.operands)
        return (max(a, c), max(b, d)) if self.is_maximum else (min(a, c), min(b, d))

    def decided(self, ranges):
        u, v = (operand.range(ranges) for operand in self.operands)
        u, v = (u, v) if self.is_maximum else (v, u)
        return 0 if u[0] >= v[1] else 1 if v[0] >= u[1] else None

    def slopes(self, ranges, chosen):
        which = self.decided(ranges)
        which = chosen if which is None else which
        return [(0, ONE)] * 2 if which is None else [(ONE * (1 - which),) * 2, (ONE * which,) * 2]


class Derived:
    """A part of the box of a derivation, with what the derivation says for each meaning: nodes, root, rest (output minus root)."""

    def __init__(self, graphs, sides):
        self.graphs, self.sides = graphs, sides
        self.box = [(units(Fraction(a), False), units(Fraction(b), True)) for a, b in sides]
        self.halves = [b - a for a, b in self.box]

    def split(self, variable, at):
        return [Derived(self.graphs, sides) for sides in cut(self.sides, variable, at)]

    def bounds(self, leaf, tree):
        return {name: self.bound(*graph) for name, graph in self.graphs.items()}

    def bound(self, nodes, root, rest):
        ranges, errors = list(self.box), []
        for operation, error, whole in nodes:
            errors.append(operation.error(ranges, error))
            ranges.append(meet(plus(operation.value(ranges), join(errors[-1], (0, 0))), whole))
        extrema = [k for k, (operation, _, _) in enumerate(nodes) if isinstance(operation, Extremum)]
        open = [k for k in extrema if nodes[k][0].decided(ranges) is None][:6]
        choices = itertools.product((0, 1), repeat=len(open))
        off = [self.sweep(nodes, root, ranges, errors, dict(zip(open, choice))) for choice in choices]
        return minus(minus((0, 0), rest), functools.reduce(join, off))

    def sweep(self, nodes, root, ranges, errors, chosen):
        off, d, reach = (0, 0), len(self.box), dict(root.terms)
        for k in reversed(range(len(nodes))):
            slope, operation = reach.get(d + k, (0, 0)), nodes[k][0]
            if slope == (0, 0):
                continue
            off = plus(off, times(slope, errors[k]))
            if any(q >= d for operand in operation.operands for q in operand.terms):
                for operand, own in zip(operation.operands, operation.slopes(ranges, chosen.get(k))):
                    for q, c in operand.terms.items():
                        reach[q] = plus(reach.get(q, (0, 0)), times(times(slope, own), c))
        return off


def derive(derivation, model, net, tree, sides, meanings):
    """What the derivation says for the whole box, checked."""
    fields = set(derivation) if isinstance(derivation, dict) else set()
    require(fields - {"formula"} == {"roles", "steps"}, "a derivation has other fields")
    if "formula" in fields:
        text = derivation["formula"]
        require(isinstance(text, str), "the formula of the derivation is a text")
        other = Parser(text).whole()
        try:
            is_same = same(tree, other, model.inputs, sides)
        except Undefined:
            is_same = False
        require(is_same, "the formula of the derivation is not seen to be the same function")
        tree = other
    roles, steps = dict(derivation["roles"]), derivation["steps"]
    rising = all(a[0] < b[0] for a, b in itertools.pairwise(derivation["roles"]))
    require(rising and set(roles.values()) <= {"tent", "fold", "hinge"}, "roles in rising order, of known names")
    require(all(set(step) == {"before", "rule"} for step in steps), "a step has other fields")
    graphs, formula = {}, Formula(tree)
    for meaning in meanings:
        reading, done = Reading(model, net, sides, meaning, formula), 0
        for j in range(len(net) + 1):
            while done < len(steps) and steps[done]["before"] <= j:
                try:
                    reading.conclude(steps[done]["rule"])
                except Undefined:
                    raise Refused(f"step {done}: a part of the function may be undefined or infinite") from None
                done += 1
            if j < len(net):
                reading.read(j, roles.get(j))
        require(done == len(steps), "a step comes after the last neuron")
        root = reading.value(len(formula.trees) - 1)
        output = reading.forms[len(model.inputs) + len(net) - 1]
        rest = reading.combine(0, [(1, output), (-1, reading.form(root))])
        graphs[meaning] = reading.nodes, root, reading.range(rest)
    return Derived(graphs, sides)


LEAVES = {f"{shape} {order}" for shape in ("box", "kuhn") for order in ("value", "slope", "curvature")}


def holds(region, leaf, tree, claim, more):
    """Whether the claim holds on a box, by this enclosure or by cutting it further."""
    try:
        found = region.bounds(leaf, tree)
        if all(claim[name][0] <= low and high <= claim[name][1] for name, (low, high) in found.items()):
            return True
    except Undefined:
        pass
    widest = max(range(len(region.sides)), key=lambda i: region.halves[i])
    a, b = region.sides[widest]
    at = a + (b - a) / 2
    if more == 0 or not a < at < b:
        return False
    return all(holds(part, leaf, tree, claim, more - 1) for part in region.split(widest, at))


def check_claim(claim, model, tree, sides):
    is_derived = claim.get("kind") == "derivation"
    fields = {"grades", "output", "kind", "exact", "f64", "f32", "tree", *(["derivation"] if is_derived else [])}
    require(set(claim) == fields, "a claim has other fields")
    require(is_derived or claim["kind"] == "bisection", "only bisections and derivations are known")
    require(0 <= claim["grades"] <= len(model.grades) and 0 <= claim["output"] < len(model.outputs), "no such grade")
    claimed = {}
    for name in ("exact", "f64", "f32"):
        if claim[name] is not None:
            low, high = (float(x) for x in claim[name])
            require(math.isfinite(low) and math.isfinite(high) and low <= high, "bounds that are none")
            claimed[name] = units(Fraction(low), True), units(Fraction(high), False)
    require("exact" in claimed, "no bounds for exact evaluation")
    net = model.neurons(claim["grades"], claim["output"])
    formats = [name for name in FORMATS if name in claimed]
    root = Region(model, net, sides, formats) if not is_derived else None
    if is_derived:
        root = derive(claim["derivation"], model, net, tree, sides, list(claimed))
    waiting = [(root, 0)]
    for entry, node in enumerate(claim["tree"]):
        require(waiting, f"the tree is complete before entry {entry}")
        region, cuts = waiting.pop()
        if isinstance(node, list):
            require(cuts < MAX_CUTS, "too many cuts on top of each other")
            variable, at = node
            require(isinstance(variable, int) and 0 <= variable < len(sides), "no such variable")
            waiting += [(part, cuts + 1) for part in reversed(region.split(variable, float(at)))]
        else:
            require(node in (["derived"] if is_derived else LEAVES), f"'{node}' is no leaf of such a proof")
            if not holds(region, node, tree, claimed, MORE_CUTS):
                raise Refused(f"entry {entry}: the claim is not proved on the box {region.sides}")
    require(not waiting, "the tree ends before the box is covered")


def read_box(text, model):
    sides = {}
    number = r"\s*(-?\s*(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*"
    for part in text.split(","):
        match = re.fullmatch(rf"\s*(\w+)\s*={number}\.\.{number}", part)
        require(match and match[1] not in sides, f"'{part}' is not a side of a box")
        low, high = (Fraction(end.replace(" ", "")) for end in match.groups()[1:])
        require(low < high, f"'{part}' is not a side of a box")
        a, b = float(low), float(high)
        a = math.nextafter(a, -math.inf) if Fraction(a) > low else a
        b = math.nextafter(b, math.inf) if Fraction(b) < high else b
        sides[match[1]] = a, b
    require(set(sides) == set(model.inputs), "the sides of the box are not the inputs of the model")
    return [sides[name] for name in model.inputs]


def check(certificate_path, model_path):
    """Returns the certificate, or raises Refused."""
    data = open(certificate_path, "rb").read()
    require(len(data) <= MAX_BYTES, "the file is too large")
    document = json.loads(data)
    fields = {"format", "version", "function", "domain", "model", "digest", "claims"}
    require(set(document) == fields and document["format"] == "multigrade-certificate", "not a certificate")
    require(document["version"] == 1, "a version that this program does not know")
    digits = document["digest"].removeprefix("sha256:").encode()
    require(len(digits) == 64 and data.count(digits) == 1, "no digest")
    digest = hashlib.sha256(data.replace(digits, b"0" * 64)).hexdigest().encode()
    require(digest == digits, "the certificate was altered")
    model = Model(model_path)
    require(model.digest() == document["model"], "the certificate belongs to another model")
    sides = read_box(document["domain"], model)
    tree = Parser(document["function"]).whole()
    require(variables(tree) <= set(model.inputs), "a variable that is no input of the model")
    require(document["claims"], "no claims")
    for claim in document["claims"]:
        check_claim(claim, model, tree, sides)
    return document


def main():
    iv.prec, mp.prec = 120, 160
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        document = check(sys.argv[1], sys.argv[2])
    except Refused as refusal:
        sys.exit(f"refused: {refusal}")
    for claim in document["claims"]:
        print(f"proved: f - f_{claim['grades']} in {claim['exact']} (exact), {claim['f64']} (f64), {claim['f32']} (f32)")


if __name__ == "__main__":
    main()
