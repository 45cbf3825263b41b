//! What constructions on meshes are tried on: formula, box, tolerance.

/// Targets of every kind: smooth, with an infinite slope, kinked, oscillating, a needle, nested extrema.
pub(crate) const TARGETS: [(&str, &str, f64); 20] = [
    ("x^2", "x=0..1", 1e-3),
    ("3*x^2 - x + 1", "x=-2..3", 1e-2),
    ("exp(x)", "x=0..1", 1e-3),
    ("sqrt(x)", "x=0..1", 1e-2),
    ("abs(x-0.3)", "x=0..1", 1e-3),
    ("abs(abs(x)-0.5)", "x=-1..1", 1e-3),
    ("sin(2*pi*x)", "x=0..1", 1e-2),
    ("sin(40*x^2)*exp(-x)", "x=0..1", 1e-2),
    ("exp(-10000*(x-0.3)^2)", "x=0..1", 1e-2),
    ("exp(-10000*(x-0.71234)^2)", "x=-1..3", 1e-2),
    ("1/(1+25*x^2)", "x=-1..1", 1e-3),
    ("min(max(x, 1-2*x), max(sin(5*x), 0.2))", "x=0..2", 1e-2),
    ("2*x - 7", "x=-1..4", 1e-2),
    ("cbrt(x)", "x=-1..1", 2e-2),
    ("x*y", "x=0..1, y=0..1", 1e-2),
    ("sin(3*x)*cos(2*y)", "x=0..1, y=-1..1", 3e-2),
    ("max(sin(3*x), y^2-0.3)", "x=0..1, y=0..1", 5e-2),
    ("abs(x-y)", "x=0..1, y=0..1", 1e-2),
    ("exp(-(x^2+y^2))", "x=-1..1, y=-1..1", 3e-2),
    ("x*y*z", "x=0..1, y=0..1, z=0..1", 1e-1),
];
