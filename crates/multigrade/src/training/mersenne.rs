//! The Mersenne Twister, and what the published experiments draw from it.
//!
//! M. Matsumoto, T. Nishimura: *Mersenne Twister* (ACM Transactions on Modeling and Computer Simulation 8, 1998), seeded
//! with one word. Numbers in `[0, 1)`, orders and normal deviates are made of its words in the way of NumPy's legacy
//! generator (`numpy.random.RandomState`), whose streams NumPy promises to keep: the published runs start from them.

const WORDS: usize = 624;
const SHIFT: usize = 397;

/// The generator MT19937.
pub(crate) struct Mersenne {
    state: [u32; WORDS],
    next: usize,
    /// The second of two normal deviates, which are made together.
    spare: Option<f64>,
}

impl Mersenne {
    /// The generator seeded with one word.
    pub(crate) fn new(seed: u32) -> Self {
        let mut state = [seed; WORDS];
        for i in 1..WORDS {
            let before = state[i - 1];
            state[i] = 1_812_433_253_u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(i as u32);
        }
        Self { state, next: WORDS, spare: None }
    }

    fn refill(&mut self) {
        for i in 0..WORDS {
            let joined = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % WORDS] & 0x7fff_ffff);
            let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + SHIFT) % WORDS] ^ (joined >> 1) ^ twist;
        }
        self.next = 0;
    }

    fn word(&mut self) -> u32 {
        if self.next == WORDS {
            self.refill();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// A number in `[0, 1)`, a multiple of 2^-53.
    pub(crate) fn unit(&mut self) -> f64 {
        let (high, low) = (self.word() >> 5, self.word() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// A number in `[low, high)`.
    pub(crate) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A normal deviate of mean 0 and variance 1, by the polar method of Marsaglia.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if 0.0 < square && square < 1.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(factor * x);
                return factor * y;
            }
        }
    }

    /// `0, ..., n - 1` in random order, by Fisher and Yates from the back.
    pub(crate) fn permutation(&mut self, n: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i as usize, self.at_most(i) as usize);
        }
        order
    }

    /// A whole number from 0 to `most`, which is not 0, by rejection.
    fn at_most(&mut self, most: u32) -> u32 {
        let mask = u32::MAX >> most.leading_zeros();
        loop {
            let candidate = self.word() & mask;
            if candidate <= most {
                return candidate;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_streams_are_those_of_numpy() {
        let reference: Value =
            serde_json::from_str(include_str!("../../../../testdata/published_reference.json")).unwrap();
        let numbers = |name: &str| -> Vec<f64> {
            reference["draws"][name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
        };
        let mut random = Mersenne::new(1);
        let drawn: Vec<f64> = (0..1000).map(|_| random.uniform(-1.0, 1.0)).collect();
        assert_eq!([drawn[0], drawn[1], drawn[999]], *numbers("uniforms_of_seed_1"));
        let order = Mersenne::new(2).permutation(6000);
        let first: Vec<f64> = order.iter().take(5).map(|&i| f64::from(i)).collect();
        assert_eq!(first, numbers("permutation_of_seed_2"));
        let mut random = Mersenne::new(0);
        let phases: Vec<f64> = (0..40).map(|_| random.uniform(0.0, 2.0 * std::f64::consts::PI)).collect();
        assert_eq!(phases, numbers("phases"));
    }

    #[test]
    fn normal_deviates_have_mean_0_and_variance_1() {
        let mut random = Mersenne::new(7);
        let n = 20_000;
        let draws: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let square = draws.iter().map(|z| z * z).sum::<f64>() / f64::from(n);
        // Four standard errors.
        assert!(mean.abs() < 4.0 / f64::from(n).sqrt() && (square - 1.0).abs() < 4.0 * (2.0 / f64::from(n)).sqrt());
    }

    #[test]
    fn a_permutation_holds_every_number_once() {
        for n in [0, 1, 2, 3, 1000] {
            let mut order = Mersenne::new(n).permutation(n);
            order.sort_unstable();
            assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }
}
