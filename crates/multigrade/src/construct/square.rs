//! Grades for parabolas: one fold each, and a quarter of the error.
//!
//! With the tent map `T(z) = 2z` for `z <= 1/2`, else `2 - 2z`, and `T^k` its `k`-fold composition,
//! `z² = z - Σ_j 4^-j T^j(z)`, and after `k` terms the rest lies in `[-4^-(k+1), 0]`. Grade `k` needs only the last
//! feature of grade `k - 1` (Yarotsky 2017).

use super::cube::Cube;
use super::target::Target;
use super::wiring::{Form, Wiring};
use super::{Built, ConstructError};
use multigrade_model::truth::{Decoration, Interval};

/// `f(x_0) + linear z + square z²`, up to rounding.
pub(super) struct Square {
    wiring: Wiring,
    start: f64,
    linear: f64,
    square: f64,
    grade: i32,
    /// The tent map composed with itself as often as there are grades.
    tent: Form,
}

impl Square {
    /// The parabola that the target is, if its second derivative is one number up to rounding.
    pub(super) fn of(target: &dyn Target, cube: &Cube) -> Option<Self> {
        if cube.dimension() != 1 {
            return None;
        }
        let place = cube.enclose(0, Interval::new(0.0, 1.0)?);
        let enclosure = target.enclose(&[place]);
        if enclosure.decoration != Decoration::C11 {
            return None;
        }
        let second = enclosure.second(0, 0);
        let is_one_number = second.width() <= 16.0 * f64::EPSILON * second.midpoint().abs();
        if !is_one_number || second.midpoint() == 0.0 {
            return None;
        }
        let [start, end] = [0.0, 1.0].map(|z| target.sample(&[cube.at(0, z)]));
        let square = 0.5 * second.midpoint() * cube.scale(0) * cube.scale(0);
        let wiring = Wiring::new(1);
        let tent = wiring.x(0).clone();
        Some(Self { wiring, start, linear: end - start - square, square, grade: 0, tent })
    }

    /// The next grade; after grade `k` the error is `|square| 4^-(k+1)`.
    pub(super) fn grade(&mut self) -> Result<Built, ConstructError> {
        self.grade += 1;
        let share = self.square * 0.25f64.powi(self.grade);
        let fold = self.wiring.fold(&self.tent)?;
        let mut correction = Form::default().plus(-share, &fold.tent);
        if self.grade == 1 {
            correction = correction.plus(self.linear + self.square, &fold.input).shifted(self.start);
        }
        self.tent = fold.tent;
        let grade = self.wiring.finish(&correction)?;
        Ok(Built { grade, deviation: 0.25 * share.abs(), nodes: 1, hints: Vec::new(), level: Some(self.grade as u32) })
    }

    /// Grades that bring the error below the tolerance.
    pub(super) fn grades(&self, tolerance: f64) -> usize {
        (1..=60).find(|&k| self.square.abs() * 0.25f64.powi(k + 1) <= tolerance).unwrap_or(60) as usize
    }
}
