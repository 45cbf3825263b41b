//! Processor time of a run.

/// Seconds of processor time that this thread has used, where the system says so in `/proc`.
///
/// Wall-clock time says little on a machine that does other things; this does not count them. A run of an experiment stays
/// in one thread, so that several can be timed at the same time.
pub(super) fn cpu_seconds() -> Option<f64> {
    // The first number is the time on a processor in nanoseconds; the system brings it up to date some hundred times a
    // second.
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds * 1e-9)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn processor_time_grows_with_work() {
        let before = super::cpu_seconds().unwrap();
        let mut x = 1.0_f64;
        while super::cpu_seconds().unwrap() - before < 0.02 {
            x = std::hint::black_box(x.sin() + 1.0);
        }
        assert!(x.is_finite());
    }
}
