//! What the tests of networks for formulas share.

use multigrade::truth::{Domain, Expression, Interval};

use crate::common::numbers;

/// Points of the box, among them points of faces and corners, and the values of the formula.
pub(crate) fn points(text: &str, domain: &str, seed: u64, count: usize) -> (Vec<f64>, Vec<f64>) {
    let domain = Domain::parse(domain).unwrap();
    let f = Expression::parse(text).unwrap().with_variables(domain.names()).unwrap();
    let d = domain.names().len();
    let place = |(z, side): (f64, &Interval)| {
        let z = (1.1 * z - 0.05).clamp(0.0, 1.0);
        (side.lower() + z * (side.upper() - side.lower())).min(side.upper())
    };
    let inputs: Vec<f64> = numbers(seed, d * count).into_iter().zip(domain.sides().iter().cycle()).map(place).collect();
    let values = inputs.chunks(d).map(|x| f.eval(x)).collect();
    (inputs, values)
}
