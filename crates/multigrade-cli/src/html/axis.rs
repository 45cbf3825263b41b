//! Axes: from values to positions, and the round numbers to print beside them.

/// Values beyond this are treated like infinities: differences between them would overflow.
const TOO_LARGE: f64 = 1e300;

/// Differences below this are treated like zero: fractions of them would vanish.
const TOO_SMALL: f64 = 1e-300;

/// Ranges narrower than this, relative to their ends, are one value as far as a picture is concerned.
const ONE_VALUE: f64 = 1e-9;

/// How far beyond the data an axis reaches, relative to its length.
const MARGIN: f64 = 0.04;

/// Which values an axis shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Range {
    /// From `low` to `high`, `low < high`.
    Linear { low: f64, high: f64 },
    /// From `10^low` to `10^high`, `low < high`.
    Log { low: f64, high: f64 },
}

/// A range and the positions of its ends in the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    range: Range,
    start: f64,
    end: f64,
}

/// The round values of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ticks {
    /// Values and their labels, increasing.
    pub(super) marks: Vec<(f64, String)>,
    /// Labels are to be read times ten to this power.
    pub(super) exponent: i32,
}

impl Range {
    /// A linear range that holds every drawable value, with a margin. None if there is no such value.
    pub(super) fn linear(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = extent(values.into_iter().filter(|v| is_drawable(*v)))?;
        let size = low.abs().max(high.abs());
        if high - low <= (ONE_VALUE * size).max(TOO_SMALL) {
            let half = if size <= TOO_SMALL { 1.0 } else { 0.05 * size };
            return Some(Self::Linear { low: low - half, high: high + half });
        }
        let margin = MARGIN * (high - low);
        Some(Self::Linear { low: low - margin, high: high + margin })
    }

    /// A logarithmic range that holds every positive drawable value, with a margin. None if there is no such value.
    pub(super) fn log(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = extent(values.into_iter().filter(|v| *v > 0.0 && is_drawable(*v)).map(f64::log10))?;
        let margin = (MARGIN * (high - low)).max(0.1);
        Some(Self::Log { low: low - margin, high: high + margin })
    }

    /// This range of values between two positions.
    pub(super) fn between(self, start: f64, end: f64) -> Axis {
        Axis { range: self, start, end }
    }

    /// Round values in this range, about `wanted` of them.
    pub(super) fn ticks(self, wanted: usize) -> Ticks {
        match self {
            Self::Linear { low, high } => linear_ticks(low, high, wanted),
            Self::Log { low, high } => log_ticks(low, high, wanted),
        }
    }

    /// Whole numbers in this range, at most about `wanted` of them; for counts.
    pub(super) fn whole_ticks(self, wanted: usize) -> Ticks {
        let Ticks { marks, .. } = self.ticks(wanted);
        let marks = marks.into_iter().filter(|(value, _)| value.fract() == 0.0);
        Ticks { marks: marks.map(|(value, _)| (value, format!("{value:.0}"))).collect(), exponent: 0 }
    }
}

impl Axis {
    /// The position of a value. None if it is not a number, out of bounds, or not positive on a logarithmic axis.
    pub(super) fn at(&self, value: f64) -> Option<f64> {
        if !is_drawable(value) {
            return None;
        }
        let (low, high, value) = match self.range {
            Range::Linear { low, high } => (low, high, value),
            Range::Log { low, high } => (low, high, if value > 0.0 { value.log10() } else { return None }),
        };
        let share = (value - low) / (high - low);
        Some(self.start + share * (self.end - self.start))
    }

    /// The position of the lower end.
    pub(super) fn start(&self) -> f64 {
        self.start
    }

    /// The position of the upper end.
    pub(super) fn end(&self) -> f64 {
        self.end
    }
}

/// Whether a value can be given a place in a picture.
pub(super) fn is_drawable(value: f64) -> bool {
    value.abs() < TOO_LARGE
}

fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64, wanted: usize) -> Ticks {
    let rough = (high - low) / wanted.max(1) as f64;
    let mut power = rough.log10().floor() as i32;
    let mantissa = match rough / 10f64.powi(power) {
        // The geometric middle between two steps decides, so that the number of ticks is nearest to the wanted one.
        r if r <= 1.4 => 1,
        r if r <= 3.2 => 2,
        r if r <= 7.1 => 5,
        _ => {
            power += 1;
            1
        }
    };
    let step = f64::from(mantissa) * 10f64.powi(power);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    let largest = (first.unsigned_abs().max(last.unsigned_abs()) as f64 * step).log10().floor();
    let exponent = if (-3.0..5.0).contains(&largest) { 0 } else { largest as i32 };
    let decimals = (exponent - power).max(0) as usize;
    // Ten to `power - exponent` and not `step / 10^exponent`: the latter is not round where 10^exponent is subnormal.
    let unit = f64::from(mantissa) * 10f64.powi(power - exponent);
    let label = |i: i64| format!("{:.decimals$}", i as f64 * unit);
    Ticks { marks: (first..=last).map(|i| (i as f64 * step, label(i))).collect(), exponent }
}

/// Powers of ten; between them 2 and 5 where there is room; linear where not even those make three.
fn log_ticks(low: f64, high: f64, wanted: usize) -> Ticks {
    let (first, last) = (low.ceil() as i32, high.floor() as i32);
    let decades = (last - first + 1).max(0);
    if decades >= 3 {
        let stride = (decades as usize).div_ceil(wanted.max(1)) as i32;
        let shown: Vec<i32> = (first..=last).filter(|power| power.rem_euclid(stride) == 0).collect();
        return powers(shown.into_iter().map(|power| (1, power)));
    }
    let inside = |mantissa: i32, power: i32| {
        let at = f64::from(mantissa).log10() + f64::from(power);
        low <= at && at <= high
    };
    let shown: Vec<(i32, i32)> = (first - 1..=last)
        .flat_map(|power| [1, 2, 5].map(|mantissa| (mantissa, power)))
        .filter(|(mantissa, power)| inside(*mantissa, *power))
        .collect();
    if shown.len() >= 3 {
        return powers(shown.into_iter());
    }
    linear_ticks(10f64.powf(low), 10f64.powf(high), wanted)
}

fn powers(shown: impl Iterator<Item = (i32, i32)> + Clone) -> Ticks {
    let is_plain = shown.clone().all(|(_, power)| (-3..5).contains(&power));
    let mark = |(mantissa, power): (i32, i32)| {
        let label = match (is_plain, mantissa) {
            (true, _) if power < 0 => {
                format!("{:.*}", power.unsigned_abs() as usize, f64::from(mantissa) * 10f64.powi(power))
            }
            (true, _) => format!("{}", f64::from(mantissa) * 10f64.powi(power)),
            (false, 1) => ten_to(power),
            (false, _) => format!("{mantissa}·{}", ten_to(power)),
        };
        (f64::from(mantissa) * 10f64.powi(power), label)
    };
    Ticks { marks: shown.map(mark).collect(), exponent: 0 }
}

/// Ten to a power, in characters: `10⁻³`.
pub(super) fn ten_to(power: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |c: char| c.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize]);
    "10".chars().chain(power.to_string().chars().map(raised)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &Ticks) -> Vec<&str> {
        ticks.marks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_of_a_linear_axis_are_round_and_share_one_exponent() {
        let ticks = Range::Linear { low: -0.3, high: 1.1 }.ticks(4);
        assert_eq!(labels(&ticks), ["0.0", "0.5", "1.0"]);
        let ticks = Range::Linear { low: 0.0, high: 412_345.0 }.ticks(5);
        assert_eq!((labels(&ticks), ticks.exponent), (vec!["0", "1", "2", "3", "4"], 5));
        let ticks = Range::Linear { low: 2.1e-5, high: 2.9e-5 }.ticks(4);
        assert_eq!((labels(&ticks), ticks.exponent), (vec!["2.2", "2.4", "2.6", "2.8"], -5));
    }

    #[test]
    fn ticks_of_a_logarithmic_axis_are_powers_of_ten_or_finer_where_those_are_too_few() {
        assert_eq!(labels(&Range::log([1e-8, 1.0]).unwrap().ticks(5)), ["10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"]);
        assert_eq!(labels(&Range::log([0.01, 1.0]).unwrap().ticks(5)), ["0.01", "0.1", "1"]);
        assert_eq!(labels(&Range::log([120.0, 900.0]).unwrap().ticks(5)), ["100", "200", "500", "1000"]);
        assert_eq!(labels(&Range::log([3e6, 2e7]).unwrap().ticks(5)), ["5·10⁶", "10⁷", "2·10⁷"]);
        assert!(Range::log([5.0, 5.1]).unwrap().ticks(5).marks.len() >= 3);
    }

    #[test]
    fn every_drawable_value_lies_within_the_axis_made_for_it_and_ticks_are_few() {
        let ugly =
            [0.0, -0.0, 5e-324, 1e-300, 1.0, 1.0 + 1e-12, -7.0, 1e9 + 1.0, 1e9, -1e299, 9e299, f64::NAN, f64::MAX];
        for &a in &ugly {
            for &b in &ugly {
                for range in [Range::linear([a, b]), Range::log([a, b])].into_iter().flatten() {
                    let axis = range.between(10.0, 110.0);
                    for at in [a, b].into_iter().filter_map(|v| axis.at(v)) {
                        assert!((10.0..=110.0).contains(&at), "{a} {b} {range:?} {at}");
                    }
                    let ticks = range.ticks(5);
                    assert!(ticks.marks.len() <= 12, "{a} {b} {range:?} {ticks:?}");
                    for (value, _) in
                        ticks.marks.iter().filter(|(v, _)| *v != 0.0 || range == Range::linear([a, b]).unwrap())
                    {
                        if let Some(at) = axis.at(*value) {
                            assert!((9.9..=110.1).contains(&at), "{a} {b} {range:?} {value}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_has_no_place_on_an_axis_has_no_position() {
        let log = Range::log([1.0, 10.0]).unwrap().between(0.0, 1.0);
        assert_eq!([0.0, -1.0, f64::NAN, f64::INFINITY].map(|v| log.at(v)), [None; 4]);
        assert_eq!(Range::log([0.0, -1.0, f64::NAN]), None);
        assert_eq!(Range::linear([f64::NAN, f64::INFINITY]), None);
    }

    #[test]
    fn a_constant_gets_a_range_around_it() {
        let Some(Range::Linear { low, high }) = Range::linear([3.0, 3.0]) else { panic!("a range") };
        assert!(low < 3.0 && 3.0 < high);
    }
}
