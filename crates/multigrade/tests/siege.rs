//! No proof is broken and no forgery believed, in a short run of `examples/siege.rs`.

#[path = "sieges/mod.rs"]
#[allow(unreachable_pub)]
mod sieges;

use sieges::{Tally, besiege};

#[test]
fn no_proved_bound_is_exceeded_and_no_forgery_is_believed() {
    let mut tally = Tally::default();
    (0..40).for_each(|seed| {
        besiege(seed, &mut tally);
    });
    assert!(tally.proofs >= 10 && tally.forgeries > 400 && tally.points > 10_000, "{tally:?}");
    assert_eq!((tally.violations, tally.believed), (0, 0), "{tally:?}");
}
