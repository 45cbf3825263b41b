//! Activation functions of hidden layers.

use serde::{Deserialize, Serialize};

/// The function `σ` that a hidden layer applies to each of its neurons.
///
/// Products of inputs are only ever formed through [`Activation::Square`]:
/// `xy = ((x+y)/2)² - ((x-y)/2)²`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// `max(z, 0)`; a network of these is continuous and piecewise linear.
    Relu,
    /// `tanh z`.
    Tanh,
    /// `sin z`.
    Sin,
    /// `z²`.
    Square,
    /// `z`.
    Identity,
}

impl Activation {
    /// Every activation, in the order in which help texts list them.
    pub const ALL: [Self; 5] = [Self::Relu, Self::Tanh, Self::Sin, Self::Square, Self::Identity];

    /// The name used in files, on the command line and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sin => "sin",
            Self::Square => "square",
            Self::Identity => "identity",
        }
    }

    /// `σ(z)` with the functions of the standard library. NaN stays NaN.
    ///
    /// ```
    /// use multigrade_model::Activation;
    /// assert_eq!(Activation::Relu.apply(-2.0), 0.0);
    /// assert_eq!(Activation::Square.apply(-3.0), 9.0);
    /// ```
    pub fn apply(self, z: f64) -> f64 {
        match self {
            // `f64::max` would turn NaN into 0 and hide a diverged network.
            Self::Relu => {
                if z < 0.0 {
                    0.0
                } else {
                    z
                }
            }
            Self::Tanh => z.tanh(),
            Self::Sin => z.sin(),
            Self::Square => z * z,
            Self::Identity => z,
        }
    }

    /// `σ'(z)`; for [`Activation::Relu`] the value at the kink is 0.
    pub fn derivative(self, z: f64) -> f64 {
        match self {
            Self::Relu => {
                if z > 0.0 {
                    1.0
                } else {
                    0.0
                }
            }
            Self::Tanh => {
                let t = z.tanh();
                1.0 - t * t
            }
            Self::Sin => z.cos(),
            Self::Square => 2.0 * z,
            Self::Identity => 1.0,
        }
    }
}

impl std::fmt::Display for Activation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Activation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|a| a.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|a| a.name()).collect();
            format!("unknown activation '{text}'; expected one of {}", names.join(", "))
        })
    }
}
