"""The fewest pieces of continuous piecewise affine functions on [0, 1]: writes minimum_pieces.json.

    python make_minimum_pieces.py            # writes the file beside this script
    python make_minimum_pieces.py --check    # compares instead of writing

Needs nothing but Python. For each function f and tolerance e: the smallest n such that a continuous function, affine on
each of n intervals (knots and values free), stays within e of f. It is the number of links of a minimum-link path in the
tube f - e <= y <= f + e, and greedy finds it: a link goes on as far as any link can that starts on the window of the one
before it, the part of that link between the last point where it touches the tube and the point where it leaves it.
Beyond the window lies all that so many links cannot reach. A line crosses the window (with less slope than the link, if
that one left the tube upwards) just if it lies above the contact and below the exit. (S. Suri, A linear time algorithm
for minimum link paths inside a simple polygon, Computer Vision, Graphics, and Image Processing 35 (1986).)

How exact it is: let F interpolate f at the grid points and |f - F| <= d. The tube of F with e - d lies inside the
tube of f with e, which lies inside the tube of F with e + d; both are polygons, where greedy is exact but for the
rounding of Python's floats. The grid is refined until the two counts agree.
"""

import json
import math
import sys
from bisect import bisect_right
from pathlib import Path

TOLERANCES = [1e-2, 1e-3, 1e-4]

# Formula, function, bound on |f''| on [0, 1] (None for sqrt, whose grid and bound are its own).
FUNCTIONS = [
    ("x^2", lambda x: x * x, 2.0),
    ("exp(x)", math.exp, math.e),
    ("sqrt(x)", math.sqrt, None),
    ("1/(1+25*(2*x-1)^2)", lambda x: 1 / (1 + 25 * (2 * x - 1) ** 2), 200.0),
    ("tanh(10*(2*x-1))", lambda x: math.tanh(10 * (2 * x - 1)), 400 * 4 / (3 * math.sqrt(3))),
    ("sin(2*pi*x)", lambda x: math.sin(2 * math.pi * x), 4 * math.pi**2),
    ("sin(100*x)", lambda x: math.sin(100 * x), 1e4),
]


def polygon(f, curvature, n):
    """Grid, values and a bound on the distance between f and its interpolant."""
    if curvature is None:
        # x = t^4: a chord of the root is off by (sqrt b - sqrt a)^2 / (4 (sqrt a + sqrt b)), most in the first cell.
        x = [(i / n) ** 4 for i in range(n + 1)]
        r = [(i / n) ** 2 for i in range(n + 1)]
        distance = max((b - a) ** 2 / (4 * (a + b)) for a, b in zip(r, r[1:]))
    else:
        x = [i / n for i in range(n + 1)]
        distance = curvature / (8 * n * n)
    return x, [f(t) for t in x], distance * (1 + 1e-9)


class Chain:
    """Constraints from one side: the line lies above (side = 1) or below (side = -1) every point. Keeps their hull."""

    def __init__(self, side):
        self.side, self.x, self.y = side, [], []

    def add(self, x, y):
        while len(self.x) > 1 and self.side * (
            (self.y[-1] - self.y[-2]) * (x - self.x[-2]) - (y - self.y[-2]) * (self.x[-1] - self.x[-2])
        ) <= 0:
            self.x.pop()
            self.y.pop()
        self.x.append(x)
        self.y.append(y)

    def tangent(self, x, y):
        """The point of the hull on the line through it and (x, y) that has all points on the right side."""
        low, high = 0, len(self.x) - 1
        while low < high:
            i = (low + high) // 2
            ahead = (self.y[i + 1] - self.y[i]) * (x - self.x[i]) - (y - self.y[i]) * (self.x[i + 1] - self.x[i])
            if self.side * ahead > 0:
                low = i + 1
            else:
                high = i
        return self.x[low], self.y[low]


def below_line(line, x, y):
    """How far (x, y) lies below the line through the two points; negative above it."""
    (a, ya), (b, yb) = line
    return ya + (yb - ya) * ((x - a) / (b - a)) - y


def constraints(x, f, e, start, side, leave):
    """(abscissa, lower bound or None, upper bound or None, cell) for the next link, from left to right.

    Left of the point `leave` where the last link left the tube, only the other side binds: see the text above.
    """
    first = bisect_right(x, start) - 1
    for i in range(first, len(x)):
        if i > 0 and x[i - 1] < leave[0] < x[i]:
            yield (leave[0], None, leave[1], i) if side > 0 else (leave[0], leave[1], None, i)
        free = x[i] < leave[0]
        lower = None if free and side < 0 else f[i] - e
        upper = None if free and side > 0 else f[i] + e
        yield x[i], lower, upper, i


def link(x, f, e, start, side, leave):
    """The line of the link that goes farthest (its two points of contact), the side where it leaves the tube (1: upwards)
    and the cell where it does; None if it reaches the end."""
    above, under = Chain(1), Chain(-1)  # the line lies above the first and under the second
    steepest = flattest = None
    for at, lower, upper, cell in constraints(x, f, e, start, side, leave):
        if upper is not None and flattest is not None and below_line(flattest, at, upper) > 0:
            return flattest, 1, cell
        if lower is not None and steepest is not None and below_line(steepest, at, lower) < 0:
            return steepest, -1, cell
        if upper is not None and above.x and (steepest is None or below_line(steepest, at, upper) > 0):
            steepest = (above.tangent(at, upper), (at, upper))
        if lower is not None and under.x and (flattest is None or below_line(flattest, at, lower) < 0):
            flattest = (under.tangent(at, lower), (at, lower))
        if lower is not None:
            above.add(at, lower)
        if upper is not None:
            under.add(at, upper)
    return None


def links(x, f, e):
    """Links of a minimum-link path in the tube of radius e around the polygon."""
    count, start, side, leave = 1, x[0], 0, (x[0], 0.0)
    while (found := link(x, f, e, start, side, leave)) is not None:
        # Its window begins where it touched the other side last.
        line, side, i = found
        start, a, b = line[1][0], x[i - 1], x[i]
        before = below_line(line, a, f[i - 1] + side * e)
        after = below_line(line, b, f[i] + side * e)
        part = before / (before - after)
        leave = (a + part * (b - a), f[i - 1] + part * (f[i] - f[i - 1]) + side * e)
        count += 1
    return count


def minimum(f, curvature, e):
    n = 1 << 12
    while True:
        x, values, distance = polygon(f, curvature, n)
        if distance < e / 4:
            fewest, most = links(x, values, e + distance), links(x, values, e - distance)
            if fewest == most:
                return fewest
        n *= 2


def main():
    rows = [
        {"function": name, "tolerance": e, "pieces": minimum(f, curvature, e)}
        for name, f, curvature in FUNCTIONS
        for e in TOLERANCES
    ]
    path = Path(__file__).with_name("minimum_pieces.json")
    text = "[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]\n"
    if "--check" in sys.argv[1:]:
        sys.exit(0 if path.read_text() == text else f"{path.name} differs from what is computed:\n{text}")
    path.write_text(text)


if __name__ == "__main__":
    main()
