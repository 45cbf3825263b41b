//! Standard test functions: known formulas on known boxes, to measure an approximation against.
//!
//! They are the ones that papers on surrogate models use, so numbers measured on them can be compared with other
//! people's. Each is given by its formula, its box of inputs and the paper it comes from:
//!
//! | Constant | inputs | what makes it hard |
//! |---|---|---|
//! | [`FRIEDMAN1`] | 10 | five inputs do nothing; one product inside a sine |
//! | [`BOREHOLE`] | 8 | physical units over six orders of magnitude; smooth and nearly additive |
//! | [`ROBOT_ARM`] | 8 | high frequencies in all inputs at once, a kink where the arm folds back to its base |
//! | [`FRANKE`] | 2 | two peaks and a dip |
//! | [`OTL_CIRCUIT`] | 6 | ratios |
//! | [`PISTON`] | 7 | nested ratios and roots |
//! | [`WING_WEIGHT`] | 10 | products of powers |
//! | [`ISHIGAMI`] | 3 | waves, one of them growing like a fourth power |
//! | [`GENZ_CONTINUOUS`] | 5 | a kink along five planes |
//!
//! ```
//! use multigrade::targets;
//!
//! let borehole = targets::by_name("borehole").ok_or("no such function")?;
//! let centre = borehole.from_unit(&[0.5; 8])?;
//! assert_eq!(centre[1], 25_050.0); // radius of influence, in metres
//! assert!((borehole.eval(&centre)? - 70.872_912_636).abs() < 1e-8);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Values agree with independent implementations to a relative error of 1e-12 (`testdata/README.md` says which, and
//! where other collections define a function differently). Their last bits depend on the platform's `sin`, `exp`,
//! `ln` and `powf`.

use std::f64::consts::PI;

/// One input of a test function: its name in the formula and the interval it ranges over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputRange {
    /// The name used in the formula, such as `rw`.
    pub name: &'static str,
    /// The smallest value, in `unit`.
    pub min: f64,
    /// The largest value, in `unit`; always above `min`.
    pub max: f64,
    /// The unit of measurement, `"1"` for a pure number.
    pub unit: &'static str,
}

impl InputRange {
    const fn new(name: &'static str, min: f64, max: f64, unit: &'static str) -> Self {
        Self { name, min, max, unit }
    }

    const fn pure(name: &'static str, min: f64, max: f64) -> Self {
        Self::new(name, min, max, "1")
    }
}

/// A real function of `d` real inputs on a box, given by a formula.
#[derive(Clone, Copy, Debug)]
pub struct TestFunction {
    /// The name that [`by_name`] knows, in lower case with underscores.
    pub name: &'static str,
    /// The `d` inputs in order; their ranges are the box.
    pub inputs: &'static [InputRange],
    formula: fn(&[f64]) -> f64,
}

/// Why a test function could not be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TestFunctionError {
    /// There is not one number for each input.
    #[error("{function} has {expected} inputs, found {got}; give one number for each input")]
    WrongCount {
        /// The name of the function.
        function: &'static str,
        /// How many inputs it has.
        expected: usize,
        /// How many numbers there were.
        got: usize,
    },
    /// A coordinate does not lie in the unit interval.
    #[error(
        "{function}: unit coordinate of {input} is {got}; expected a number from 0 (its minimum) to 1 (its maximum)"
    )]
    OutsideUnit {
        /// The name of the function.
        function: &'static str,
        /// The name of the input.
        input: &'static str,
        /// What was found.
        got: f64,
    },
}

impl TestFunction {
    /// The value at `inputs` `(d)`, in physical units.
    ///
    /// Finite everywhere in the box. Outside it the formula is used as it stands, and may give NaN or an infinity.
    ///
    /// # Errors
    ///
    /// [`TestFunctionError::WrongCount`] unless there are exactly `d` numbers.
    pub fn eval(&self, inputs: &[f64]) -> Result<f64, TestFunctionError> {
        self.check_count(inputs)?;
        Ok((self.formula)(inputs))
    }

    /// The point of the box at `unit` `(d)`: coordinate `u` becomes `min + u (max - min)`.
    ///
    /// # Errors
    ///
    /// [`TestFunctionError::WrongCount`] unless there are exactly `d` numbers, [`TestFunctionError::OutsideUnit`] if one
    /// of them is not in `[0, 1]`.
    pub fn from_unit(&self, unit: &[f64]) -> Result<Vec<f64>, TestFunctionError> {
        self.check_count(unit)?;
        let place = |(range, &u): (&InputRange, &f64)| {
            if !(0.0..=1.0).contains(&u) {
                return Err(TestFunctionError::OutsideUnit { function: self.name, input: range.name, got: u });
            }
            // Rounding could step over the upper end, never below the lower one.
            Ok((range.min + u * (range.max - range.min)).min(range.max))
        };
        self.inputs.iter().zip(unit).map(place).collect()
    }

    fn check_count(&self, given: &[f64]) -> Result<(), TestFunctionError> {
        let (expected, got) = (self.inputs.len(), given.len());
        if got == expected { Ok(()) } else { Err(TestFunctionError::WrongCount { function: self.name, expected, got }) }
    }
}

/// All test functions, in the order of the table above.
pub fn all() -> &'static [TestFunction] {
    static ALL: [TestFunction; 9] =
        [FRIEDMAN1, BOREHOLE, ROBOT_ARM, FRANKE, OTL_CIRCUIT, PISTON, WING_WEIGHT, ISHIGAMI, GENZ_CONTINUOUS];
    &ALL
}

/// The test function of that name, if there is one.
pub fn by_name(name: &str) -> Option<&'static TestFunction> {
    all().iter().find(|function| function.name == name)
}

/// Friedman's function with five inert inputs, on the unit cube of dimension 10.
///
/// ```text
/// f(x) = 10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5        (x6, ..., x10 do nothing)
/// ```
///
/// J. H. Friedman, *Multivariate adaptive regression splines*, The Annals of Statistics 19 (1991) 1-67, without the
/// noise that the paper adds.
pub const FRIEDMAN1: TestFunction = TestFunction {
    name: "friedman1",
    inputs: &[
        InputRange::pure("x1", 0.0, 1.0),
        InputRange::pure("x2", 0.0, 1.0),
        InputRange::pure("x3", 0.0, 1.0),
        InputRange::pure("x4", 0.0, 1.0),
        InputRange::pure("x5", 0.0, 1.0),
        InputRange::pure("x6", 0.0, 1.0),
        InputRange::pure("x7", 0.0, 1.0),
        InputRange::pure("x8", 0.0, 1.0),
        InputRange::pure("x9", 0.0, 1.0),
        InputRange::pure("x10", 0.0, 1.0),
    ],
    formula: |x| 10.0 * (PI * x[0] * x[1]).sin() + 20.0 * (x[2] - 0.5).powi(2) + 10.0 * x[3] + 5.0 * x[4],
};

/// Water that flows through a borehole between two aquifers, in m^3/year.
///
/// ```text
/// f = 2 pi Tu (Hu - Hl) / ( l (1 + 2 L Tu / (l rw^2 Kw) + Tu / Tl) ),        l = ln(r / rw)
///
/// rw  radius of the borehole                    0.05 to     0.15   m
/// r   radius of influence                     100    to 50000      m
/// Tu  transmissivity of the upper aquifer   63070    to 115600     m^2/year
/// Hu  potentiometric head of the upper one    990    to  1110      m
/// Tl  transmissivity of the lower aquifer      63.1  to   116      m^2/year
/// Hl  potentiometric head of the lower one    700    to   820      m
/// L   length of the borehole                 1120    to  1680      m
/// Kw  hydraulic conductivity of the borehole 9855    to 12045      m/year
/// ```
///
/// W. V. Harper, S. K. Gupta, *Sensitivity/uncertainty analysis of a borehole scenario comparing Latin hypercube
/// sampling and deterministic sensitivity approaches*, report BMI/ONWI-516 (1983), with the uniform `rw` and `r` of
/// M. D. Morris, T. J. Mitchell, D. Ylvisaker, Technometrics 35 (1993) 243-255. Some collections print the ranges of
/// `Hu` and `Kw` slightly narrower.
pub const BOREHOLE: TestFunction = TestFunction {
    name: "borehole",
    inputs: &[
        InputRange::new("rw", 0.05, 0.15, "m"),
        InputRange::new("r", 100.0, 50_000.0, "m"),
        InputRange::new("Tu", 63_070.0, 115_600.0, "m^2/year"),
        InputRange::new("Hu", 990.0, 1110.0, "m"),
        InputRange::new("Tl", 63.1, 116.0, "m^2/year"),
        InputRange::new("Hl", 700.0, 820.0, "m"),
        InputRange::new("L", 1120.0, 1680.0, "m"),
        InputRange::new("Kw", 9855.0, 12_045.0, "m/year"),
    ],
    formula: |x| {
        let [rw, r, tu, hu, tl, hl, length, kw] = numbers(x);
        let l = (r / rw).ln();
        2.0 * PI * tu * (hu - hl) / (l * (1.0 + 2.0 * length * tu / (l * rw * rw * kw) + tu / tl))
    },
};

/// How far the tip of an arm of four segments in a plane is from its base.
///
/// ```text
/// f = sqrt(u^2 + v^2),   u = sum_i L_i cos(theta_1 + ... + theta_i),   v = sum_i L_i sin(theta_1 + ... + theta_i)
///
/// theta1, ..., theta4   angle of each segment to the one before   0 to 2 pi   rad
/// L1, ..., L4           length of each segment                    0 to 1      1
/// ```
///
/// It does not depend on `theta1`, which turns the whole arm. J. An, A. Owen, *Quasi-regression*, Journal of Complexity
/// 17 (2001) 588-607. The angles come first; some collections begin with the lengths.
pub const ROBOT_ARM: TestFunction = TestFunction {
    name: "robot_arm",
    inputs: &[
        InputRange::new("theta1", 0.0, 2.0 * PI, "rad"),
        InputRange::new("theta2", 0.0, 2.0 * PI, "rad"),
        InputRange::new("theta3", 0.0, 2.0 * PI, "rad"),
        InputRange::new("theta4", 0.0, 2.0 * PI, "rad"),
        InputRange::pure("L1", 0.0, 1.0),
        InputRange::pure("L2", 0.0, 1.0),
        InputRange::pure("L3", 0.0, 1.0),
        InputRange::pure("L4", 0.0, 1.0),
    ],
    formula: |x| {
        let (angles, lengths) = x.split_at(4);
        let (mut direction, mut u, mut v) = (0.0, 0.0, 0.0);
        for (angle, length) in angles.iter().zip(lengths) {
            direction += angle;
            u += length * f64::cos(direction);
            v += length * f64::sin(direction);
        }
        f64::hypot(u, v)
    },
};

/// Franke's (first) function on the unit square: two peaks, a dip and a slope.
///
/// ```text
/// f = 3/4 exp(-((9 x1 - 2)^2 + (9 x2 - 2)^2) / 4)  +  3/4 exp(-(9 x1 + 1)^2 / 49 - (9 x2 + 1) / 10)
///   + 1/2 exp(-((9 x1 - 7)^2 + (9 x2 - 3)^2) / 4)  -  1/5 exp(-(9 x1 - 4)^2 - (9 x2 - 7)^2)
/// ```
///
/// R. Franke, *A critical comparison of some methods for interpolation of scattered data*, Naval Postgraduate School,
/// report NPS53-79-003 (1979).
pub const FRANKE: TestFunction = TestFunction {
    name: "franke",
    inputs: &[InputRange::pure("x1", 0.0, 1.0), InputRange::pure("x2", 0.0, 1.0)],
    formula: |x| {
        let [u, v] = [9.0 * x[0], 9.0 * x[1]];
        let bump = |a: f64, b: f64| (u - a).powi(2) + (v - b).powi(2);
        0.75 * (-bump(2.0, 2.0) / 4.0).exp()
            + 0.75 * (-(u + 1.0).powi(2) / 49.0 - (v + 1.0) / 10.0).exp()
            + 0.5 * (-bump(7.0, 3.0) / 4.0).exp()
            - 0.2 * (-bump(4.0, 7.0)).exp()
    },
};

/// The mid-point voltage of an output transformerless push-pull circuit, in volts.
///
/// ```text
/// f = ( (V + 0.74) B + 11.35 Rf + 0.74 Rf B / Rc1 ) / (B + Rf),   V = 12 Rb2 / (Rb1 + Rb2),   B = beta (Rc2 + 9)
///
/// Rb1   resistance b1   50    to 150     kOhm
/// Rb2   resistance b2   25    to  70     kOhm
/// Rf    resistance f     0.5  to   3     kOhm
/// Rc1   resistance c1    1.2  to   2.5   kOhm
/// Rc2   resistance c2    0.25 to   1.2   kOhm
/// beta  current gain    50    to 300     1
/// ```
///
/// E. N. Ben-Ari, D. M. Steinberg, *Modeling data from computer experiments: an empirical comparison of kriging with
/// MARS and projection pursuit regression*, Quality Engineering 19 (2007) 327-338.
pub const OTL_CIRCUIT: TestFunction = TestFunction {
    name: "otl_circuit",
    inputs: &[
        InputRange::new("Rb1", 50.0, 150.0, "kOhm"),
        InputRange::new("Rb2", 25.0, 70.0, "kOhm"),
        InputRange::new("Rf", 0.5, 3.0, "kOhm"),
        InputRange::new("Rc1", 1.2, 2.5, "kOhm"),
        InputRange::new("Rc2", 0.25, 1.2, "kOhm"),
        InputRange::pure("beta", 50.0, 300.0),
    ],
    formula: |x| {
        let [rb1, rb2, rf, rc1, rc2, beta] = numbers(x);
        let v = 12.0 * rb2 / (rb1 + rb2);
        let b = beta * (rc2 + 9.0);
        ((v + 0.74) * b + 11.35 * rf + 0.74 * rf * b / rc1) / (b + rf)
    },
};

/// The time a piston in a cylinder of gas takes for one cycle, in seconds.
///
/// ```text
/// f = 2 pi sqrt( M / (k + S^2 P0 V0 Ta / (T0 V^2)) )
/// V = S / (2 k) ( sqrt(A^2 + 4 k P0 V0 Ta / T0) - A ),        A = P0 S + 19.62 M - k V0 / S
///
/// M   weight of the piston             30     to     60      kg
/// S   surface of the piston             0.005 to      0.02   m^2
/// V0  initial volume of the gas         0.002 to      0.01   m^3
/// k   spring coefficient             1000     to   5000      N/m
/// P0  atmospheric pressure          90000     to 110000      N/m^2
/// Ta  ambient temperature             290     to    296      K
/// T0  temperature of the filling gas  340     to    360      K
/// ```
///
/// E. N. Ben-Ari, D. M. Steinberg, *Modeling data from computer experiments: an empirical comparison of kriging with
/// MARS and projection pursuit regression*, Quality Engineering 19 (2007) 327-338.
pub const PISTON: TestFunction = TestFunction {
    name: "piston",
    inputs: &[
        InputRange::new("M", 30.0, 60.0, "kg"),
        InputRange::new("S", 0.005, 0.02, "m^2"),
        InputRange::new("V0", 0.002, 0.01, "m^3"),
        InputRange::new("k", 1000.0, 5000.0, "N/m"),
        InputRange::new("P0", 90_000.0, 110_000.0, "N/m^2"),
        InputRange::new("Ta", 290.0, 296.0, "K"),
        InputRange::new("T0", 340.0, 360.0, "K"),
    ],
    formula: |x| {
        let [m, s, v0, k, p0, ta, t0] = numbers(x);
        let gas = p0 * v0 * ta / t0;
        let a = p0 * s + 19.62 * m - k * v0 / s;
        let v = s / (2.0 * k) * ((a * a + 4.0 * k * gas).sqrt() - a);
        2.0 * PI * (m / (k + s * s * gas / (v * v))).sqrt()
    },
};

/// The weight of the wing of a light aircraft, in pounds.
///
/// ```text
/// f = 0.036 Sw^0.758 Wfw^0.0035 (A / cos^2 Lambda)^0.6 q^0.006 lambda^0.04 (100 tc / cos Lambda)^-0.3 (Nz Wdg)^0.49
///   + Sw Wp
///
/// Sw      wing area                      150     to  200      ft^2
/// Wfw     weight of the fuel in the wing 220     to  300      lb
/// A       aspect ratio                     6     to   10      1
/// Lambda  quarter-chord sweep            -10     to   10      degrees
/// q       dynamic pressure at cruise      16     to   45      lb/ft^2
/// lambda  taper ratio                      0.5   to    1      1
/// tc      thickness to chord ratio         0.08  to    0.18   1
/// Nz      ultimate load factor             2.5   to    6      1
/// Wdg     flight design gross weight    1700     to 2500      lb
/// Wp      weight of the paint              0.025 to    0.08   lb/ft^2
/// ```
///
/// A. I. J. Forrester, A. Sobester, A. J. Keane, *Engineering Design via Surrogate Modelling*, Wiley (2008).
pub const WING_WEIGHT: TestFunction = TestFunction {
    name: "wing_weight",
    inputs: &[
        InputRange::new("Sw", 150.0, 200.0, "ft^2"),
        InputRange::new("Wfw", 220.0, 300.0, "lb"),
        InputRange::pure("A", 6.0, 10.0),
        InputRange::new("Lambda", -10.0, 10.0, "degrees"),
        InputRange::new("q", 16.0, 45.0, "lb/ft^2"),
        InputRange::pure("lambda", 0.5, 1.0),
        InputRange::pure("tc", 0.08, 0.18),
        InputRange::pure("Nz", 2.5, 6.0),
        InputRange::new("Wdg", 1700.0, 2500.0, "lb"),
        InputRange::new("Wp", 0.025, 0.08, "lb/ft^2"),
    ],
    formula: |x| {
        let [sw, wfw, aspect, sweep, q, taper, tc, nz, wdg, wp] = numbers(x);
        let cos = sweep.to_radians().cos();
        let structure = 0.036 * sw.powf(0.758) * wfw.powf(0.0035) * (nz * wdg).powf(0.49);
        let shape = (aspect / (cos * cos)).powf(0.6) * q.powf(0.006) * taper.powf(0.04) * (100.0 * tc / cos).powf(-0.3);
        structure * shape + sw * wp
    },
};

/// Ishigami's function with `a = 7` and `b = 0.1`, on the cube from -pi to pi.
///
/// ```text
/// f(x) = sin x1 + a sin^2 x2 + b x3^4 sin x1
/// ```
///
/// T. Ishigami, T. Homma, *An importance quantification technique in uncertainty analysis for computer models*, First
/// International Symposium on Uncertainty Modeling and Analysis (1990) 398-403.
pub const ISHIGAMI: TestFunction = TestFunction {
    name: "ishigami",
    inputs: &[InputRange::pure("x1", -PI, PI), InputRange::pure("x2", -PI, PI), InputRange::pure("x3", -PI, PI)],
    formula: |x| x[0].sin() + 7.0 * x[1].sin().powi(2) + 0.1 * x[2].powi(4) * x[0].sin(),
};

/// Genz's continuous function with all slopes 5 and all kinks at 1/2, on the unit cube of dimension 5.
///
/// ```text
/// f(x) = exp(-5 (|x1 - 1/2| + ... + |x5 - 1/2|))
/// ```
///
/// A. Genz, *Testing multidimensional integration routines*, in Tools, Methods and Languages for Scientific and
/// Engineering Computation, North-Holland (1984) 81-94.
pub const GENZ_CONTINUOUS: TestFunction = TestFunction {
    name: "genz_continuous",
    inputs: &[
        InputRange::pure("x1", 0.0, 1.0),
        InputRange::pure("x2", 0.0, 1.0),
        InputRange::pure("x3", 0.0, 1.0),
        InputRange::pure("x4", 0.0, 1.0),
        InputRange::pure("x5", 0.0, 1.0),
    ],
    formula: |x| (-5.0 * x.iter().map(|t| (t - 0.5).abs()).sum::<f64>()).exp(),
};

/// The slice as an array, so that a formula can name its inputs; `eval` has checked the length.
fn numbers<const D: usize>(x: &[f64]) -> [f64; D] {
    std::array::from_fn(|i| x[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Reference {
        functions: Vec<ReferenceFunction>,
    }

    #[derive(Deserialize)]
    struct ReferenceFunction {
        name: String,
        inputs: Vec<ReferenceInput>,
        unit_points: Vec<Vec<f64>>,
        points: Vec<Vec<f64>>,
        values: Vec<f64>,
    }

    #[derive(Deserialize)]
    struct ReferenceInput {
        name: String,
        min: f64,
        max: f64,
    }

    fn reference() -> Vec<ReferenceFunction> {
        let text = include_str!("../../../testdata/test_functions_reference.json");
        serde_json::from_str::<Reference>(text).expect("the reference file has this shape").functions
    }

    #[test]
    fn every_function_has_the_inputs_of_the_reference_in_the_same_order() {
        let (ours, theirs) = (all(), reference());
        assert_eq!(
            ours.iter().map(|f| f.name).collect::<Vec<_>>(),
            theirs.iter().map(|f| f.name.as_str()).collect::<Vec<_>>()
        );
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let ours = ours.inputs.iter().map(|i| (i.name, i.min, i.max));
            assert!(ours.eq(theirs.inputs.iter().map(|i| (i.name.as_str(), i.min, i.max))), "{}", theirs.name);
        }
    }

    #[test]
    fn every_value_agrees_with_an_independent_implementation() {
        for theirs in reference() {
            let ours = by_name(&theirs.name).expect("same names");
            // At the centre of its box the robot arm's tip returns to its base: what remains there is rounding of
            // terms of the size of the largest value, and only that can be compared.
            let rounding = 1e-15 * theirs.values.iter().fold(0.0, |largest, v| f64::max(largest, v.abs()));
            assert_eq!(theirs.points.len(), 20);
            for (point, expected) in theirs.points.iter().zip(&theirs.values) {
                let value = ours.eval(point).expect("one number for each input");
                let allowed = 1e-12 * expected.abs() + rounding;
                assert!((value - expected).abs() <= allowed, "{} at {point:?}: {value}, not {expected}", theirs.name);
            }
        }
    }

    #[test]
    fn the_unit_cube_is_mapped_as_the_reference_maps_it() {
        for theirs in reference() {
            let ours = by_name(&theirs.name).expect("same names");
            for (unit, point) in theirs.unit_points.iter().zip(&theirs.points) {
                assert_eq!(&ours.from_unit(unit).expect("in the unit cube"), point, "{}", theirs.name);
            }
        }
    }

    #[test]
    fn the_corners_of_the_unit_cube_are_the_ends_of_the_ranges() {
        for f in all() {
            let ends: [Vec<f64>; 2] = [0.0, 1.0].map(|u| f.from_unit(&vec![u; f.inputs.len()]).expect("in the cube"));
            assert!(f.inputs.iter().map(|i| i.min).eq(ends[0].iter().copied()), "{}", f.name);
            assert!(f.inputs.iter().map(|i| i.max).eq(ends[1].iter().copied()), "{}", f.name);
        }
    }

    #[test]
    fn a_name_that_no_function_has_is_not_found() {
        assert!(by_name("Borehole").is_none());
        assert!(by_name("").is_none());
    }

    #[test]
    fn the_wrong_number_of_inputs_is_refused_and_the_message_says_how_many_are_needed() {
        for f in all() {
            for got in [0, f.inputs.len() - 1, f.inputs.len() + 1] {
                let expected = TestFunctionError::WrongCount { function: f.name, expected: f.inputs.len(), got };
                assert_eq!(f.eval(&vec![0.5; got]), Err(expected));
                assert_eq!(f.from_unit(&vec![0.5; got]), Err(expected));
            }
        }
        let message = FRANKE.eval(&[0.5]).expect_err("two inputs are needed").to_string();
        assert_eq!(message, "franke has 2 inputs, found 1; give one number for each input");
    }

    #[test]
    fn a_coordinate_outside_the_unit_interval_is_refused_by_name() {
        for got in [-f64::EPSILON, 1.0 + f64::EPSILON, f64::INFINITY, f64::NEG_INFINITY] {
            let error = BOREHOLE.from_unit(&[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, got]);
            assert_eq!(error, Err(TestFunctionError::OutsideUnit { function: "borehole", input: "Kw", got }));
        }
        let error = FRANKE.from_unit(&[f64::NAN, 0.5]).expect_err("not a number").to_string();
        assert!(error.contains("x1 is NaN"), "{error}");
    }

    fn unit_point(d: usize) -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(prop_oneof![4 => 0.0..=1.0, 1 => Just(0.0), 1 => Just(1.0), 1 => Just(0.5)], d)
    }

    proptest! {
        #[test]
        fn every_function_is_finite_in_its_box(unit in unit_point(10)) {
            for f in all() {
                let point = f.from_unit(&unit[..f.inputs.len()])?;
                for (value, range) in point.iter().zip(f.inputs) {
                    prop_assert!((range.min..=range.max).contains(value), "{} {}: {value}", f.name, range.name);
                }
                prop_assert!(f.eval(&point)?.is_finite(), "{} at {point:?}", f.name);
            }
        }

        #[test]
        fn the_last_five_inputs_of_friedman1_do_nothing(unit in unit_point(10)) {
            let mut other = unit.clone();
            other[5..].fill(0.25);
            prop_assert_eq!(FRIEDMAN1.eval(&unit)?.to_bits(), FRIEDMAN1.eval(&other)?.to_bits());
        }

        #[test]
        fn turning_the_whole_robot_arm_moves_its_tip_neither_closer_nor_further(unit in unit_point(8), turn in 0.0..6.0) {
            let point = ROBOT_ARM.from_unit(&unit)?;
            let mut turned = point.clone();
            turned[0] += turn;
            let distance = ROBOT_ARM.eval(&point)?;
            prop_assert!((distance - ROBOT_ARM.eval(&turned)?).abs() < 1e-13);
            prop_assert!(distance <= point[4..].iter().sum::<f64>() + 1e-14);
        }

        #[test]
        fn the_borehole_carries_nothing_between_equal_heads(unit in unit_point(8)) {
            let mut point = BOREHOLE.from_unit(&unit)?;
            point[3] = point[5];
            prop_assert_eq!(BOREHOLE.eval(&point)?, 0.0);
        }
    }
}
