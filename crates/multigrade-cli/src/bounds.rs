//! Proved bounds as they are printed: with four digits, and true as printed.

use multigrade::report::{ProvedRow, magnitude, significant};

const DIGITS: usize = 4;

/// A number with four digits that is at least `x`.
pub(crate) fn above(x: f64) -> String {
    let mut shown = significant(x, DIGITS);
    if x == 0.0 || !x.is_finite() {
        return shown;
    }
    let mut raised = x;
    // Half a unit of the last digit further up, until it shows.
    let unit = 10f64.powi(x.abs().log10().floor() as i32 - (DIGITS as i32 - 1));
    while shown.parse::<f64>().is_ok_and(|shown| shown < x) {
        raised += unit / 2.0;
        shown = significant(raised, DIGITS);
    }
    shown
}

/// A number with four digits that is at most `x`.
pub(crate) fn below(x: f64) -> String {
    let shown = above(-x);
    match shown.strip_prefix('-') {
        Some(size) => size.to_owned(),
        None if x == 0.0 => shown,
        None => format!("-{shown}"),
    }
}

/// A bound of the magnitude of what lies between two ends.
pub(crate) fn of_size(ends: [f64; 2]) -> String {
    above(magnitude(ends))
}

/// The bound for each meaning that was proved.
pub(crate) fn meanings(proved: &ProvedRow) -> String {
    let mut text = format!("{} in exact arithmetic", of_size(proved.exact));
    for (ends, name) in [(proved.f64, "f64"), (proved.f32, "f32")] {
        if let Some(ends) = ends {
            text += &format!(", {} computed in {name}", of_size(ends));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_bound_is_never_smaller_than_the_proved_one_and_at_most_a_thousandth_larger() {
        for size in [0.0, 1.0, 0.00390625, 1.0005, 9.9999, 9.9991, 1.2344999, 1e-300, 123456.0, 9.9996e-4] {
            for bound in [size, -size] {
                let (above, below): (f64, f64) = (above(bound).parse().unwrap(), below(bound).parse().unwrap());
                assert!(bound <= above && above <= bound + size * 1.001001e-3, "{bound} {above}");
                assert!(below <= bound && bound - size * 1.001001e-3 <= below, "{bound} {below}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_said_in_words() {
        assert_eq!(above(f64::INFINITY), "infinite");
        assert_eq!(of_size([f64::NEG_INFINITY, 1.0]), "infinite");
    }
}
