//! Quick looks for neurons that would lower the objective: many directions, the best of them improved by ascent.

use super::cloud::{Cloud, dot, length};
use rand::SeedableRng;
use rand::distr::Distribution;
use rand_distr::StandardNormal;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A neuron of norm 1 and `sum_i v_i relu(<x_i, w>)`.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) w: Vec<f64>,
    pub(super) value: f64,
}

/// Fixed directions and what the rows are on them.
pub(super) struct Scout<'a> {
    cloud: &'a Cloud,
    directions: Vec<Vec<f64>>,
    /// Penalised biases: activations `relu(<x_i, w>)`, one column per direction. Free biases: not needed.
    activations: Vec<Vec<f64>>,
    /// Free biases: rows by descending projection on each direction.
    orders: Vec<Vec<u32>>,
}

/// Candidates of one round at most.
const MOST_CANDIDATES: usize = 12;

impl<'a> Scout<'a> {
    pub(super) fn new(cloud: &'a Cloud, seed: u64) -> Self {
        let count = ((1 << 22) / cloud.n.max(1)).clamp(32, 512);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let directions: Vec<Vec<f64>> = match cloud.norm {
            0 => Vec::new(),
            1 => vec![vec![1.0], vec![-1.0]],
            2 => (0..count)
                .map(|k| {
                    let angle = std::f64::consts::TAU * k as f64 / count as f64;
                    vec![angle.cos(), angle.sin()]
                })
                .collect(),
            norm => (0..count)
                .map(|_| {
                    let v: Vec<f64> = (0..norm).map(|_| StandardNormal.sample(&mut random)).collect();
                    let size = length(&v);
                    v.iter().map(|v| v / size).collect()
                })
                .collect(),
        };
        let mut scout = Self { cloud, directions, activations: Vec::new(), orders: Vec::new() };
        if cloud.norm < cloud.p {
            scout.directions.truncate(128);
            scout.orders = scout.directions.iter().map(|v| scout.order(v).0).collect();
        } else {
            let mut h = Vec::new();
            for w in &scout.directions {
                cloud.preactivations(w, &mut h);
                scout.activations.push(h.iter().map(|h| h.max(0.0)).collect());
            }
        }
        scout
    }

    fn is_free(&self) -> bool {
        self.cloud.norm < self.cloud.p
    }

    /// Different neurons of norm 1 with a value above `threshold`, best first.
    pub(super) fn candidates(&self, v: &[f64], threshold: f64, known: &[&[f64]]) -> Vec<Candidate> {
        let mut starts = if self.is_free() { self.free_starts(v, threshold) } else { self.starts(v) };
        starts.extend(known.iter().map(|w| self.normalised(w, v)));
        let mut found: Vec<Candidate> = starts.into_iter().map(|start| self.ascend(start, v)).collect();
        found.retain(|c| c.value.abs() > threshold);
        distinct(found, 0.9999, MOST_CANDIDATES)
    }

    /// A direction at norm 1 with its value; improved by ascent.
    pub(super) fn improved(&self, w: &[f64], v: &[f64]) -> Candidate {
        self.ascend(self.normalised(w, v), v)
    }

    fn normalised(&self, w: &[f64], v: &[f64]) -> Candidate {
        let size = self.cloud.size(w);
        let w: Vec<f64> = w.iter().map(|w| w / size).collect();
        let value = self.value(&w, v).0;
        Candidate { w, value }
    }

    fn value(&self, w: &[f64], v: &[f64]) -> (f64, Vec<f64>) {
        let mut h = Vec::new();
        self.cloud.preactivations(w, &mut h);
        (h.iter().zip(v).map(|(h, v)| h.max(0.0) * v).sum(), h)
    }

    fn starts(&self, v: &[f64]) -> Vec<Candidate> {
        let values: Vec<f64> = self.activations.iter().map(|h| dot(h, v)).collect();
        let count = values.len();
        let at = |k: usize| values[k % count].abs();
        // On a circle ascent from anywhere ends at the peaks, so only they are worth one.
        let is_start = |k: &usize| self.cloud.p > 2 || (at(*k) >= at(k + 1) && at(*k) >= at(k + count - 1));
        let all = (0..count).filter(is_start).map(|k| Candidate { w: self.directions[k].clone(), value: values[k] });
        let apart = if self.cloud.p == 2 { 0.9995 } else { 0.95 };
        distinct(all.collect(), apart, 24)
    }

    /// Projections of the rows on a direction, and the rows by descending projection.
    fn order(&self, direction: &[f64]) -> (Vec<u32>, Vec<f64>) {
        let cloud = self.cloud;
        let mut t = vec![0.0; cloud.n];
        for (k, &a) in direction.iter().enumerate() {
            t.iter_mut().zip(cloud.column(k)).for_each(|(t, x)| *t += a * x);
        }
        t.iter_mut().zip(cloud.column(cloud.norm)).for_each(|(t, root)| *t /= root);
        let mut order: Vec<u32> = (0..cloud.n as u32).collect();
        order.sort_unstable_by(|&i, &j| t[j as usize].total_cmp(&t[i as usize]).then(i.cmp(&j)));
        (order, t)
    }

    /// Biases at which `|u(c)|`, `u(c) = sum_{t_i > c} v_i (t_i - c)`, `c = -bias`, has a local maximum above the threshold.
    fn peaks(&self, order: &[u32], t: impl Fn(usize) -> f64, v: &[f64], threshold: f64) -> Vec<(f64, f64)> {
        let root = self.cloud.column(self.cloud.norm);
        let (mut sum, mut u, mut last) = (0.0, 0.0, f64::INFINITY);
        let mut trail: Vec<(f64, f64)> = Vec::with_capacity(order.len());
        for &i in order {
            let place = t(i as usize);
            if last.is_finite() {
                u += sum * (last - place);
            }
            sum += v[i as usize] * root[i as usize];
            last = place;
            trail.push((-place, u));
        }
        let at = |k: usize| trail[k].1.abs();
        let is_peak = |k: usize| {
            at(k) > threshold && (k == 0 || at(k) >= at(k - 1)) && (k + 1 == trail.len() || at(k) > at(k + 1))
        };
        (0..trail.len()).filter(|&k| is_peak(k)).map(|k| trail[k]).collect()
    }

    fn free_starts(&self, v: &[f64], threshold: f64) -> Vec<Candidate> {
        let cloud = self.cloud;
        let mut all = Vec::new();
        for (direction, order) in self.directions.iter().zip(&self.orders) {
            let t = |i: usize| {
                (0..cloud.norm).map(|k| direction[k] * cloud.column(k)[i]).sum::<f64>() / cloud.column(cloud.norm)[i]
            };
            for (bias, value) in self.peaks(order, t, v, if cloud.norm == 1 { threshold } else { 0.5 * threshold }) {
                all.push(Candidate { w: direction.iter().copied().chain([bias]).collect(), value });
            }
        }
        distinct(all, if cloud.norm == 1 { 0.999_999 } else { 0.98 }, 24)
    }

    /// Goes towards the gradient as long as that raises the value; with free biases the bias is the best one each time.
    fn ascend(&self, start: Candidate, v: &[f64]) -> Candidate {
        let (mut best, sign) = (start, 1.0f64);
        let sign = sign.copysign(best.value);
        let mut step = 1.0f64;
        let mut h = self.value(&best.w, v).1;
        for _ in 0..60 {
            let gradient = self.cloud.gradient(&h, v);
            let size = self.cloud.size(&gradient);
            if size == 0.0 || step < 1e-9 {
                break;
            }
            let norm = self.cloud.norm;
            let mut w: Vec<f64> =
                best.w.iter().zip(&gradient).map(|(w, g)| (1.0 - step) * w + step * sign * g / size).collect();
            let length = self.cloud.size(&w);
            w.iter_mut().for_each(|w| *w /= length);
            if self.is_free() {
                let (order, t) = self.order(&w[..norm]);
                let peaks = self.peaks(&order, |i| t[i], v, 0.0);
                let top = peaks.into_iter().filter(|p| p.1 * sign > 0.0).max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
                let Some((bias, _)) = top else { break };
                w[norm] = bias;
            }
            let (value, next) = self.value(&w, v);
            if value * sign > best.value * sign {
                best = Candidate { w, value };
                h = next;
                step = (2.0 * step).min(1.0);
            } else {
                step *= 0.25;
            }
        }
        best
    }
}

/// The best candidates, each at an angle of cosine at most `apart` from the others of its sign.
fn distinct(mut all: Vec<Candidate>, apart: f64, most: usize) -> Vec<Candidate> {
    all.retain(|c| c.value.is_finite());
    all.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in all {
        if kept.len() == most {
            break;
        }
        let is_near = |k: &Candidate| {
            k.value.signum() == candidate.value.signum()
                && dot(&k.w, &candidate.w) > apart * length(&k.w) * length(&candidate.w)
        };
        if !kept.iter().any(is_near) {
            kept.push(candidate);
        }
    }
    kept
}
