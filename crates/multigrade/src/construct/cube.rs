//! The domain as the unit cube: `x = center + scale z`, the scaling that the model stores.

use multigrade_model::truth::{Domain, Interval};
use multigrade_model::{ModelError, Scaling};

/// The box, with every variable mapped to `[0, 1]`.
pub(super) struct Cube {
    center: Vec<f64>,
    scale: Vec<f64>,
}

impl Cube {
    pub(super) fn new(domain: &Domain) -> Self {
        let center: Vec<f64> = domain.sides().iter().map(|side| side.lower()).collect();
        // Upwards, so that no point of the box is mapped beyond 1.
        let scale = |side: &Interval| {
            let width = side.upper() - side.lower();
            if exact(side.upper()) - exact(side.lower()) == exact(width) { width } else { width.next_up() }
        };
        Self { center, scale: domain.sides().iter().map(scale).collect() }
    }

    pub(super) fn dimension(&self) -> usize {
        self.center.len()
    }

    /// Length of the side of variable `i`.
    pub(super) fn scale(&self, i: usize) -> f64 {
        self.scale[i]
    }

    /// Encloses `x_i` for all `z_i` of an interval.
    pub(super) fn enclose(&self, i: usize, z: Interval) -> Interval {
        exact(self.center[i]) + exact(self.scale[i]) * z
    }

    /// About `x_i` at `z_i`.
    pub(super) fn at(&self, i: usize, z: f64) -> f64 {
        self.center[i] + self.scale[i] * z
    }

    /// The scaling of the model's inputs.
    pub(super) fn scaling(&self) -> Result<Scaling, ModelError> {
        Scaling::new(self.center.clone(), self.scale.clone())
    }
}

/// The interval of one number; the whole line if it is not finite.
pub(super) fn exact(x: f64) -> Interval {
    Interval::point(x).unwrap_or(Interval::ENTIRE)
}

/// The interval between two numbers in any order; the whole line if they do not make one.
pub(super) fn between(a: f64, b: f64) -> Interval {
    Interval::new(a.min(b), a.max(b)).unwrap_or(Interval::ENTIRE)
}
