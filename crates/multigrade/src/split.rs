//! Which rows are held out.

use crate::Samples;

/// Rows kept and rows held out, each in their original order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Rows to learn from.
    pub train: Vec<usize>,
    /// Rows held out.
    pub held_out: Vec<usize>,
}

/// A keyed hash of a row's inputs (the finaliser of splitmix64, folded over the bits of the numbers).
///
/// The hash depends on the content alone, so rows with equal inputs stand on the same side of every split and the
/// order of the rows does not matter. It need not resist an adversary.
pub(crate) fn row_hash(key: u64, row: &[f64]) -> u64 {
    let mix = |z: u64| {
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    // Adding 0.0 makes -0.0 and 0.0 the same content.
    row.iter().fold(mix(key ^ 0x9e37_79b9_7f4a_7c15), |h, x| mix(h.wrapping_add((x + 0.0).to_bits()).rotate_left(17)))
}

/// The hash of a row as its table holds it: what stands in place of a missing cell is learned from one side of a split, so
/// the split must not depend on it. Indicators tell which cells those are.
fn content_hash(key: u64, samples: &Samples, i: usize) -> u64 {
    let row = samples.inputs_of(i);
    let Some(imputation) = samples.imputation() else { return row_hash(key, row) };
    let mut content = row.to_vec();
    let indicators = &row[imputation.n_columns()..];
    for (&j, _) in imputation.indicators().iter().zip(indicators).filter(|(_, is_missing)| **is_missing == 1.0) {
        content[j] = 0.0;
    }
    row_hash(key, &content)
}

/// Holds out the rows of smallest hash until they weigh `share` of all weight.
///
/// `share` lies in `[0, 1)`. At least one distinct row is held out when `share > 0`, and at least one is kept; with a
/// single distinct row nothing is held out. Of samples of classes, no row is held out that would leave a class without any
/// kept row.
pub fn split(samples: &Samples, share: f64, key: u64) -> Split {
    let n = samples.rows();
    if share <= 0.0 {
        return Split { train: (0..n).collect(), held_out: Vec::new() };
    }
    let mut order: Vec<(u64, usize)> = (0..n).map(|i| (content_hash(key, samples, i), i)).collect();
    order.sort_unstable();
    let largest = order[n - 1].0;
    let goal = share * samples.weights().iter().sum::<f64>();
    let (mut weight, mut is_held) = (0.0, vec![false; n]);
    let mut kept = samples.n_classes().map(|classes| vec![0; classes]);
    if let Some(kept) = &mut kept {
        (0..n).for_each(|i| kept[samples.class_of(i)] += 1);
    }
    for group in order.chunk_by(|a, b| a.0 == b.0) {
        let group_weight: f64 = group.iter().map(|&(_, i)| samples.weights()[i]).sum();
        // A group is held out whole if that brings the weight nearer to the goal.
        if group[0].0 == largest || (weight > 0.0 && weight + group_weight / 2.0 > goal) {
            break;
        }
        if let Some(kept) = &mut kept
            && !can_spare(kept, group.iter().map(|&(_, i)| samples.class_of(i)))
        {
            continue;
        }
        weight += group_weight;
        group.iter().for_each(|&(_, i)| is_held[i] = true);
    }
    let (held_out, train) = (0..n).partition(|&i| is_held[i]);
    Split { train, held_out }
}

/// Takes rows of these classes away from the counts, unless a class would have none left.
fn can_spare(kept: &mut [usize], classes: impl Iterator<Item = usize> + Clone) -> bool {
    classes.clone().for_each(|class| kept[class] -= 1);
    let can = classes.clone().all(|class| kept[class] > 0);
    if !can {
        classes.for_each(|class| kept[class] += 1);
    }
    can
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(x: &[f64], w: Option<Vec<f64>>) -> Samples {
        Samples::new(1, 1, x.to_vec(), vec![0.0; x.len()], w).unwrap()
    }

    fn values(s: &Samples, rows: &[usize]) -> Vec<u64> {
        let mut v: Vec<u64> = rows.iter().map(|&i| s.inputs()[i].to_bits()).collect();
        v.sort_unstable();
        v
    }

    proptest! {
        #[test]
        fn every_row_is_on_one_side_and_equal_rows_are_on_the_same(x in prop::collection::vec(0..30i32, 1..80), share in 0.0..0.9f64, key: u64) {
            let x: Vec<f64> = x.into_iter().map(f64::from).collect();
            let s = samples(&x, None);
            let parts = split(&s, share, key);
            prop_assert_eq!(parts.train.len() + parts.held_out.len(), x.len());
            prop_assert!(!parts.train.is_empty());
            for &i in &parts.train {
                prop_assert!(parts.held_out.iter().all(|&j| x[i] != x[j]));
            }
        }

        #[test]
        fn the_order_of_rows_does_not_matter(x in prop::collection::vec(-1e3..1e3f64, 2..60), key: u64) {
            let mut turned = x.clone();
            turned.reverse();
            let (a, b) = (samples(&x, None), samples(&turned, None));
            prop_assert_eq!(values(&a, &split(&a, 0.3, key).held_out), values(&b, &split(&b, 0.3, key).held_out));
        }

        #[test]
        fn a_weight_of_two_is_the_same_as_the_row_twice(x in prop::collection::vec(-1e3..1e3f64, 2..60), key: u64) {
            let weights: Vec<f64> = (0..x.len()).map(|i| 1.0 + f64::from(u8::from(i % 3 == 0))).collect();
            let twice: Vec<f64> = x.iter().zip(&weights).flat_map(|(&x, &w)| vec![x; w as usize]).collect();
            let (a, b) = (samples(&x, Some(weights)), samples(&twice, None));
            let (mut u, mut v) = (values(&a, &split(&a, 0.3, key).held_out), values(&b, &split(&b, 0.3, key).held_out));
            u.dedup();
            v.dedup();
            prop_assert_eq!(u, v);
        }
    }

    #[test]
    fn the_share_is_met_within_half_a_row() {
        let x: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(split(&samples(&x, None), 0.2, 7).held_out.len(), 200);
        assert_eq!(split(&samples(&x, None), 0.0, 7).held_out.len(), 0);
        assert_eq!(split(&samples(&x[..1], None), 0.5, 7).held_out.len(), 0);
        assert_eq!(split(&samples(&x[..2], None), 0.01, 7).held_out.len(), 1);
    }
}
